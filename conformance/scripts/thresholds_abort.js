//! abortOnFail stops a test at the next evaluation; teardown still runs.
//! order: any
//! cut: iterations iteration_duration data_sent data_received errors
//! tries: 2
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';

const errors = new Counter('errors');
export const options = { vus: 1, duration: '30s', thresholds: { errors: [{ threshold: 'count<1', abortOnFail: true }] } };

export default function () {
  errors.add(1);
  sleep(0.25);
}

export function teardown() {
  console.log('teardown');
}
