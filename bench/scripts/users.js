// Users that get, check and sleep a second: what memory a VU takes.
import http from 'k6/http';
import { check, sleep } from 'k6';

export const options = { vus: Number(__ENV.VUS), duration: __ENV.DURATION };

export default function () {
  const response = http.get(__ENV.TARGET);
  check(response, { 'status is 200': (r) => r.status === 200 });
  sleep(1);
}
