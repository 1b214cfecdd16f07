//! WebCrypto: random values, digests, and making keys: what is allowed and what is not.
import { tell } from './lib/webcrypto.js';

export default async function () {
  const { subtle } = crypto;
  console.log(Object.keys(subtle).sort().join(), crypto.getRandomValues.length, subtle.digest.length, typeof crypto.randomUUID());
  for (const v of [new Uint8Array(4), new Int8Array(1), new Uint16Array(2), new Uint32Array(2), new Float32Array(1), new ArrayBuffer(4), 'x', 5, undefined, null, [], {}, new Uint8Array(65536), new Uint8Array(65537), new Uint32Array(65536), new DataView(new ArrayBuffer(1))]) {
    await tell(`random ${Object.prototype.toString.call(v)}`, () => crypto.getRandomValues(v) === v);
  }
  console.log(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), crypto.randomUUID() === crypto.randomUUID());
  await tell('read-only', () => { crypto.subtle = 1; });
  const data = new Uint8Array([1, 2, 3]);
  for (const a of ['SHA-1', 'sha-256', { name: 'SHA-384' }, { name: 'sha-512' }, 'MD5', '', {}, { name: 5 }, []]) await tell(`digest ${JSON.stringify(a)}`, () => subtle.digest(a, data));
  for (const d of [data.buffer, new Uint16Array([1]), new Uint8Array(0), undefined, null]) await tell(`digest of ${Object.prototype.toString.call(d)}`, () => subtle.digest('SHA-1', d));
  console.log(subtle.digest('SHA-1', data) instanceof Promise);
  for (const [a, e, u] of [
    [{ name: 'AES-CBC', length: 256 }, true, ['encrypt', 'decrypt']], [{ name: 'aes-gcm', length: 128 }, false, ['encrypt']], [{ name: 'AES-CTR', length: 192 }, true, ['wrapKey', 'unwrapKey']], [{ name: 'AES-KW', length: 128 }, true, ['wrapKey']], [{ name: 'AES-KW', length: 128 }, true, ['encrypt']],
    [{ name: 'AES-CBC', length: 100 }, true, ['encrypt']], [{ name: 'AES-CBC' }, true, ['encrypt']], [{ name: 'AES-CBC', length: 128 }, true, []], [{ name: 'AES-CBC', length: 128 }, true, ['sign']], [{ name: 'AES-CBC', length: 128 }, true], [{ name: 'AES-CBC', length: 128 }], ['AES-CBC', true, ['encrypt']],
    [{ name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']], [{ name: 'HMAC', hash: { name: 'sha-512' }, length: 64 }, true, ['sign']], [{ name: 'HMAC', hash: 'SHA-1', length: 0 }, true, ['sign']], [{ name: 'HMAC' }, true, ['sign']], [{ name: 'HMAC', hash: 'MD5' }, true, ['sign']], [{ name: 'HMAC', hash: 'SHA-256' }, true, ['encrypt']], [{ name: 'HMAC', hash: 'SHA-256' }, true, []], [{ name: 'HMAC', hash: 'SHA-256', length: 10 }, true, ['sign']],
    [{ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']], [{ name: 'ECDSA', namedCurve: 'P-521' }, false, ['sign']], [{ name: 'ECDH', namedCurve: 'P-384' }, true, ['deriveKey', 'deriveBits']], [{ name: 'ECDH', namedCurve: 'P-256' }, true, ['sign']], [{ name: 'ECDSA', namedCurve: 'K-256' }, true, ['sign']], [{ name: 'ECDSA' }, true, ['sign']], [{ name: 'ECDSA', namedCurve: 'P-256' }, true, []], [{ name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']],
    [{ name: 'RSA-OAEP', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['encrypt', 'decrypt']], [{ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: { name: 'SHA-1' } }, true, ['sign', 'verify']], [{ name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-512' }, false, ['sign', 'verify']], [{ name: 'rsassa-pkcs1-V1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'sha-512' }, false, ['sign', 'verify']],
    [{ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([2]), hash: 'SHA-1' }, true, ['sign']], [{ name: 'RSA-PSS', modulusLength: 1024, publicExponent: [1, 0, 1], hash: 'SHA-1' }, true, ['sign']], [{ name: 'RSA-PSS', modulusLength: 512, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, true, ['sign']], [{ name: 'RSA-PSS', publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, true, ['sign']], [{ name: 'RSA-PSS', modulusLength: 1024, hash: 'SHA-1' }, true, ['sign']], [{ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) }, true, ['sign']], [{ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, true, ['encrypt']], [{ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, true, []],
    [{ name: 'PBKDF2' }, true, ['deriveKey']], [{ name: 'HKDF' }, true, ['deriveKey']], ['SHA-1', true, ['sign']], [{ name: 'Ed25519' }, true, ['sign']],
  ]) {
    await tell(`generate ${JSON.stringify([a, e, u])}`, () => subtle.generateKey(a, e, u));
  }
  await tell('wrap', () => subtle.wrapKey());
  await tell('unwrap', () => subtle.unwrapKey());
}
