import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Rate, Trend } from 'k6/metrics';

const BASE = __ENV.BASE_URL || 'http://127.0.0.1:8000';

const errors = new Rate('errors');
const writes = new Trend('write_latency', true);

export const options = {
  scenarios: {
    // As many users as it takes, each waiting for its answer.
    browse: {
      executor: 'ramping-vus',
      exec: 'browse',
      stages: [
        { duration: '20s', target: 10 },
        { duration: '1m', target: 10 },
        { duration: '10s', target: 0 },
      ],
    },
    // A fixed rate, whether or not the answers keep up.
    write: {
      executor: 'constant-arrival-rate',
      exec: 'write',
      rate: 5,
      timeUnit: '1s',
      duration: '1m30s',
      preAllocatedVUs: 5,
      maxVUs: 50,
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.01'],
    http_req_duration: ['p(95)<500', 'p(99)<1000'],
    errors: ['rate<0.01'],
  },{{ if .ProjectID }}
  cloud: {
    projectID: {{ .ProjectID }},
    name: '{{ .ScriptName }}',
  },{{ end }}
};

// Runs once; what it returns is handed to every iteration.
export function setup() {
  const res = http.get(`${BASE}/`);
  if (res.status === 0) {
    throw new Error(`${BASE} does not answer: ${res.error}`);
  }
  return { started: new Date().toISOString() };
}

export function browse() {
  group('front page', () => {
    const res = http.get(`${BASE}/`);
    const ok = check(res, { 'status is 200': (r) => r.status === 200 });
    errors.add(!ok);
  });
  sleep(Math.random() * 2 + 1);
}

export function write(data) {
  const body = JSON.stringify({ since: data.started, value: Math.floor(Math.random() * 100) });
  const res = http.post(`${BASE}/items`, body, { headers: { 'Content-Type': 'application/json' } });
  writes.add(res.timings.duration);
  errors.add(!check(res, { 'written': (r) => r.status >= 200 && r.status < 300 }));
}

export function teardown(data) {
  console.log(`started at ${data.started}, done`);
}
