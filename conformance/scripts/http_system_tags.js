//! systemTags choose what samples carry.
//! case few: --system-tags status,method
//! case more: --system-tags url,name,vu,iter,scenario,group,check,error_code
//! case none: -e NONE=1
import http from 'k6/http';
import { check } from 'k6';

export const options = __ENV.NONE ? { systemTags: [], iterations: 2 } : { iterations: 2 };

export default function () {
  check(http.get(`${__ENV.BASE}/status/404`), { 'is 200': (r) => r.status === 200 });
  http.get('http://127.0.0.1:1/');
}
