//! per-vu-iterations: each VU has its own.
//! order: any
//! case 1vu: -e VUS=1
//! case 3vus: -e VUS=3
import http from 'k6/http';
import exec from 'k6/execution';

export const options = { scenarios: { each: { executor: 'per-vu-iterations', vus: Number(__ENV.VUS), iterations: 4 } } };

export default function () {
  http.get(`${__ENV.BASE}/get?vu=${exec.vu.idInTest}&i=${exec.vu.iterationInScenario}&iter=${__ITER}&same=${__VU === exec.vu.idInTest}`);
}
