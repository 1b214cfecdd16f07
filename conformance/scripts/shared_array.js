//! SharedArray.
import { SharedArray } from 'k6/data';
import { SharedArray as Again } from 'k6/data';

const data = new SharedArray('users', () => {
  return [{ name: 'a', list: [1] }, { name: 'b' }, 'text', 5, null];
});
const same = new Again('users', () => ['never used']);

export const options = { iterations: 2 };

function attempt(label, f) {
  try {
    console.log(label, f());
  } catch (e) {
    console.log(label, 'threw', String(e));
  }
}

attempt('no name', () => new SharedArray('', () => []));
attempt('no array', () => new SharedArray('x', () => ({})));
attempt('no function', () => new SharedArray('y', [1]));
attempt('throws', () => new SharedArray('z', () => { throw new Error('inside'); }));
attempt('async', () => new SharedArray('async', async () => []));

export default function () {
  console.log(data.length, data[0].name, data[4], typeof data[5], Array.isArray(data), same.length, same[0].name);
  console.log(JSON.stringify(data), data.map((x) => typeof x).join(), data.indexOf('text'), data[0] === data[0]);
  let n = 0;
  for (const item of data) n += 1;
  console.log(n, data.find((x) => x && x.name === 'b').name, [...data].length, data.slice(1, 3).length, Object.keys(data).join());
  attempt('set', () => { data[0] = 1; return JSON.stringify(data[0]); });
  attempt('set inside', () => { data[0].name = 'changed'; return data[0].name; });
  attempt('push', () => data.push(1));
  attempt('too late', () => new SharedArray('late', () => [1]).length);
}
