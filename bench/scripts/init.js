// Many VUs of one iteration each: the first iteration to start says when that was.
import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';

export const options = {
  scenarios: { all: { executor: 'per-vu-iterations', vus: Number(__ENV.VUS), iterations: 1, maxDuration: '60s' } },
};

export default function () {
  if (exec.scenario.iterationInTest === 0) {
    console.log(`STARTED ${Date.now()}`);
  }
  check(http, { 'has get': (h) => typeof h.get === 'function' });
}
