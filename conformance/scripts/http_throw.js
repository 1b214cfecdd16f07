//! The option throw: failed requests throw, HTTP errors don't.
import http from 'k6/http';

export const options = { throw: true, iterations: 2 };

export default function () {
  console.log(http.get(`${__ENV.BASE}/status/500`).status);
  try {
    http.get('http://127.0.0.1:1/', { tags: { name: 'caught' } });
  } catch (e) {
    console.log('caught', String(e));
  }
  console.log(http.get('http://127.0.0.1:1/', { throw: false }).error_code);
  http.get('http://127.0.0.1:1/', { tags: { name: 'not caught' } });
  console.log('never printed');
}
