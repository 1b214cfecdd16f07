//! Request and response headers.
import http from 'k6/http';

const base = __ENV.BASE;

export default function () {
  http.get(`${base}/headers`, { headers: { 'x-lower-case': '1', 'X-Upper': '2', Accept: 'text/html', 'x-NUM': 5, 'X-Bool': true } });
  http.get(`${base}/headers`, { headers: { Host: 'example.test' } });
  http.get(`${base}/headers`, { headers: { host: 'lower.test', 'User-Agent': 'mine/1.0' } });
  http.post(`${base}/anything`, 'abc', { headers: { 'Content-Length': '7', 'Accept-Encoding': 'gzip' } });
  http.post(`${base}/anything`, 'abc', { headers: { 'Transfer-Encoding': 'identity', Connection: 'keep-alive' } });
  http.get(`${base}/headers`, { headers: { 'X-Empty': '', 'X-Spaces': '  a  b  ', 'X-Unicode': 'ü' } });
  http.get(`${base}/headers`, { headers: null });
  http.get(`${base}/headers`, {});
  http.get(`${base}/headers`, null);
  const res = http.get(`${base}/response-headers?x-one=1&X-Two=2&x-one=again&ETag=abc`);
  console.log(JSON.stringify(Object.keys(res.headers).sort()));
  console.log(res.headers['X-One'], '|', res.headers['X-Two'], '|', res.headers.Etag, '|', res.headers['x-one']);
  for (const headers of [{ 'bad name': 'x' }, { good: 'bad\nvalue' }, { good: undefined }, { good: null }, { good: ['a', 'b'] }, { good: { a: 1 } }]) {
    try {
      const got = http.get(`${base}/headers`, { headers });
      console.log(JSON.stringify(headers), got.status, got.error_code, got.error);
    } catch (e) {
      console.log(JSON.stringify(headers), 'threw', String(e));
    }
  }
}
