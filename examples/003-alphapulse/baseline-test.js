// Baseline: 100 concurrent users for 10 minutes, 70 % reads and 30 % writes.
//
//   squall run --env BASE_URL=https://staging.example.com baseline-test.js
//   squall run --vus 10 --duration 1m baseline-test.js     # smoke test
import http from 'k6/http';
import { check, sleep } from 'k6';
import { Rate, Trend } from 'k6/metrics';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:8000';

const errors = new Rate('errors');
const portfolioLatency = new Trend('portfolio_latency', true);
const tradesLatency = new Trend('trades_latency', true);
const positionsLatency = new Trend('positions_latency', true);

export const options = {
  stages: [
    { duration: '2m', target: 100 }, // ramp-up
    { duration: '6m', target: 100 }, // sustained load
    { duration: '2m', target: 0 }, // ramp-down
  ],
  thresholds: {
    http_req_duration: ['p(99)<500'],
    http_req_failed: ['rate<0.01'],
    errors: ['rate<0.01'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(95)', 'p(99)'],
};

// Five tenants with two users each; each VU is one of the ten.
const TENANTS = 5;
const USERS = 2;

let token = null;

function login() {
  const tenant = (Math.floor((__VU - 1) / USERS) % TENANTS) + 1;
  const user = ((__VU - 1) % USERS) + 1;
  const res = http.post(
    `${BASE_URL}/api/auth/login`,
    JSON.stringify({ email: `user${user}@tenant${tenant}.com`, password: 'test123' }),
    { headers: { 'Content-Type': 'application/json' }, tags: { name: 'login' } },
  );
  const ok = check(res, {
    'login successful': (r) => r.status === 200,
    'token received': (r) => r.status === 200 && r.json('access_token') !== undefined,
  });
  errors.add(!ok);
  return ok ? res.json('access_token') : null;
}

function params(name) {
  return {
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    tags: { name },
  };
}

function getPortfolio() {
  const res = http.get(`${BASE_URL}/api/portfolio`, params('portfolio'));
  portfolioLatency.add(res.timings.duration);
  return check(res, {
    'portfolio status 200': (r) => r.status === 200,
    'portfolio latency <500ms': (r) => r.timings.duration < 500,
  });
}

function getTrades() {
  const res = http.get(`${BASE_URL}/api/trades`, params('trades'));
  tradesLatency.add(res.timings.duration);
  return check(res, {
    'trades status 200': (r) => r.status === 200,
    'trades latency <500ms': (r) => r.timings.duration < 500,
  });
}

function getPositions() {
  const res = http.get(`${BASE_URL}/api/positions`, params('positions'));
  positionsLatency.add(res.timings.duration);
  return check(res, {
    'positions status 200': (r) => r.status === 200,
    'positions latency <500ms': (r) => r.timings.duration < 500,
  });
}

function postTrade() {
  const order = { symbol: 'AAPL', side: Math.random() < 0.5 ? 'buy' : 'sell', quantity: 10, price: 190.5 };
  const res = http.post(`${BASE_URL}/api/trades`, JSON.stringify(order), params('create trade'));
  tradesLatency.add(res.timings.duration);
  return check(res, {
    'create trade status 201': (r) => r.status === 201,
    'create trade latency <500ms': (r) => r.timings.duration < 500,
  });
}

export default function () {
  if (token === null) {
    token = login();
    if (token === null) {
      sleep(1);
      return;
    }
  }
  const reads = [getPortfolio, getTrades, getPositions];
  const isRead = Math.random() < 0.7;
  const step = isRead ? reads[Math.floor(Math.random() * reads.length)] : postTrade;
  errors.add(!step());
  sleep(1);
}
