//! WebCrypto: keys in and out in every form.
import { tell, bytes, text } from './lib/webcrypto.js';

const fixtures = JSON.parse(open('data/keys/webcrypto.json'));

export default async function () {
  const { subtle } = crypto;
  const all = async (label, format, data, algorithm, usages, formats, extractable = true) => {
    let key;
    await tell(`import ${label} ${format}`, async () => (key = await subtle.importKey(format, data, algorithm, extractable, usages)));
    if (key) for (const out of formats) await tell(`  export ${out}`, () => subtle.exportKey(out, key));
    return key;
  };
  // Secrets.
  for (const name of ['AES-CBC', 'AES-CTR', 'AES-GCM']) {
    await all(name, 'raw', new Uint8Array(16).fill(7), name, ['encrypt', 'decrypt'], ['raw', 'jwk', 'pkcs8', 'spki', 'nope']);
    await all(name, 'jwk', { kty: 'oct', k: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8' }, { name }, ['encrypt', 'wrapKey'], ['raw', 'jwk']);
  }
  await all('AES hidden', 'raw', new Uint8Array(32), 'AES-GCM', ['encrypt'], ['raw', 'jwk'], false);
  for (const [label, format, data, usages] of [['short', 'raw', new Uint8Array(5), ['encrypt']], ['no usage', 'raw', new Uint8Array(16), []], ['bad usage', 'raw', new Uint8Array(16), ['sign']], ['format', 'pkcs8', new Uint8Array(16), ['encrypt']], ['unknown format', 'x', new Uint8Array(16), ['encrypt']], ['nothing', 'raw', undefined, ['encrypt']], ['text', 'raw', 'abc', ['encrypt']], ['jwk kind', 'jwk', { kty: 'RSA', k: 'AA' }, ['encrypt']], ['jwk without', 'jwk', { kty: 'oct' }, ['encrypt']]]) {
    await all(`AES ${label}`, format, data, 'AES-CBC', usages, []);
  }
  await all('HMAC', 'raw', text('secret'), { name: 'HMAC', hash: 'SHA-256' }, ['sign', 'verify'], ['raw', 'jwk', 'spki']);
  await all('HMAC', 'jwk', { kty: 'oct', k: 'AAEC' }, { name: 'HMAC', hash: { name: 'sha-512' } }, ['sign'], ['raw', 'jwk']);
  await all('HMAC length', 'raw', text('secret'), { name: 'HMAC', hash: 'SHA-1', length: 48 }, ['verify'], ['raw']);
  await all('HMAC wrong length', 'raw', text('secret'), { name: 'HMAC', hash: 'SHA-1', length: 40 }, ['verify'], []);
  await all('HMAC empty', 'raw', new Uint8Array(0), { name: 'HMAC', hash: 'SHA-1' }, ['verify'], []);
  await all('HMAC no hash', 'raw', text('secret'), 'HMAC', ['verify'], []);
  await all('HMAC bad hash', 'raw', text('secret'), { name: 'HMAC', hash: 'MD5' }, ['verify'], []);
  await all('HMAC bad usage', 'raw', text('secret'), { name: 'HMAC', hash: 'SHA-1' }, ['encrypt'], []);
  await all('PBKDF2', 'raw', text('password'), 'PBKDF2', ['deriveKey', 'deriveBits'], ['raw'], false);
  await all('PBKDF2 extractable', 'raw', text('password'), 'PBKDF2', ['deriveKey'], [], true);
  await all('PBKDF2 usage', 'raw', text('password'), 'PBKDF2', ['sign'], [], false);
  await all('PBKDF2 format', 'jwk', { kty: 'oct', k: 'AA' }, 'PBKDF2', ['deriveKey'], [], false);
  for (const name of ['HKDF', 'Ed25519', 'SHA-1', 'nope']) await all(name, 'raw', text('x'), name, ['sign'], []);
  // Elliptic curves.
  for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
    const { pkcs8, spki, raw, jwk } = fixtures[namedCurve];
    const point = { ...jwk, d: undefined };
    delete point.d;
    for (const [name, use, check] of [['ECDSA', ['sign'], ['verify']], ['ECDH', ['deriveBits'], []]]) {
      const algorithm = { name, namedCurve };
      await all(`${name} ${namedCurve}`, 'pkcs8', bytes(pkcs8), algorithm, use, ['pkcs8', 'jwk', 'raw', 'spki']);
      await all(`${name} ${namedCurve}`, 'spki', bytes(spki), algorithm, check, ['spki', 'raw', 'jwk', 'pkcs8']);
      await all(`${name} ${namedCurve}`, 'raw', bytes(raw), algorithm, check, ['spki', 'raw']);
      await all(`${name} ${namedCurve}`, 'jwk', jwk, algorithm, use, ['pkcs8', 'jwk']);
      await all(`${name} ${namedCurve} public`, 'jwk', point, algorithm, check, ['spki', 'jwk']);
    }
  }
  const { jwk } = fixtures['P-256'];
  for (const [label, key] of [['kind', { ...jwk, kty: 'oct' }], ['no curve', { ...jwk, crv: '' }], ['no x', { ...jwk, x: '' }], ['no y', { ...jwk, y: '' }], ['curve', { ...jwk, crv: 'K-256' }]]) {
    await all(`ECDSA ${label}`, 'jwk', key, { name: 'ECDSA', namedCurve: 'P-256' }, ['sign'], []);
  }
  await all('ECDSA no curve', 'raw', bytes(fixtures['P-256'].raw), 'ECDSA', ['verify'], []);
  await all('ECDSA unknown curve', 'raw', bytes(fixtures['P-256'].raw), { name: 'ECDSA', namedCurve: 'K-256' }, ['verify'], []);
  await all('ECDSA no usage', 'pkcs8', bytes(fixtures['P-256'].pkcs8), { name: 'ECDSA', namedCurve: 'P-256' }, [], []);
  await all('ECDSA of RSA', 'pkcs8', bytes(fixtures.rsaPkcs8), { name: 'ECDSA', namedCurve: 'P-256' }, ['sign'], []);
  await all('ECDSA of RSA', 'spki', bytes(fixtures.rsaSpki), { name: 'ECDSA', namedCurve: 'P-256' }, ['verify'], []);
  // RSA.
  for (const [name, use, check] of [['RSASSA-PKCS1-v1_5', ['sign'], ['verify']], ['RSA-PSS', ['sign'], ['verify']], ['RSA-OAEP', ['decrypt'], ['encrypt']]]) {
    const algorithm = { name, hash: 'SHA-256' };
    await all(name, 'pkcs8', bytes(fixtures.rsaPkcs8), algorithm, use, ['pkcs8', 'jwk', 'spki', 'raw']);
    await all(name, 'spki', bytes(fixtures.rsaSpki), algorithm, check, ['spki', 'jwk', 'pkcs8']);
    await all(name, 'jwk', fixtures.rsaJwk, algorithm, use, ['pkcs8', 'jwk']);
    await all(`${name} public`, 'jwk', { kty: 'RSA', n: fixtures.rsaJwk.n, e: fixtures.rsaJwk.e }, algorithm, check, ['jwk']);
    await all(name, 'raw', bytes(fixtures.rsaSpki), algorithm, check, []);
  }
  await all('RSA no hash', 'spki', bytes(fixtures.rsaSpki), 'RSA-PSS', ['verify'], []);
  await all('RSA bad hash', 'spki', bytes(fixtures.rsaSpki), { name: 'RSA-PSS', hash: 'MD5' }, ['verify'], []);
  await all('RSA jwk kind', 'jwk', { ...fixtures.rsaJwk, kty: 'EC' }, { name: 'RSA-PSS', hash: 'SHA-1' }, ['sign'], []);
  await all('RSA jwk without n', 'jwk', { kty: 'RSA', e: 'AQAB' }, { name: 'RSA-PSS', hash: 'SHA-1' }, ['verify'], []);
  await all('RSA jwk without e', 'jwk', { kty: 'RSA', n: 'AQAB' }, { name: 'RSA-PSS', hash: 'SHA-1' }, ['verify'], []);
  await tell('export of no key', () => subtle.exportKey('raw', { type: 'secret' }));
}
