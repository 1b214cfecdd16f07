//! Members of a response.
import http from 'k6/http';
import { sorted } from './lib/sorted.js';

const base = __ENV.BASE;

export default function () {
  const res = http.post(`${base}/anything?q=1`, JSON.stringify({ list: [{ a: 1 }, { a: 2 }], deep: { 'k.x': 'v', n: null } }), { headers: { 'Content-Type': 'application/json' } });
  console.log(Object.keys(res).sort().join());
  console.log(Object.keys(res.timings).sort().join());
  console.log(res.status, res.status_text, res.proto, res.remote_ip, typeof res.remote_port, JSON.stringify(res.error), res.error_code);
  console.log(JSON.stringify(res.tls_version), JSON.stringify(res.tls_cipher_suite), JSON.stringify(res.ocsp));
  console.log(res.timings.looking_up, res.timings.tls_handshaking, res.timings.duration > 0, res.timings.waiting >= 0);
  console.log(Object.keys(res.request).sort().join(), res.request.method, res.request.url, res.request.body);
  console.log(sorted(res.request.headers), sorted(res.request.cookies));
  console.log(res.json('method'), res.json('json.list.#'), JSON.stringify(res.json('json.list.#.a')), res.json('json.list.1.a'), res.json('json.deep.k\\.x'));
  console.log(res.json('json.deep.n'), res.json('nothing.here'), typeof res.json('nothing.here'), res.json('json.list.#(a==2).a'));
  console.log(sorted(res.json().json));
  console.log(res.json() === res.json(), typeof res.html, typeof res.submitForm, typeof res.clickLink);
  for (const path of ['/html', '/status/204', '/status/200']) {
    try {
      console.log(path, JSON.stringify(http.get(`${base}${path}`).json()));
    } catch (e) {
      console.log(path, 'threw', String(e));
    }
  }
  const text = JSON.parse(JSON.stringify(http.get(`${base}/status/200`)));
  console.log(Object.keys(text).sort().join());
  const failed = http.get('http://127.0.0.1:1/');
  console.log(failed.status, failed.body, JSON.stringify(failed.headers), JSON.stringify(failed.cookies), failed.status_text, failed.proto, failed.url, failed.remote_ip, failed.remote_port);
  try {
    failed.json();
  } catch (e) {
    console.log('threw', String(e));
  }
  res.status = 1;
  res.mine = 'mine';
  console.log(res.status, res.mine, res instanceof http.Response);
}
