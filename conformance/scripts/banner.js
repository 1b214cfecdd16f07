//! The description of all executors.
//! order: any
//! loud
//! tries: 2
//! cut: iterations iteration_duration dropped_iterations data_sent data_received
export const options = {
  scenarios: {
    a: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '1m' },
    bb: { executor: 'ramping-vus', startVUs: 1, stages: [{ duration: '1s', target: 4 }, { duration: '100ms', target: 0 }], gracefulRampDown: '2s' },
    c: { executor: 'shared-iterations', vus: 1, iterations: 2, maxDuration: '70s', exec: 'other' },
    d: { executor: 'per-vu-iterations', vus: 2, iterations: 1, startTime: '1.5s', gracefulStop: '0s' },
    e: { executor: 'constant-arrival-rate', exec: 'other', rate: 90, timeUnit: '1m', duration: '1s', preAllocatedVUs: 1, maxVUs: 3 },
    a_long_scenario_name_that_is_cut: { executor: 'ramping-arrival-rate', startRate: 2, stages: [{ duration: '1s', target: 10 }], preAllocatedVUs: 2 },
  },
};

import { sleep } from 'k6';

export default function () {
  sleep(0.2);
}

export function other() {}
