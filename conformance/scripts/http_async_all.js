//! Several asyncRequests in flight at once.
//! order: any
import http from 'k6/http';

export default async function () {
  const all = await Promise.all([1, 2, 3].map((n) => http.asyncRequest('GET', `${__ENV.BASE}/get?n=${n}`)));
  console.log(all.map((r) => r.url).join());
  const first = await Promise.race([http.asyncRequest('GET', `${__ENV.BASE}/get?delay=400ms`), http.asyncRequest('GET', `${__ENV.BASE}/get?fast`)]);
  console.log(first.url);
}
