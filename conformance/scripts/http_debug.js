//! httpDebug prints requests and responses.
//! case headers: --http-debug
//! case full: --http-debug=full
import http from 'k6/http';

export default function () {
  http.post(`${__ENV.BASE}/status/201`, 'the body', { headers: { 'X-A': '1' } });
}
