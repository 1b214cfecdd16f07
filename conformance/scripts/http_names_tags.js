//! Names and tags of requests: http.url, params, groups.
import http from 'k6/http';
import { group } from 'k6';

export const options = { tags: { run: 'all' }, thresholds: { 'http_reqs{name:named}': ['count==2'], 'http_reqs{kind:a}': ['count==1'], 'http_reqs{group:::outer::inner}': ['count==1'] } };

const base = __ENV.BASE;

export default function () {
  const id = 17;
  http.get(http.url`${base}/anything/${id}/x?y=${id}`);
  http.get(http.url`${base}/get`, { tags: { kind: 'a' } });
  http.get(`${base}/get?x=1`, { tags: { name: 'named' } });
  http.get(`${base}/get?x=2`, { tags: { name: 'named', n: 5, b: true } });
  http.get(`${base}/get?q=a b&c=%20#frag`);
  http.get(`http://us:pw@${__ENV.TARGET}/get`);
  http.get(`${base}/get`, { tags: { status: 'mine', method: 'mine', url: 'mine', group: 'mine', scenario: 'mine', error: 'mine', run: 'other' } });
  group('outer', () => {
    http.get(`${base}/get`);
    group('inner', () => http.get(`${base}/get`));
  });
  for (const tags of [null, undefined, 'x', 5, { a: null }, { a: undefined }, { a: {} }, { a: [1] }]) {
    try {
      console.log(JSON.stringify(tags), http.get(`${base}/get`, { tags }).status);
    } catch (e) {
      console.log(JSON.stringify(tags), 'threw', String(e));
    }
  }
}
