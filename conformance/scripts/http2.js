//! HTTP/2 over TLS: what is agreed on, what a request looks like there, and what becomes of failures.
//! secure
//! cut: data_sent data_received
import http from 'k6/http';

export const options = { insecureSkipTLSVerify: true };

const base = `https://${__ENV.SECURE}`;

export default function () {
  const first = http.get(`${base}/echo?a=1`, { headers: { 'X-One': '1', Connection: 'keep-alive', 'Keep-Alive': '5' } });
  console.log(first.proto, first.status, first.status_text, first.tls_version, first.timings.tls_handshaking > 0);
  console.log(first.body);
  console.log(first.headers['X-Trailer'], first.remote_ip, first.url);
  const again = http.post(`${base}/echo`, 'twelve bytes', { tags: { kind: 'post' } });
  console.log(again.body, again.timings.connecting, again.timings.tls_handshaking);
  console.log(http.post(`${base}/echo`).body);
  console.log(http.post(`${base}/echo`, { a: 'b', c: 'd e' }).body);
  console.log(http.head(`${base}/status/204`).status_text, http.put(`${base}/echo`, 'x').body);
  console.log(http.get(`${base}/bytes/300000`).body.length);
  const none = http.get(`${base}/bytes/300000`, { responseType: 'none' });
  console.log(none.status, none.body);
  const cookies = http.get(`${base}/cookies`);
  console.log(cookies.cookies.a[0].value, cookies.cookies.b[0].value);
  console.log(http.get(`${base}/redirect`).body);
  for (const status of [404, 418, 503]) {
    const res = http.get(`${base}/status/${status}`);
    console.log(res.status_text, res.error_code, res.proto);
  }
}
