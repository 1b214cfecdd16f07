//! `Response.html()`.
import http from 'k6/http';

const attempt = (name, f) => {
  try {
    console.log(name, String(f()));
  } catch (e) {
    console.log(name, 'threw', String(e));
  }
};

export default function () {
  const base = __ENV.BASE;
  const res = http.get(`${base}/html`);
  console.log(res.html().find('title').text(), res.html('h1').text(), res.html('nothing').size(), res.html('[').size(), res.html().find('p').size());
  console.log(res.html().url === res.url, res.html('h1').url === res.url, res.html().find('h1').parent().url === res.url);
  res.body = '<p>mine<a href="x">y</a></p>';
  console.log(res.html('p').text(), res.html('a').get(0).href() === `${base}/x`);
  res.url = 'http://other.example/dir/';
  console.log(res.html('a').get(0).href());
  const json = http.get(`${base}/json`);
  console.log(json.html('body').size());
  attempt('none', () => http.get(`${base}/html`, { responseType: 'none' }).html());
  attempt('binary', () => http.get(`${base}/html`, { responseType: 'binary' }).html('h1').text());
  attempt('refused', () => http.get('http://127.0.0.1:1/').html());
  attempt('null', () => { res.body = null; return res.html(); });
  attempt('undefined selector', () => json.html(undefined).size());
  attempt('no content', () => http.get(`${base}/status/204`).html().size());
}
