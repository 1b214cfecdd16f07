//! The option maxRedirects.
import http from 'k6/http';

export const options = { maxRedirects: 2 };

export default function () {
  for (const n of [1, 2, 3]) {
    const res = http.get(`${__ENV.BASE}/redirect/${n}`);
    console.log(n, res.status, res.url);
  }
}
