//! noCookiesReset keeps a VU's jar from one iteration to the next.
import http from 'k6/http';
import { sorted } from './lib/sorted.js';

export const options = { iterations: 3, noCookiesReset: true };

export default function () {
  const jar = http.cookieJar();
  console.log(sorted(jar.cookiesForURL(__ENV.BASE)));
  http.get(`${__ENV.BASE}/cookies/set?i${__ITER}=v`);
}
