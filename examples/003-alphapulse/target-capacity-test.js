// Target capacity: up to 500 concurrent users in 10 minutes, five kinds of requests.
//
//   squall run --env BASE_URL=https://staging.example.com target-capacity-test.js
//   squall run --duration 30m --vus 500 target-capacity-test.js
//   squall run --out json=results.json target-capacity-test.js
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { Rate, Trend } from 'k6/metrics';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:8000';

const errors = new Rate('errors');
const latency = {
  portfolio: new Trend('portfolio_latency', true),
  trades: new Trend('trades_latency', true),
  positions: new Trend('positions_latency', true),
  signals: new Trend('signals_latency', true),
};

export const options = {
  stages: [
    { duration: '2m', target: 100 }, // ramp-up
    { duration: '2m', target: 300 }, // ramp-up
    { duration: '2m', target: 500 }, // ramp-up
    { duration: '2m', target: 500 }, // sustained load
    { duration: '2m', target: 0 }, // ramp-down
  ],
  thresholds: {
    http_req_duration: ['p(99)<500'],
    http_req_failed: ['rate<0.01'],
    portfolio_latency: ['p(99)<500'],
    trades_latency: ['p(99)<500'],
    errors: ['rate<0.01'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(95)', 'p(99)'],
};

// Logs in all ten users once; every VU takes one of the tokens.
export function setup() {
  const tokens = [];
  for (let tenant = 1; tenant <= 5; tenant++) {
    for (let user = 1; user <= 2; user++) {
      const res = http.post(
        `${BASE_URL}/api/auth/login`,
        JSON.stringify({ email: `user${user}@tenant${tenant}.com`, password: 'test123' }),
        { headers: { 'Content-Type': 'application/json' } },
      );
      check(res, {
        'login successful': (r) => r.status === 200,
        'token received': (r) => r.status === 200 && r.json('access_token') !== undefined,
      });
      if (res.status === 200) {
        tokens.push(res.json('access_token'));
      }
    }
  }
  if (tokens.length === 0) {
    throw new Error(`nobody could log in at ${BASE_URL}`);
  }
  return { tokens };
}

// What is done how often, in percent.
const MIX = [
  [25, 'portfolio', (params) => http.get(`${BASE_URL}/api/portfolio`, params), 200],
  [25, 'trades', (params) => http.get(`${BASE_URL}/api/trades`, params), 200],
  [20, 'positions', (params) => http.get(`${BASE_URL}/api/positions`, params), 200],
  [20, 'trades', (params) => http.post(`${BASE_URL}/api/trades`, order(), params), 201],
  [10, 'signals', (params) => http.get(`${BASE_URL}/api/signals`, params), 200],
];

function order() {
  const symbols = ['AAPL', 'MSFT', 'GOOGL', 'AMZN', 'NVDA'];
  return JSON.stringify({
    symbol: symbols[Math.floor(Math.random() * symbols.length)],
    side: Math.random() < 0.5 ? 'buy' : 'sell',
    quantity: Math.floor(Math.random() * 100) + 1,
  });
}

function choose() {
  let left = Math.random() * 100;
  for (const step of MIX) {
    left -= step[0];
    if (left < 0) {
      return step;
    }
  }
  return MIX[0];
}

export default function (data) {
  const token = data.tokens[(__VU - 1) % data.tokens.length];
  const [, kind, request, expected] = choose();
  const what = expected === 201 ? 'create trade' : kind;
  group(what, () => {
    const res = request({
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    });
    latency[kind].add(res.timings.duration);
    const ok = check(res, {
      [`${what} status ${expected}`]: (r) => r.status === expected,
      [`${what} latency <500ms`]: (r) => r.timings.duration < 500,
    });
    errors.add(!ok);
  });
  sleep(1);
}
