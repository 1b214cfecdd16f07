//! gracefulStop 0 interrupts requests and sleeps alike.
//! order: any
//! tries: 3
//! loud
// What k6 still does in an interrupted iteration is a race, so nothing is to be seen there.
import http from 'k6/http';
import { sleep } from 'k6';

export const options = {
  scenarios: {
    asleep: { executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '0s', exec: 'asleep' },
    requesting: { executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '0s', exec: 'requesting' },
  },
};

export function asleep() {
  sleep(30);
}

export function requesting() {
  http.get(`${__ENV.BASE}/get?delay=30s`);
}
