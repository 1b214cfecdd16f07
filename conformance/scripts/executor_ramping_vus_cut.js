//! ramping-vus without gracefulRampDown: the VU that has to go is interrupted.
//! order: any
//! tries: 3
//! loud
import { sleep } from 'k6';

export const options = {
  scenarios: { ramp: { executor: 'ramping-vus', startVUs: 3, stages: [{ duration: '1s', target: 3 }, { duration: '0s', target: 1 }, { duration: '1s', target: 1 }], gracefulRampDown: '0s', gracefulStop: '0s' } },
};

export default function () {
  sleep(0.8);
}
