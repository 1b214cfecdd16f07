//! The full summary: groups and scenarios.
//! order: any
//! case full: --summary-mode full
//! case compact:
//! case seconds: --summary-time-unit s --summary-trend-stats avg,p(99.9),count
//! case machine: --new-machine-readable-summary --summary-mode disabled
import http from 'k6/http';
import { check, group } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const counter = new Counter('my_counter');
const gauge = new Gauge('my_gauge');
const rate = new Rate('my_rate');
const trend = new Trend('my_trend');
const time = new Trend('my_time', true);

export const options = {
  scenarios: { default: { executor: 'per-vu-iterations', vus: 1, iterations: 2 }, another: { executor: 'per-vu-iterations', vus: 1, iterations: 1, exec: 'another', startTime: '300ms' } },
  thresholds: { http_reqs: ['count>1'], my_counter: ['count<100'], 'my_trend{kind:a}': ['avg>1'], 'http_req_duration{scenario:another}': ['max<60000'] },
};

export default function () {
  group('one', () => {
    check(http.get(`${__ENV.BASE}/get`), { ok: (r) => r.status === 200, 'sometimes': () => __ITER === 0 });
    group('nested', () => check(1, { 'nested ok': true, 'nested bad': false }));
  });
  group('two', () => counter.add(3));
  gauge.add(7);
  gauge.add(2.5);
  rate.add(true);
  rate.add(false);
  trend.add(1, { kind: 'a' });
  trend.add(3.75, { kind: 'a' });
  trend.add(1000000);
  time.add(61001);
}

export function another() {
  check(http.get(`${__ENV.BASE}/status/404`), { 'ok': (r) => r.status === 200 });
  counter.add(0.5);
}
