import { check, group, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const counter = new Counter('my_counter');
const gauge = new Gauge('my_gauge');
const rate = new Rate('my_rate');
const trend = new Trend('my_trend', true);

export const options = {
  userAgent: 'script',
  scenarios: { work: { executor: 'shared-iterations', vus: 2, iterations: 6, maxDuration: '1m' } },
  thresholds: {
    my_counter: ['count>1000'],
    'my_trend{a:b}': ['p(95)<5'],
    'my_trend{a:none}': ['p(95)<5'],
    checks: ['rate>0.1'],
  },
};

export function setup() {
  return { z: 'a < b & c', n: 1.5, list: [1, null] };
}

export default function (data) {
  group('outer <1>', () => {
    check(data, { 'has "z"': (d) => d.z !== undefined, never: () => false });
    group('inner', () => check(data, { 'has list': (d) => d.list.length === 2 }));
  });
  counter.add(2);
  gauge.add(7);
  rate.add(true);
  trend.add(3.25, { a: 'b' });
  trend.add(1);
  sleep(0.1);
  // The last iteration of each VU ends when the test says so.
  if (exec.scenario.iterationInTest >= 4) http.get(__ENV.GATE);
}

export function teardown() {
  console.log('torn down');
}
