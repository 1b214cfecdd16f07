//! handleSummary: what it gets, what it gives.
import http from 'k6/http';
import { check, group } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const counter = new Counter('my_counter');
const gauge = new Gauge('my_gauge');
const rate = new Rate('my_rate');
const trend = new Trend('my_trend');

export const options = { iterations: 2, thresholds: { my_counter: ['count<1'], 'my_trend{a:b}': ['max<100'] }, summaryTrendStats: ['min', 'max', 'p(99)', 'count'] };

export function setup() {
  return { from: 'setup' };
}

export default function () {
  group('a group', () => {
    check(http.get(`${__ENV.BASE}/get`), { 'is 200': (r) => r.status === 200, 'never': false });
    group('within', () => check(1, { deep: true }));
  });
  check(1, { top: true });
  counter.add(2);
  gauge.add(__ITER);
  rate.add(__ITER === 0);
  trend.add(10, { a: 'b' });
  trend.add(20);
}

function shape(value, path, out) {
  if (value !== null && typeof value === 'object') {
    for (const key of Object.keys(value).sort()) shape(value[key], `${path}.${key}`, out);
    if (Object.keys(value).length === 0) out.push(`${path} ${Array.isArray(value) ? '[]' : '{}'}`);
  } else {
    const exact = /my_|options|root_group|isStd|type|contains|setup|\.count|passes|fails/.test(path) && !path.endsWith('.rate') && !path.includes('vus');
    out.push(`${path} ${exact ? JSON.stringify(value) : typeof value}`);
  }
}

export function handleSummary(data) {
  const out = [];
  for (const name of Object.keys(data.metrics)) if (name.startsWith('vus')) delete data.metrics[name];
  shape(data, 'data', out);
  console.log('in handleSummary', Object.keys(data).sort().join());
  return { stdout: 'to stdout\n', stderr: 'to stderr\n', 'shape.txt': out.join('\n') + '\n', 'bytes.txt': new Uint8Array([104, 105]).buffer, 'data/existing.txt': 'in a folder' };
}
