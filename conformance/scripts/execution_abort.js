//! exec.test.abort in every stage: exit code 108.
//! case iteration: -e WHERE=iteration
//! case no_message: -e WHERE=silent
//! case setup: -e WHERE=setup
//! case init: -e WHERE=init
//! case teardown: -e WHERE=teardown
//! case caught: -e WHERE=caught
import exec from 'k6/execution';

export const options = { iterations: 3 };
const where = __ENV.WHERE;

if (where === 'init') exec.test.abort('in init');

export function setup() {
  if (where === 'setup') exec.test.abort('in setup');
}

export default function () {
  console.log('iteration', __ITER);
  if (where === 'iteration') exec.test.abort('in an iteration');
  if (where === 'silent') exec.test.abort();
  if (where === 'caught') {
    try {
      exec.test.abort('to be caught');
    } catch (e) {
      console.log('caught');
    }
    console.log('after');
  }
}

export function teardown() {
  console.log('teardown');
  if (where === 'teardown') exec.test.abort('in teardown');
}
