//! Without HTTP/2, k6's way.
//! secure
//! env: GODEBUG=x=1,http2client=0
//! cut: data_sent data_received
import http from 'k6/http';

export const options = { insecureSkipTLSVerify: true };

export default function () {
  const res = http.get(`https://${__ENV.SECURE}/echo`);
  console.log(res.proto, res.status_text, res.body);
}
