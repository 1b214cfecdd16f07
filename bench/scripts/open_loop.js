// Iterations at a constant rate, whatever the answers do.
import http from 'k6/http';
import { check } from 'k6';

const vus = Number(__ENV.VUS);

export const options = {
  scenarios: {
    arrivals: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE),
      timeUnit: '1s',
      duration: __ENV.DURATION,
      preAllocatedVUs: vus,
      maxVUs: vus,
    },
  },
  summaryTrendStats: ['avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
};

if (__ENV.RESPONSE_TIME === '1') {
  // A threshold that always holds puts Squall's own metric among those of the summary.
  options.thresholds = { squall_response_time: ['max>=0'] };
}

export default function () {
  const response = http.get(__ENV.TARGET);
  check(response, { 'status is 200': (r) => r.status === 200 });
}
