//! ramping-vus: up to three, down to one; each VU's iterations take 0.45 s.
//! order: any
//! tries: 3
//! loud
//! case up: -e STAGES=1s:3,1s:3 -e START=0
//! case down: -e STAGES=1s:3,1s:0 -e START=3
//! case one: -e STAGES=1s:1,1s:1 -e START=1
//! case jump: -e STAGES=0s:3,1s:3,0s:1,700ms:1 -e START=1
import { sleep } from 'k6';

const stages = __ENV.STAGES.split(',').map((stage) => ({ duration: stage.split(':')[0], target: Number(stage.split(':')[1]) }));

export const options = { scenarios: { ramp: { executor: 'ramping-vus', startVUs: Number(__ENV.START), stages, gracefulRampDown: '5s' } } };

export default function () {
  sleep(0.45);
}
