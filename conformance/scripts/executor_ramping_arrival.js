//! ramping-arrival-rate: the n-th iteration begins when the integral of the rate reaches n.
//! order: any
//! tries: 3
//! case 1vu: -e VUS=1 -e SLEEP=0.05
//! case 3vus: -e VUS=3 -e SLEEP=0.05
//! case 1vu_drops: -e VUS=1 -e SLEEP=20
//! case 3vus_drops: -e VUS=3 -e SLEEP=20
import http from 'k6/http';
import { sleep } from 'k6';

export const options = {
  scenarios: {
    arrivals: { executor: 'ramping-arrival-rate', startRate: 2, timeUnit: '1s', stages: [{ duration: '1s', target: 6 }, { duration: '1100ms', target: 6 }], preAllocatedVUs: Number(__ENV.VUS), gracefulStop: '0s' },
  },
};

export default function () {
  http.get(`${__ENV.BASE}/get`);
  sleep(Number(__ENV.SLEEP));
}
