//! A server that doesn't speak HTTP.
import http from 'k6/http';

export default function () {
  const res = http.get(`${__ENV.BASE}/get?close=garbage`);
  console.log(res.status, res.error_code);
}
