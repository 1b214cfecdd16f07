//! Names that don't resolve.
import http from 'k6/http';

export default function () {
  const res = http.get('http://nothing.invalid/');
  console.log(res.status, res.error_code);
}
