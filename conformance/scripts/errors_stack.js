//! The stack of an error: functions, methods, modules, callbacks.
import { thrower } from './lib/thrower.js';
import { group, check } from 'k6';

export const options = { iterations: 4 };

class Thing {
  method() {
    throw new Error('in a method');
  }
}

const arrow = () => {
  throw new Error('in an arrow');
};

export default function () {
  if (__ITER === 0) thrower('from a module');
  if (__ITER === 1) new Thing().method();
  if (__ITER === 2) group('g', () => arrow());
  check(1, { c: () => thrower('in a check') });
}
