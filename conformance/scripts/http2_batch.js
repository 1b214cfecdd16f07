//! A batch on one HTTP/2 connection.
//! secure
//! order: any
//! cut: data_sent data_received
import http from 'k6/http';

export const options = { insecureSkipTLSVerify: true, batch: 10, batchPerHost: 10 };

const base = `https://${__ENV.SECURE}`;

export default function () {
  http.get(`${base}/status/200`);
  const all = http.batch([`${base}/echo?1`, `${base}/bytes/100000`, ['POST', `${base}/echo?3`, 'three'], `${base}/status/404`]);
  console.log(all.map((res) => `${res.status} ${res.proto} ${res.body === null ? 0 : res.body.length} ${res.timings.connecting}`).join(', '));
}
