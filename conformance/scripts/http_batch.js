//! http.batch: an array, an object, all forms of an entry. One connection for each request in flight.
//! order: any
import http from 'k6/http';

const base = __ENV.BASE;

export default function () {
  const list = http.batch([
    `${base}/get?n=1`,
    ['GET', `${base}/get?n=2`],
    ['POST', `${base}/post`, 'body', { headers: { 'X-A': '1' }, tags: { name: 'third' } }],
    { method: 'PUT', url: `${base}/put`, body: { a: 'b' }, params: { headers: { 'X-B': '2' } } },
    { url: `${base}/get?n=5` },
    ['DELETE', `${base}/delete`, null],
    http.url`${base}/anything/${6}`,
  ]);
  console.log(Array.isArray(list), list.map((r) => `${r.status} ${r.request.method} ${r.url}`).join(', '));
  const named = http.batch({ one: `${base}/get?o=1`, two: ['POST', `${base}/post`, 'x'], three: { method: 'GET', url: `${base}/status/404` } });
  console.log(Object.keys(named).sort().join(), named.one.status, named.two.status, named.three.status);
  console.log(JSON.stringify(http.batch([])), JSON.stringify(http.batch({})));
  const mixed = http.batch([`${base}/get?m=1`, 'http://127.0.0.1:1/']);
  console.log(mixed.map((r) => `${r.status} ${r.error_code} ${r.error}`).join(', '));
  for (const bad of [undefined, null, 5, 'text', [['GET']], [5], [null], [{}]]) {
    try {
      console.log(JSON.stringify(bad), JSON.stringify(http.batch(bad)).length > 0);
    } catch (e) {
      console.log(JSON.stringify(bad), 'threw', String(e));
    }
  }
}
