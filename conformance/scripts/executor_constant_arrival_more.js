//! constant-arrival-rate that makes VUs while it runs: each costs a dropped iteration.
//! order: any
//! tries: 3
//! case enough: -e MAX=3
//! case insufficient: -e MAX=2
import { sleep } from 'k6';

export const options = {
  scenarios: { arrivals: { executor: 'constant-arrival-rate', rate: 2, timeUnit: '1s', duration: '2700ms', preAllocatedVUs: 1, maxVUs: Number(__ENV.MAX), gracefulStop: '0s' } },
};

export default function () {
  sleep(20);
}

export function handleSummary(data) {
  return { stdout: `dropped ${data.metrics.dropped_iterations.values.count}, iterations ${data.metrics.iterations ? data.metrics.iterations.values.count : 0}\n` };
}
