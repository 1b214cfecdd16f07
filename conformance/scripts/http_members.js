//! What k6/http exports.
import http from 'k6/http';
import * as all from 'k6/http';

export default function () {
  console.log(Object.keys(http).sort().join());
  console.log(Object.keys(all).sort().join());
  console.log(http.TLS_1_0, http.TLS_1_1, http.TLS_1_2, http.TLS_1_3);
  console.log(http.OCSP_STATUS_GOOD, http.OCSP_REASON_KEY_COMPROMISE);
  console.log(typeof http.CookieJar, typeof http.url, typeof http.file);
}
