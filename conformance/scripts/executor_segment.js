//! One third of a test.
//! order: any
//! case first: --execution-segment 0:1/3 --execution-segment-sequence 0,1/3,2/3,1
//! case last: --execution-segment 2/3:1 --execution-segment-sequence 0,1/3,2/3,1
//! case alone: --execution-segment 1/3:2/3
//! loud
import http from 'k6/http';
import exec from 'k6/execution';

export const options = {
  scenarios: {
    shared: { executor: 'shared-iterations', vus: 4, iterations: 23 },
    each: { executor: 'per-vu-iterations', vus: 5, iterations: 2, startTime: '100ms' },
  },
};

export default function () {
  http.get(`${__ENV.BASE}/get?s=${exec.scenario.name}&i=${exec.scenario.name === 'shared' ? exec.scenario.iterationInTest : exec.vu.iterationInScenario}`);
}
