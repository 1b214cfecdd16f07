//! `Response.clickLink()`.
import http from 'k6/http';

const attempt = (name, f) => {
  try {
    const r = f();
    console.log(name, r.status, r.url.replace(/^http:..[^/]*/, ''));
  } catch (e) {
    console.log(name, 'threw', String(e).replace(/127\.0\.0\.1:\d+/g, 'HOST'));
  }
};

export default function () {
  const base = __ENV.BASE;
  const res = http.get(`${base}/html`);
  const with_ = (body, url) => { res.body = body; res.url = url || `${base}/anything/dir/page?x=1#f`; return res; };
  const links = `<a>none</a><a href="/anything/one?q=1#f">1</a><a id=two href="sub/two">2</a><a id=up href="../up">3</a><a id=abs href="${base}/anything/abs">4</a><a id=q href="?only=1">5</a><a id=h href="#only">6</a><a id=bad href="http://a b/">7</a><area id=area href="/anything/area">`;
  attempt('first', () => with_(links).clickLink());
  attempt('empty', () => with_(links).clickLink({}));
  for (const id of ['two', 'up', 'abs', 'q', 'h', 'bad', 'area', 'nope']) {
    attempt(id, () => with_(links).clickLink({ selector: `#${id}` }));
  }
  attempt('without href', () => with_(links).clickLink({ selector: 'a' }));
  attempt('params', () => with_(links).clickLink({ selector: '#two', params: { headers: { 'X-Mine': 'h' }, tags: { name: 'link' } } }));
  attempt('no links', () => with_('<p>x').clickLink());
  attempt('null', () => with_(links).clickLink(null));
  attempt('no body', () => http.get(`${base}/status/204`).clickLink());
}
