//! Requests through the proxy of the environment, which here is the target: it is asked for whole URLs.
//! env: http_proxy=http://us%20er:pa@proxy.test:1
//! env: NO_PROXY=.direct.test
import http from 'k6/http';

const port = __ENV.TARGET.split(':')[1];
export const options = { hosts: { 'proxy.test:1': __ENV.TARGET, 'a.direct.test': '127.0.0.1' } };

export default function () {
  console.log(http.get(`http://a.direct.test:${port}/get`).status);
  console.log(http.get(`http://${__ENV.TARGET}/get`).status);
  for (let i = 0; i < 2; i++) {
    const proxied = http.get('http://elsewhere.test/get?x=1', { headers: { 'X-One': '1' } });
    console.log(proxied.status, proxied.error, proxied.url, proxied.timings.connecting > 0);
  }
}
