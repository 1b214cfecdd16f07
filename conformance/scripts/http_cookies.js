//! Cookies of parameters, of responses, and of the jar; the jar is new in every iteration.
import http from 'k6/http';
import { sorted } from './lib/sorted.js';

export const options = { iterations: 2 };
const base = __ENV.BASE;

export default function () {
  console.log('iteration', __ITER);
  console.log(sorted(http.get(`${base}/cookies`).json()));
  const set = http.get(`${base}/cookies/set?fruit=apple&herb=mint`);
  console.log(set.url, sorted(set.json()), sorted(set.cookies));
  const direct = http.get(`${base}/cookies/set?veg=leek`, { redirects: 0 });
  console.log(direct.status, sorted(direct.cookies));
  for (const cookies of [{ plain: 'v' }, { fruit: 'pear' }, { herb: { value: 'thyme', replace: true } }, { 'odd name': 'x' }, { odd: 'a b' }, { n: 5 }]) {
    const given = http.get(`${base}/cookies`, { cookies });
    console.log(sorted(given.json()), sorted(given.request.cookies));
  }
  console.log(sorted(http.get(`${base}/cookies`, { headers: { Cookie: 'raw=1' } }).json()));

  const jar = http.cookieJar();
  console.log(sorted(jar.cookiesForURL(base)));
  jar.set(base, 'own', 'w', { path: '/cookies', max_age: 600 });
  jar.set(base, 'elsewhere', 'x', { path: '/get' });
  jar.set(base, 'safe', 'y', { secure: true, http_only: true });
  jar.set(base, 'past', 'z', { expires: 'Mon, 02 Jan 2006 15:04:05 MST' });
  jar.set(base, 'future', 'f', { expires: 'Sat, 01 Jan 2050 00:00:00 GMT' });
  console.log(sorted(jar.cookiesForURL(`${base}/cookies`)));
  console.log(sorted(jar.cookiesForURL(`${base}/get`)));
  console.log(sorted(http.get(`${base}/cookies`).json()));
  jar.delete(base, 'fruit');
  console.log(sorted(jar.cookiesForURL(base)));
  jar.clear(base);
  console.log(sorted(jar.cookiesForURL(base)));

  const other = new http.CookieJar();
  other.set(base, 'mine', 'only');
  console.log(sorted(http.get(`${base}/cookies`, { jar: other }).json()));
  http.get(`${base}/cookies/set?kept=inother`, { jar: other });
  console.log(sorted(other.cookiesForURL(base)), sorted(jar.cookiesForURL(base)));
  http.get(`${base}/cookies/delete?kept=`, { jar: other });
  console.log(sorted(other.cookiesForURL(base)));
  jar.set(base, 'last', `of ${__ITER}`);
}
