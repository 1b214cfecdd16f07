//! per-vu-iterations cut by maxDuration without grace: running iterations are interrupted, the rest is dropped.
//! order: any
//! tries: 3
//! case 1vu: -e VUS=1
//! case 3vus: -e VUS=3
import { sleep } from 'k6';

export const options = { scenarios: { each: { executor: 'per-vu-iterations', vus: Number(__ENV.VUS), iterations: 5, maxDuration: '2s', gracefulStop: '0s' } } };

export default function () {
  sleep(0.8);
}
