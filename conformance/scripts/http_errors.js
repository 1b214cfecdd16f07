//! cut: data_received data_sent
//! What goes wrong below HTTP: codes, texts, the log, tags.
import http from 'k6/http';

export const options = {
  blacklistIPs: ['10.0.0.0/8'],
  blockHostnames: ['*.blocked.test', 'exact.test'],
  hosts: { 'private.test': '10.1.2.3', 'refused.test': '127.0.0.1:1' },
};

const base = __ENV.BASE;

function get(label, url, params) {
  try {
    const res = http.get(url, params);
    console.log(label, res.status, res.error_code, res.error);
  } catch (e) {
    console.log(label, 'threw', String(e));
  }
}

export default function () {
  get('refused', 'http://127.0.0.1:1/');
  get('refused by name', 'http://refused.test/x');
  get('scheme', 'ftp://127.0.0.1/');
  get('no scheme', '127.0.0.1/');
  get('no host', 'http:///path');
  get('bad port', 'http://127.0.0.1:x/');
  get('bad escape', 'http://127.0.0.1/%zz');
  get('empty', '');
  get('relative', '/path');
  get('blacklisted', 'http://10.9.9.9/');
  get('blacklisted by name', 'http://private.test/');
  get('blocked', 'http://a.blocked.test/');
  get('blocked exactly', 'http://exact.test/');
  get('timeout', `${base}/get?delay=5s`, { timeout: 200 });
  get('timeout as text', `${base}/get?delay=5s`, { timeout: '200ms' });
  get('timeout of body', `${base}/get?size=1000000&rate=1000`, { timeout: '300ms' });
  get('never', `${base}/get?close=never`, { timeout: '200ms' });
  get('reset', `${base}/get?close=reset`);
  get('closed before', `${base}/get?close=before`);
  get('closed in head', `${base}/get?close=mid-head`);
  get('closed in body', `${base}/get?close=mid-body&size=1000`);
  get('throws', 'http://127.0.0.1:1/', { throw: true });
  get('throws on scheme', 'ftp://127.0.0.1/', { throw: true });
  get('bad timeout', `${base}/get`, { timeout: 'soon' });
  get('undefined url', undefined);
  get('null url', null);
  get('number url', 5);
  get('object url', { a: 1 });
}
