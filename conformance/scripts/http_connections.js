//! Which requests share a connection.
//! cut: data_sent data_received
//! case kept:
//! case never: --no-connection-reuse
//! case iteration: --no-vu-connection-reuse
import http from 'k6/http';

export const options = { iterations: 2 };

export default function () {
  http.get(`${__ENV.BASE}/get?n=1`);
  http.post(`${__ENV.BASE}/post`, 'x');
  http.get(`${__ENV.BASE}/redirect/1`);
  http.get(`${__ENV.BASE}/get`, { headers: { Connection: 'close' } });
  http.get(`${__ENV.BASE}/get?n=2`);
}
