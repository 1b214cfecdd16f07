//! Redirects: followed, limited, and what becomes of method and body.
import http from 'k6/http';

const base = __ENV.BASE;

function show(label, res) {
  console.log(label, res.status, res.url, res.request.method, res.request.url, res.error_code);
}

export default function () {
  show('three', http.get(`${base}/redirect/3`));
  show('relative', http.get(`${base}/relative-redirect/2`));
  show('absolute', http.get(`${base}/absolute-redirect/2`));
  show('none', http.get(`${base}/redirect/3`, { redirects: 0 }));
  show('one', http.get(`${base}/redirect/3`, { redirects: 1 }));
  show('too many', http.get(`${base}/redirect/12`));
  for (const status of [301, 302, 303, 307, 308]) {
    show(`post ${status}`, http.post(`${base}/redirect-to?url=/anything&status=${status}`, 'body', { headers: { 'X-Kept': 'yes', 'Content-Type': 'text/plain' } }));
  }
  show('put 307', http.put(`${base}/redirect-to?url=/anything&status=307`, { a: 'b' }));
  show('head 302', http.head(`${base}/redirect-to?url=/get&status=302`));
  show('304', http.get(`${base}/redirect-to?url=/get&status=304`));
  show('named', http.get(`${base}/redirect/1`, { tags: { name: 'a name' } }));
  show('fragment', http.get(`${base}/redirect-to?url=/get%23there#here`));
  show('other scheme', http.get(`${base}/redirect-to?url=ftp%3A%2F%2Fexample.test%2Fx`));
  show('bad', http.get(`${base}/redirect-to?url=http%3A%2F%2F%5B`));
}
