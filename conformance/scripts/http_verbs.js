//! Every verb of k6/http, what it sends and what comes back.
import http from 'k6/http';

const base = __ENV.BASE;

function show(label, res) {
  console.log(label, res.status, res.status_text, res.url, res.request.method, res.body === null ? 'null' : res.body.length > 0);
}

export default function () {
  show('get', http.get(`${base}/get?a=1&b=two`));
  show('head', http.head(`${base}/get`));
  show('post', http.post(`${base}/post`, 'text'));
  show('post nothing', http.post(`${base}/post`));
  show('put', http.put(`${base}/put`, 'text'));
  show('patch', http.patch(`${base}/patch`, 'text'));
  show('del', http.del(`${base}/delete`));
  show('del with body', http.del(`${base}/delete`, 'why'));
  show('options', http.options(`${base}/anything`));
  show('options with body', http.options(`${base}/anything`, 'body'));
  show('request', http.request('GET', `${base}/anything`));
  show('request with body', http.request('POST', `${base}/anything`, 'b', { headers: { 'X-A': '1' } }));
  show('lower case', http.request('get', `${base}/anything`));
  show('own verb', http.request('REPORT', `${base}/anything`));
  show('get with body', http.request('GET', `${base}/anything`, 'odd'));
  show('404', http.get(`${base}/nope`));
  show('500', http.get(`${base}/status/500`));
  show('204', http.get(`${base}/status/204`));
}
