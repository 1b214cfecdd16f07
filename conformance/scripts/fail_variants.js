//! fail() ends an iteration, not the test.
import { fail } from 'k6';

export const options = { iterations: 4 };

export default function () {
  if (__ITER === 0) fail('a reason');
  if (__ITER === 1) fail();
  if (__ITER === 2) fail({ a: 1 });
  console.log('reached');
}
