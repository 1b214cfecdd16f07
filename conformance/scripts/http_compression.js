//! Compressed bodies in both directions.
import http from 'k6/http';
import { sorted } from './lib/sorted.js';

const base = __ENV.BASE;

export default function () {
  for (const compression of ['gzip', 'deflate', 'br', 'zstd', 'gzip, deflate', ' gzip ,br']) {
    const res = http.post(`${base}/anything`, 'a text that repeats, a text that repeats', { compression });
    console.log(compression, res.status, JSON.stringify(res.request.headers['Content-Encoding']));
  }
  const form = http.post(`${base}/anything`, { a: 'b' }, { compression: 'gzip' });
  console.log('form', form.status, JSON.stringify(form.request.headers['Content-Type']));
  for (const path of ['gzip', 'deflate', 'brotli', 'zstd']) {
    const res = http.get(`${base}/${path}`);
    console.log(path, res.status, res.headers['Content-Encoding'], typeof res.body, res.json(path === 'deflate' ? 'deflated' : 'gzipped'));
    console.log(path, http.get(`${base}/${path}`, { responseType: 'binary' }).body.byteLength > 0, http.get(`${base}/${path}`, { responseType: 'none' }).body);
  }
  for (const params of [{ compression: 'lzma' }, { compression: '' }, { compression: 'gzip', headers: { 'Content-Encoding': 'br' } }, { compression: 'gzip', headers: { 'Content-Encoding': 'gzip' } }]) {
    try {
      const res = http.post(`${base}/anything`, 'text', params);
      console.log(JSON.stringify(params), res.status, sorted(res.request.headers));
    } catch (e) {
      console.log(JSON.stringify(params), 'threw', String(e));
    }
  }
}
