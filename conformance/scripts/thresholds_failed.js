//! Thresholds that don't hold: exit code 99, marks in the summary.
//! case normal:
//! case ignored: --no-thresholds
//! case full: --summary-mode full
import http from 'k6/http';
import { Counter } from 'k6/metrics';

const errors = new Counter('errors');

export const options = {
  iterations: 2,
  thresholds: { http_reqs: ['count>100', 'count>0'], errors: ['count<1'], 'errors{kind:a}': ['count<1'], http_req_failed: ['rate<0.1'], never_sampled: ['count>0'], 'http_req_duration{name:nothing}': ['p(95)>10'] },
};
new Counter('never_sampled');

export default function () {
  http.get(`${__ENV.BASE}/status/500`);
  errors.add(1, { kind: 'a' });
}
