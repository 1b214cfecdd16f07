//! All executors at once: each scenario runs and drops what it would alone.
//! order: any
//! tries: 3
//! case 1vu: -e VUS=1
//! case 3vus: -e VUS=3
import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';

const vus = Number(__ENV.VUS);

export const options = {
  scenarios: {
    shared: { executor: 'shared-iterations', vus, iterations: 7 },
    each: { executor: 'per-vu-iterations', vus, iterations: 3 },
    looping: { executor: 'constant-vus', vus, duration: '1s' },
    ramping: { executor: 'ramping-vus', startVUs: vus, stages: [{ duration: '1s', target: vus }] },
    arriving: { executor: 'constant-arrival-rate', rate: 4, duration: '1100ms', preAllocatedVUs: vus },
    faster: { executor: 'ramping-arrival-rate', startRate: 4, stages: [{ duration: '1100ms', target: 4 }], preAllocatedVUs: vus, exec: 'stuck', gracefulStop: '0s' },
  },
};

export default function () {
  http.get(`${__ENV.BASE}/get?${exec.scenario.name}`);
  sleep(0.4);
}

export function stuck() {
  sleep(20);
}
