//! Arguments nobody asked for.
import http from 'k6/http';

export default function () {
  http.get(`${__ENV.BASE}/get`, { headers: { a: 'b' } }, 'third');
  http.head(`${__ENV.BASE}/get`, null, 'third');
  http.post(`${__ENV.BASE}/post`, 'x', { nonsense: 1, tags: {} }, 'fourth');
  for (const call of [() => http.get(), () => http.request(), () => http.request('GET'), () => http.post(), () => http.file()]) {
    try {
      const res = call();
      console.log(res.status, res.error_code, res.error);
    } catch (e) {
      console.log('threw', String(e));
    }
  }
}
