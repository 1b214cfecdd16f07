//! Which layer wins: script, environment, flags.
//! order: any
//! loud
//! tries: 3
//! case script:
//! case iterations: --iterations 2
//! case vus: --vus 2
//! case duration: --vus 2 --duration 1s
//! case stages: --stage 500ms:1,500ms:0
import { sleep } from 'k6';

export const options = { scenarios: { mine: { executor: 'per-vu-iterations', vus: 1, iterations: 3, maxDuration: '20s' } } };

export default function () {
  sleep(0.4);
}
