//! A proxy that is not there.
//! env: HTTP_PROXY=127.0.0.1:1
import http from 'k6/http';

export default function () {
  const res = http.get('http://elsewhere.test/');
  console.log(res.status, res.error_code, res.error);
}
