//! constant-vus without grace: the third iteration is interrupted.
//! order: any
//! tries: 3
//! loud
//! case 1vu: -e VUS=1
//! case 3vus: -e VUS=3
import http from 'k6/http';
import { sleep } from 'k6';

export const options = { scenarios: { looping: { executor: 'constant-vus', vus: Number(__ENV.VUS), duration: '2s', gracefulStop: '0s' } } };

export default function () {
  http.get(`${__ENV.BASE}/get`);
  sleep(0.75);
  http.get(`${__ENV.BASE}/get?end`);
}
