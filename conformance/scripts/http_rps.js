//! rps bounds the requests of all VUs together.
//! order: any
import http from 'k6/http';

export const options = { vus: 3, iterations: 6, rps: 20 };
const start = Date.now();

export default function () {
  http.get(`${__ENV.BASE}/get`);
}

export function teardown() {
  console.log('took long enough', Date.now() - start >= 200);
}
