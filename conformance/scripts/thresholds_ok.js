//! Thresholds of all forms that hold.
import http from 'k6/http';
import { check } from 'k6';

export const options = {
  iterations: 4,
  thresholds: {
    http_reqs: ['count==4', 'count>=4', 'count<=4', 'count>3', 'count<5', 'count!=5', 'count===4', 'rate>0'],
    http_req_duration: ['p(95)<60000', 'p(99.99) < 60000', ' avg<6e4 ', { threshold: 'max<60000', abortOnFail: true, delayAbortEval: '10s' }, { threshold: 'med>=0' }],
    http_req_failed: ['rate==0'],
    'http_req_duration{status:200}': ['min>=0'],
    'http_reqs{method:GET,status:200}': ['count==4'],
    'http_reqs{nothing:here}': ['count==0'],
    'http_req_failed{nothing:here}': ['rate==1'],
    checks: ['rate>0.4'],
    dropped_iterations: ['count<1'],
    vus: [],
  },
};

export default function () {
  check(http.get(`${__ENV.BASE}/get`), { half: () => __ITER % 2 === 0 });
}
