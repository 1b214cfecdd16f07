//! setup and teardown that take too long.
//! case setup: -e WHERE=setup
//! case teardown: -e WHERE=teardown
import { sleep } from 'k6';

export const options = { setupTimeout: '1s', teardownTimeout: '1s' };

export function setup() {
  if (__ENV.WHERE === 'setup') sleep(20);
}

export default function () {
  console.log('default');
}

export function teardown() {
  if (__ENV.WHERE === 'teardown') sleep(20);
}
