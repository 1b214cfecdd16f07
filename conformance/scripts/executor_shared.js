//! shared-iterations: iterations are handed out once over all VUs.
//! order: any
//! case 1vu: -e VUS=1
//! case 3vus: -e VUS=3
import http from 'k6/http';
import exec from 'k6/execution';

export const options = { scenarios: { shared: { executor: 'shared-iterations', vus: Number(__ENV.VUS), iterations: 10 } } };

export default function () {
  http.get(`${__ENV.BASE}/get?i=${exec.scenario.iterationInTest}`);
}
