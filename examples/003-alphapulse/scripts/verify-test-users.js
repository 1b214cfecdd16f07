// Logs in every test user once: five tenants with two users each. Ends with an error if one of them can't.
//
//   squall run --env BASE_URL=https://staging.example.com verify-test-users.js
import http from 'k6/http';
import { fail } from 'k6';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:8000';

export const options = { iterations: 1, thresholds: { http_req_failed: ['rate==0'] } };

export default function () {
  for (let tenant = 1; tenant <= 5; tenant++) {
    for (let user = 1; user <= 2; user++) {
      const email = `user${user}@tenant${tenant}.com`;
      const res = http.post(
        `${BASE_URL}/api/auth/login`,
        JSON.stringify({ email, password: 'test123' }),
        { headers: { 'Content-Type': 'application/json' }, tags: { name: 'login' } },
      );
      if (res.status !== 200) {
        fail(`login unsuccessful for ${email}: status ${res.status}`);
      }
    }
  }
}
