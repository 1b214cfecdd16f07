//! A proxy that is spoken to over TLS: trusted whoever it is, or not. With HTTP/2 at hand k6 offers it to the proxy, and fails
//! where that takes it.
//! case trusted: --insecure-skip-tls-verify
//! case refused:
//! env: HTTP_PROXY=https://proxy.test:1
//! env: GODEBUG=http2client=0
//! secure
//! cut: data_sent data_received
import http from 'k6/http';

export const options = { hosts: { 'proxy.test:1': __ENV.SECURE } };

export default function () {
  for (let i = 0; i < 2; i++) {
    const res = http.get('http://elsewhere.test/a?b');
    console.log(res.status, res.body, res.proto, res.tls_version, res.error_code, res.error);
    console.log(res.timings.connecting > 0, res.timings.tls_handshaking > 0);
  }
}
