//! Request bodies: text, forms, binary, and what is refused.
import http from 'k6/http';
import { sorted } from './lib/sorted.js';

const url = `${__ENV.BASE}/anything`;

function send(label, body, params) {
  try {
    const res = http.post(url, body, params);
    console.log(label, res.status, sorted(res.request.headers), JSON.stringify(res.request.body));
  } catch (e) {
    console.log(label, 'threw', String(e));
  }
}

export default function () {
  send('text', 'plain text');
  send('unicode', 'größe €\u0000');
  send('empty', '');
  send('null', null);
  send('undefined', undefined);
  send('object', { b: 'two words', a: 1, 'c&d': 'x=y' });
  send('object of all', { t: true, f: 1.5, n: null, u: undefined, arr: ['x', 'y', 3] });
  send('nested', { o: { p: 1 } });
  send('empty object', {});
  send('json', JSON.stringify({ a: [1, 2] }), { headers: { 'Content-Type': 'application/json' } });
  send('object with own type', { a: 'b' }, { headers: { 'Content-Type': 'text/plain' } });
  send('buffer', new Uint8Array([0, 1, 2, 255]).buffer);
  send('number', 5);
  send('boolean', true);
  send('array', ['a', 'b']);
  send('form in lower case header', { q: 'a b+c' }, { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
}
