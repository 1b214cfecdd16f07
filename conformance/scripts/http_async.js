//! http.asyncRequest.
import http from 'k6/http';

const base = __ENV.BASE;

export default async function () {
  const first = await http.asyncRequest('GET', `${base}/get?n=1`);
  console.log(first.status, first.url);
  const posted = await http.asyncRequest('POST', `${base}/post`, { a: 'b' }, { headers: { 'X-A': '1' }, tags: { name: 'posted' } });
  console.log(posted.status, JSON.stringify(posted.json('form')));
  const pending = http.asyncRequest('GET', `${base}/get?n=3`);
  console.log(pending instanceof Promise, typeof pending.then);
  console.log((await pending).status);
  const failed = await http.asyncRequest('GET', 'http://127.0.0.1:1/');
  console.log(failed.status, failed.error_code, failed.error);
  try {
    await http.asyncRequest('GET', 'http://127.0.0.1:1/', null, { throw: true });
  } catch (e) {
    console.log('rejected', String(e));
  }
  try {
    await http.asyncRequest('GET', 'nope://x');
    console.log('fine');
  } catch (e) {
    console.log('rejected', String(e));
  }
  http.asyncRequest('GET', `${base}/get?n=last`).then((r) => console.log('then', r.status));
  console.log('end of the function');
}
