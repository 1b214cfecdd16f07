//! exec.test.fail marks a test as failed and goes on: exit code 110.
import exec from 'k6/execution';

export const options = { iterations: 3 };

export default function () {
  if (__ITER === 1) exec.test.fail('not good');
  console.log('goes on', __ITER);
}
