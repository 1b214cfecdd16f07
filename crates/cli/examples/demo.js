// What `squall demo` runs against the bundled target: two scenarios, checks, a custom metric and thresholds.
// Try it yourself: squall demo-target &  then  squall run -e TARGET=http://127.0.0.1:8000 demo.js
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Trend } from 'k6/metrics';

const target = __ENV.TARGET || 'http://127.0.0.1:8000';
const predictTime = new Trend('predict_time', true);

export const options = {
  scenarios: {
    // Open loop: 100 iterations start every second, however long they take.
    steady_readers: {
      executor: 'constant-arrival-rate',
      exec: 'readTotal',
      rate: 100,
      timeUnit: '1s',
      duration: '25s',
      preAllocatedVUs: 20,
      maxVUs: 50,
    },
    // Closed loop: up to 20 users, each waiting for its answers.
    growing_users: {
      executor: 'ramping-vus',
      exec: 'predict',
      startVUs: 1,
      stages: [
        { duration: '10s', target: 20 },
        { duration: '10s', target: 20 },
        { duration: '5s', target: 0 },
      ],
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.01'],
    'http_req_duration{scenario:steady_readers}': ['p(95)<100'],
    predict_time: ['p(95)<250'],
    checks: ['rate>0.99'],
  },
};

export function readTotal() {
  const health = http.get(`${target}/v1/healthcheck`, { tags: { name: 'healthcheck' } });
  check(health, { 'target is healthy': (r) => r.status === 200 });
  const total = http.get(`${target}/v1/results`, { tags: { name: 'results' } });
  check(total, { 'total is a number': (r) => typeof r.json('result') === 'number' });
}

export function predict() {
  group('predict', () => {
    const response = http.post(
      `${target}/predict?delay=20ms`,
      JSON.stringify({ features: [0.4, 1.2, -0.7] }),
      { headers: { 'Content-Type': 'application/json' }, tags: { name: 'predict' } },
    );
    predictTime.add(response.timings.duration);
    check(response, { 'prediction answered': (r) => r.status === 200 });
  });
  sleep(0.1);
}
