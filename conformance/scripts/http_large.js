//! Bodies larger than any heap limit that a JavaScript engine may have by itself.
//! cut: data_received
import http from 'k6/http';
import { check } from 'k6';

export default function () {
  const big = http.get(`${__ENV.BASE}/get?size=12000000`);
  console.log(big.status, big.body.length, big.headers['Content-Length']);
  const binary = http.get(`${__ENV.BASE}/get?size=12000000`, { responseType: 'binary' });
  console.log(binary.status, binary.body.byteLength);
  const sent = http.post(`${__ENV.BASE}/status/200`, 'x'.repeat(2000000));
  check(sent, { sent: (r) => r.status === 200 && r.request.body.length === 2000000 });
}
