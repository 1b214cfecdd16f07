//! The option hosts: names with their own address, with and without port.
import http from 'k6/http';

export const options = {
  hosts: { 'squall.test': __ENV.TARGET, '*.wild.test': __ENV.TARGET, 'port.test:8080': __ENV.TARGET, 'ip.test': '127.0.0.1' },
};

export default function () {
  const port = __ENV.TARGET.split(':')[1];
  for (const url of ['http://squall.test/get', 'http://a.b.wild.test/get', 'http://port.test:8080/get', `http://ip.test:${port}/get`, 'http://SQUALL.test/get']) {
    const res = http.get(url, { timeout: '5s', tags: { name: 'hosts' } });
    console.log(url, res.status, res.remote_ip);
  }
}
