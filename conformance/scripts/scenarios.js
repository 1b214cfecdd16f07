//! Several scenarios: own functions, variables, tags, start times.
//! order: any
//! loud
import http from 'k6/http';
import exec from 'k6/execution';

export const options = {
  tags: { everywhere: 'yes', overridden: 'by the test' },
  scenarios: {
    first: { executor: 'per-vu-iterations', vus: 1, iterations: 2, exec: 'one', env: { WHO: 'first' }, tags: { kind: 'a', overridden: 'by the scenario' } },
    'second-one': { executor: 'shared-iterations', vus: 2, iterations: 3, exec: 'two', startTime: '500ms', env: { WHO: 'second' }, gracefulStop: '2s', maxDuration: '1m' },
    third: { executor: 'per-vu-iterations', startTime: '1s' },
  },
  thresholds: { 'http_reqs{scenario:first}': ['count==2'], 'iterations{scenario:second-one}': ['count==3'], 'http_reqs{kind:a}': ['count==2'] },
};

function get(who) {
  http.get(`${__ENV.BASE}/get?who=${who}&env=${__ENV.WHO}&scenario=${exec.scenario.name}&executor=${exec.scenario.executor}`);
}

export function one() {
  get('one');
}

export function two() {
  get('two');
}

export default function () {
  get('default');
}
