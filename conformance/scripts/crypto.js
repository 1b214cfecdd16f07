//! k6/crypto: every function, form of input and output, and mistake.
import crypto from 'k6/crypto';
import { sha256, createHash, createHMAC, hmac, hexEncode, randomBytes, md4 } from 'k6/crypto';

export default function () {
  const t = (f) => { try { const r = f(); return r instanceof ArrayBuffer ? 'AB:' + Array.from(new Uint8Array(r)).join() : typeof r + ':' + String(r); } catch (e) { return 'THROW ' + String(e) + ' | ' + e.name; } };
  console.log(Object.keys(crypto).sort().join());
  const fns = ['md4','md5','sha1','sha256','sha384','sha512','sha512_224','sha512_256','ripemd160'];
  for (const f of fns) console.log(f, t(() => crypto[f]('hello world', 'hex')), crypto[f].length);
  for (const e of ['hex','base64','base64url','base64rawurl','binary','nope','','HEX', undefined, null, 1, {}, ['hex']]) console.log('enc', JSON.stringify(e), t(() => sha256('hi', e)));
  console.log('noarg', t(() => sha256('hi')), t(() => sha256()), t(() => sha256(undefined, 'hex')), t(()=> sha256(null,'hex')));
  for (const v of [1, 1.5, true, {}, [], [1,2], new Uint8Array([1,2]), new Uint8Array([1,2]).buffer, new Int8Array([1]), new Uint16Array([1,2]), new Uint8ClampedArray([1,2]), new DataView(new ArrayBuffer(2)), new Date(0), () => 1, new Map(), 10n, new Float64Array([1]), new Set(), /x/, new Error('x'), Promise.resolve(1), new String('hi') , 'ü\ud800'])
    console.log('in', t(() => Object.prototype.toString.call(v)), t(() => sha256(v, 'hex')), '|', t(() => hexEncode(v)));
  console.log(t(() => sha256.call(null, 'a', 'hex')));
  const h = createHash('sha1');
  console.log(Object.keys(h).sort().join(), typeof h.update, h.update.length, h.digest.length, JSON.stringify(h), String(h), Object.prototype.toString.call(h), h.constructor && h.constructor.name);
  console.log(t(() => h.update('a')), t(() => h.update()), t(() => h.update(5)), t(() => h.digest('hex')), t(() => { h.update('b'); return h.digest('hex'); }), t(() => h.digest()), t(() => h.digest('hex')), t(() => h.digest('zz')));
  console.log(t(() => createHMAC('nope', 'k')), t(() => createHMAC('sha256')), t(() => createHMAC('sha256', 5)), t(() => createHMAC()), t(() => createHMAC('sha256', null)));
  const m = createHMAC('sha256', 'secret'); m.update('a'); m.update(new Uint8Array([98]));
  console.log(t(() => m.digest('hex')), t(() => hmac('sha256', 'secret', 'ab', 'hex')), t(() => hmac('md5', new Uint8Array([1]), new ArrayBuffer(2), 'base64')), t(() => hmac('x', 'secret', 'ab', 'hex')), t(() => hmac('sha256', 'secret', 5, 'hex')), t(() => hmac('sha256', 'secret', 'ab')), t(() => hmac('sha1', 'k'.repeat(200), 'ab', 'hex')));
  for (const n of [0, -1, undefined, null, '3', 'x', 1.9, NaN, {}, true, 2]) console.log('rb', String(n), t(() => { const r = randomBytes(n); return Object.prototype.toString.call(r) + r.byteLength; }));
  console.log(t(() => randomBytes()), t(() => hexEncode()), t(() => hexEncode('abc')));
  const u = h.update; console.log(t(() => u('x')), t(() => u.call({}, 'x')));
}
