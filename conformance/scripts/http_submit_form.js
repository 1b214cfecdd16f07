//! `Response.submitForm()`.
import http from 'k6/http';
import { page } from './lib/page.js';
import { sorted } from './lib/sorted.js';

const attempt = (name, f) => {
  try {
    const r = f();
    const sent = r.json();
    console.log(name, r.status, sent.method, sent.url ? sent.url.replace(/^http:..[^/]*/, '') : '', sorted(sent.form || {}), sorted(sent.args || {}), JSON.stringify(sent.data || ''));
  } catch (e) {
    console.log(name, 'threw', String(e).replace(/127\.0\.0\.1:\d+/g, 'HOST'));
  }
};

export default function () {
  const base = __ENV.BASE;
  const res = http.get(`${base}/forms/post`);
  const with_ = (body, url) => { res.body = body; res.url = url || `${base}/anything/dir/page?x=1#f`; return res; };
  attempt('page', () => res.submitForm());
  attempt('page with fields', () => res.submitForm({ fields: { custname: 'me', extra: 'more' } }));
  attempt('all controls', () => with_(page).submitForm());
  attempt('fields', () => with_(page).submitForm({ fields: { text: 'mine', added: 'new', many: ['x', 'y'], n: 5 } }));
  attempt('other button', () => with_(page).submitForm({ submitSelector: '[name=other]' }));
  attempt('params', () => with_(page).submitForm({ params: { headers: { 'X-Mine': 'h' }, tags: { name: 'form' } } }));
  attempt('form selector', () => with_(page).submitForm({ formSelector: '#f' }));
  attempt('no such form', () => with_(page).submitForm({ formSelector: '#g' }));
  attempt('no form', () => with_('<p>x').submitForm());
  attempt('get', () => with_('<form action="/anything/get?old=1#z"><input name=q value="a b&c"><input name=r value=2></form>').submitForm());
  attempt('get is default, no action', () => with_('<form><input name=q value=1></form>').submitForm());
  attempt('get several', () => with_('<form><select name=m multiple><option selected>1<option selected>2</select></form>').submitForm());
  attempt('get fields', () => with_('<form action=sub><input name=q></form>').submitForm({ fields: { q: 7, z: true } }));
  attempt('put', () => with_('<form method=put action="../up"><input name=q value=1></form>').submitForm());
  attempt('submit without value', () => with_('<form method=post><input type=submit name=s></form>').submitForm());
  attempt('absolute', () => with_(`<form method=post action="${base}/anything/abs"></form>`).submitForm());
  attempt('bad action', () => with_('<form action="http://a b/"></form>').submitForm());
  attempt('null argument', () => with_(page).submitForm(null));
  attempt('text argument', () => with_('<form method=post action=/anything><input name=a value=1></form>').submitForm('x'));
}
