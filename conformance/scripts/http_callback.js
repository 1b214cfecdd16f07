//! Which answers count as failed.
import http from 'k6/http';

export const options = { thresholds: { http_req_failed: ['rate<0.9'], 'http_req_duration{expected_response:true}': ['max<60000'], 'http_reqs{expected_response:false}': ['count>0'] } };

const base = __ENV.BASE;
const expect404 = http.expectedStatuses(404, { min: 500, max: 503 });

export default function () {
  http.get(`${base}/status/200`);
  http.get(`${base}/status/404`);
  http.get(`${base}/status/503`);
  http.get(`${base}/status/404`, { responseCallback: expect404, tags: { name: 'own callback' } });
  http.get(`${base}/status/200`, { responseCallback: expect404, tags: { name: 'own callback, unexpected' } });
  http.get(`${base}/status/404`, { responseCallback: null, tags: { name: 'no callback' } });
  http.setResponseCallback(http.expectedStatuses(418));
  http.get(`${base}/status/418`, { tags: { name: 'set' } });
  http.get(`${base}/status/200`, { tags: { name: 'set, unexpected' } });
  http.setResponseCallback(null);
  http.get(`${base}/status/200`, { tags: { name: 'set to nothing' } });
  const res = http.get(`${base}/status/503`, { tags: { name: 'codes' } });
  console.log(res.status, res.error_code, JSON.stringify(res.error));
  for (const bad of [() => http.expectedStatuses(), () => http.expectedStatuses('200'), () => http.expectedStatuses({ min: 1 }), () => http.setResponseCallback('x'), () => http.get(`${base}/get`, { responseCallback: 'x' })]) {
    try {
      bad();
      console.log('fine');
    } catch (e) {
      console.log('threw', String(e));
    }
  }
}
