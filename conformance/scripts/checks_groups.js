//! Checks and groups: counts, names, tags, results.
import { check, group, fail, sleep } from 'k6';

export const options = { iterations: 3, thresholds: { checks: ['rate>0.1'], 'checks{mine:yes}': ['rate==1'], 'group_duration{group:::outer}': ['max<60000'] } };

export default function () {
  console.log(check(5, { 'is five': (v) => v === 5, truthy: true, 'not zero': (v) => v }));
  console.log(check(null, { 'null is given': (v) => v === null, zero: 0, 'empty text': '', undef: undefined, 'nan is false': NaN }));
  console.log(check('x', { tagged: (v) => v === 'x' }, { mine: 'yes', check: 'renamed' }));
  console.log(check(1, {}), check(1, { 'depends on the iteration': () => __ITER === 1 }));
  console.log(group('outer', () => {
    check(1, { 'in a group': true, 'is five': false });
    return group('inner', () => {
      check(1, { deeper: true });
      return 'from inside';
    });
  }));
  group('outer', () => check(1, { 'in a group': true }));
  group('empty', () => {});
  try {
    group('throwing', () => {
      throw new Error('inside a group');
    });
  } catch (e) {
    console.log('caught', String(e));
  }
  try {
    check(1, { before: true, throws: () => { throw new Error('in a check'); }, after: true });
  } catch (e) {
    console.log('caught', String(e));
  }
  for (const bad of [() => check(1, { 'a::b': true }), () => group('a::b', () => {}), () => group('', () => 'empty name'), () => check(), () => check(1), () => check(1, null), () => check(1, 'text'), () => group('g'), () => group('g', 5), () => sleep('x'), () => sleep(-1), () => sleep()]) {
    try {
      console.log('fine', bad());
    } catch (e) {
      console.log('threw', String(e));
    }
  }
  if (__ITER === 2) {
    fail('enough');
  }
}
