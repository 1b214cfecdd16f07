//! Bodies as text, binary or not at all, and discardResponseBodies.
//! case kept:
//! case discarded: -e DISCARD=1
import http from 'k6/http';
import { check } from 'k6';

export const options = { discardResponseBodies: __ENV.DISCARD === '1' };

export default function () {
  const url = `${__ENV.BASE}/encoding/utf8`;
  const bytes = `${__ENV.BASE}/status/418`;
  for (const responseType of [undefined, 'text', 'binary', 'none', 'nope', null]) {
    try {
      const res = http.get(url, { responseType });
      const body = res.body;
      const kind = body === null ? 'null' : body instanceof ArrayBuffer ? `buffer of ${body.byteLength}` : `${typeof body} of ${body.length}`;
      console.log(responseType, res.status, kind);
    } catch (e) {
      console.log(responseType, 'threw', String(e));
    }
  }
  check(http.get(bytes), { 'has a body': (r) => r.body !== null && r.body.length > 0, 'is a teapot': (r) => r.status === 418 });
}
