//! The option userAgent.
//! case own:
//! case none: --user-agent=
//! case flag: --user-agent flag/1.0
import http from 'k6/http';

export const options = { userAgent: 'mine/2.0 (conformance)' };

export default function () {
  http.get(`${__ENV.BASE}/user-agent`);
  http.get(`${__ENV.BASE}/user-agent`, { headers: { 'user-agent': 'header/3.0' } });
}
