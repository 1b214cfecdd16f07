//! Exceptions outside of iterations: exit code 107.
//! case init: -e WHERE=init
//! case init_text: -e WHERE=init_text
//! case setup: -e WHERE=setup
//! case teardown: -e WHERE=teardown
//! case vu_init: -e WHERE=vu_init
//! case setup_rejected: -e WHERE=setup_rejected
//! case init_rejected: -e WHERE=init_rejected
const where = __ENV.WHERE;

if (where === 'init') throw new Error('in init');
if (where === 'init_text') throw 'text in init';
if (where === 'vu_init' && __VU > 0) throw new Error('in the init of a VU');
if (where === 'init_rejected') Promise.reject(new Error('in init'));

export function setup() {
  if (where === 'setup') throw new Error('in setup');
  if (where === 'setup_rejected') return Promise.reject(new Error('rejected in setup'));
}

export default function () {
  console.log('iteration');
}

export function teardown() {
  console.log('teardown');
  if (where === 'teardown') throw new Error('in teardown');
}
