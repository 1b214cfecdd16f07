//! -e and --tag.
//! args: -e A=1 -e B=x=y -e EMPTY= --tag t1=v1 --tag t2=v2
import http from 'k6/http';

export const options = { tags: { script: 'lost' } };

export default function () {
  console.log(__ENV.A, __ENV.B, JSON.stringify(__ENV.EMPTY), __ENV.MISSING);
  http.get(`${__ENV.BASE}/get`);
}
