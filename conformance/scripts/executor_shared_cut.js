//! shared-iterations cut by maxDuration: what was not begun is dropped, what runs may end.
//! order: any
//! tries: 3
//! case 1vu: -e VUS=1
//! case 3vus: -e VUS=3
//! loud
import { sleep } from 'k6';

export const options = { scenarios: { shared: { executor: 'shared-iterations', vus: Number(__ENV.VUS), iterations: 30, maxDuration: '2s', gracefulStop: '5s' } } };

export default function () {
  sleep(0.8);
}
