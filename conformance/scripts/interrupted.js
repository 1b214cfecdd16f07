//! gracefulStop 0 interrupts requests and sleeps alike.
//! order: any
//! tries: 3
//! loud
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
  console.log('never');
}

export function requesting() {
  // What k6 does right after an interrupted request is a race.
  http.get(`${__ENV.BASE}/get?delay=30s`);
}
