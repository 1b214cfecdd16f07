//! A new HTTP/2 connection for each request.
//! secure
//! cut: data_sent data_received
import http from 'k6/http';

export const options = { insecureSkipTLSVerify: true, noConnectionReuse: true };

export default function () {
  for (let i = 0; i < 3; i++) {
    const res = http.get(`https://${__ENV.SECURE}/status/200`);
    console.log(res.proto, res.timings.tls_handshaking > 0);
  }
}
