//! constant-arrival-rate: a new iteration each 250 ms, whether or not the last has ended.
//! order: any
//! tries: 3
//! loud
//! case 1vu: -e VUS=1 -e SLEEP=0.05
//! case 3vus: -e VUS=3 -e SLEEP=0.6
//! case 1vu_drops: -e VUS=1 -e SLEEP=0.35
//! case 3vus_drops: -e VUS=3 -e SLEEP=1.1
import http from 'k6/http';
import { sleep } from 'k6';

export const options = {
  scenarios: { arrivals: { executor: 'constant-arrival-rate', rate: 4, timeUnit: '1s', duration: '2100ms', preAllocatedVUs: Number(__ENV.VUS) } },
};

export default function () {
  http.get(`${__ENV.BASE}/get`);
  sleep(Number(__ENV.SLEEP));
}
