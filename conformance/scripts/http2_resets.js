//! Streams that an HTTP/2 server resets: codes and texts by reason. The connection goes on. Without REFUSED_STREAM and
//! PROTOCOL_ERROR, after which k6 tries again, for longer than a request may take.
//! secure
//! cut: data_sent data_received
import http from 'k6/http';

export const options = { insecureSkipTLSVerify: true };

const base = `https://${__ENV.SECURE}`;

export default function () {
  console.log(http.get(`${base}/status/200`).status);
  for (const reason of [2, 3, 5, 8, 11, 13, 99]) {
    const res = http.get(`${base}/reset/${reason}`);
    console.log(reason, res.status, res.error_code, res.error);
  }
  const last = http.get(`${base}/status/200`);
  console.log(last.status, last.timings.connecting);
}
