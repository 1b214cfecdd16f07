// k6/scripts/totalizer-http-test.js
import http from 'k6/http';
import { check, sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const httpErrors = new Counter('http_errors');
const httpDuration = new Trend('http_duration', true);

export const options = {
  scenarios: {
    constant_load: {
      executor: 'constant-arrival-rate',
      rate: 200,           // 200 RPS
      timeUnit: '1s',
      duration: '5m',
      preAllocatedVUs: 50,
      maxVUs: 100,
    },
    stress_test: {
      executor: 'ramping-vus',
      startVUs: 10,
      stages: [
        { duration: '2m', target: 50 },
        { duration: '3m', target: 100 },
        { duration: '2m', target: 200 },
        { duration: '1m', target: 0 },
      ],
      startTime: '6m',
    },
  },
  thresholds: {
    http_req_duration: ['p(95)<100', 'p(99)<200'],
    http_errors: ['count<10'],
    http_req_failed: ['rate<0.01'],
  },
};

export default function () {
  const baseUrl = __ENV.TOTALIZER_URL || 'http://localhost:8080';

  // Test healthcheck
  const healthRes = http.get(`${baseUrl}/v1/healthcheck`);
  check(healthRes, {
    'healthcheck status 200': (r) => r.status === 200,
  });

  // Test results endpoint
  const start = Date.now();
  const resultsRes = http.get(`${baseUrl}/v1/results`);
  const duration = Date.now() - start;
  httpDuration.add(duration);

  const success = check(resultsRes, {
    'results status 200': (r) => r.status === 200,
    'has result field': (r) => {
      const body = JSON.parse(r.body);
      return body.hasOwnProperty('result');
    },
  });

  if (!success) {
    httpErrors.add(1);
  }

  sleep(0.01);
}

export function handleSummary(data) {
  return {
    'stdout': textSummary(data, { indent: ' ', enableColors: true }),
    'results/totalizer-http-results.json': JSON.stringify(data),
  };
}
