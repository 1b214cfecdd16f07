//! constant-vus: iterations of 0.75 s in 2 s, the third within the grace.
//! order: any
//! tries: 3
//! loud
//! case 1vu: --vus 1 --duration 2s
//! case 3vus: --vus 3 --duration 2s
import http from 'k6/http';
import { sleep } from 'k6';

export default function () {
  http.get(`${__ENV.BASE}/get`);
  sleep(0.75);
}
