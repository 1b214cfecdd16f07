//! setup, its data, teardown.
import http from 'k6/http';
import { sorted } from './lib/sorted.js';
import { check, group } from 'k6';
import { Counter } from 'k6/metrics';

export const options = { iterations: 2 };
const made = new Counter('made');

export function setup() {
  const res = http.get(`${__ENV.BASE}/get?setup`);
  check(res, { 'setup is 200': (r) => r.status === 200 });
  made.add(1);
  group('in setup', () => made.add(1));
  return { n: 1, list: [1, { a: null }], undef: undefined, date: new Date(1500), nested: { deep: true } };
}

export default function (data) {
  console.log(sorted(data), arguments.length, 'undef' in data, typeof data.date);
  data.n += 1;
  http.get(`${__ENV.BASE}/get?n=${data.n}`);
}

export function teardown(data) {
  console.log('teardown', sorted(data));
  http.get(`${__ENV.BASE}/get?teardown`);
  made.add(1);
}
