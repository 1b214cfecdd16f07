//! WebCrypto: encrypting, signing, deriving, with fixed keys, and what is refused.
import { tell, bytes, text, hex } from './lib/webcrypto.js';

const fixtures = JSON.parse(open('data/keys/webcrypto.json'));

export default async function () {
  const { subtle } = crypto;
  const data = text('hello world');
  const iv = new Uint8Array(16).map((_, i) => i + 1);
  for (const size of [16, 24, 32]) {
    for (const [label, algorithm] of [
      ['cbc', { name: 'AES-CBC', iv }], ['ctr', { name: 'AES-CTR', counter: iv, length: 64 }], ['gcm', { name: 'AES-GCM', iv: iv.slice(0, 12) }], ['gcm more', { name: 'aes-gcm', iv: iv.slice(0, 12), additionalData: text('more'), tagLength: 96 }],
    ]) {
      const key = await subtle.importKey('raw', new Uint8Array(size), algorithm.name, true, ['encrypt', 'decrypt']);
      let coded;
      await tell(`${label} ${size} encrypt`, async () => (coded = await subtle.encrypt(algorithm, key, data)));
      await tell(`${label} ${size} decrypt`, () => subtle.decrypt(algorithm, key, coded));
      await tell(`${label} ${size} 100`, async () => hex(await subtle.encrypt(algorithm, key, new Uint8Array(100))).slice(-40));
    }
  }
  const aes = async (name, usages = ['encrypt', 'decrypt']) => subtle.importKey('raw', new Uint8Array(16), name, true, usages);
  const cbc = await aes('AES-CBC');
  const gcm = await aes('AES-GCM');
  const ctr = await aes('AES-CTR');
  for (const [label, algorithm, key, what] of [
    ['iv short', { name: 'AES-CBC', iv: new Uint8Array(5) }, cbc, data], ['no iv', { name: 'AES-CBC' }, cbc, data], ['another name', { name: 'AES-GCM', iv }, cbc, data], ['counter', { name: 'AES-CTR', counter: new Uint8Array(5), length: 64 }, ctr, data], ['counter length', { name: 'AES-CTR', counter: iv, length: 0 }, ctr, data], ['counter length 129', { name: 'AES-CTR', counter: iv, length: 129 }, ctr, data],
    ['tag 32', { name: 'AES-GCM', iv: iv.slice(0, 12), tagLength: 32 }, gcm, data], ['tag 5', { name: 'AES-GCM', iv: iv.slice(0, 12), tagLength: 5 }, gcm, data], ['nonce', { name: 'AES-GCM', iv }, gcm, data], ['no data', { name: 'AES-CBC', iv }, cbc, undefined], ['text', { name: 'AES-CBC', iv }, cbc, 'abc'], ['unknown', { name: 'X' }, cbc, data], ['usage', { name: 'AES-CBC', iv }, await aes('AES-CBC', ['decrypt']), data], ['kw', { name: 'AES-KW' }, await aes('AES-KW', ['wrapKey']), data],
  ]) await tell(`encrypt ${label}`, () => subtle.encrypt(algorithm, key, what));
  for (const [label, algorithm, key, what] of [
    ['padding', { name: 'AES-CBC', iv }, cbc, new Uint8Array(16)], ['tag', { name: 'AES-GCM', iv: iv.slice(0, 12) }, gcm, new Uint8Array(30)], ['short', { name: 'AES-GCM', iv: iv.slice(0, 12) }, gcm, new Uint8Array(3)], ['tag 64', { name: 'AES-GCM', iv: iv.slice(0, 12), tagLength: 64 }, gcm, new Uint8Array(30)], ['tag 7', { name: 'AES-GCM', iv: iv.slice(0, 12), tagLength: 7 }, gcm, new Uint8Array(30)], ['usage', { name: 'AES-CBC', iv }, await aes('AES-CBC', ['encrypt']), data], ['iv short', { name: 'AES-CBC', iv: new Uint8Array(5) }, cbc, new Uint8Array(16)],
  ]) await tell(`decrypt ${label}`, () => subtle.decrypt(algorithm, key, what));
  await tell('gcm of another', async () => subtle.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12), tagLength: 96, additionalData: data }, await subtle.importKey('raw', new Uint8Array(32), 'AES-GCM', true, ['decrypt']), bytes(fixtures.gcm96)));

  for (const hash of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']) {
    const key = await subtle.importKey('raw', text('secret'), { name: 'HMAC', hash }, true, ['sign', 'verify']);
    let signature;
    await tell(`hmac ${hash}`, async () => (signature = await subtle.sign('HMAC', key, data)));
    await tell('  verify', async () => [await subtle.verify('HMAC', key, signature, data), await subtle.verify({ name: 'hmac' }, key, signature, text('other')), await subtle.verify('HMAC', key, new Uint8Array(3), data)]);
  }
  const hmac = await subtle.importKey('raw', text('secret'), { name: 'HMAC', hash: 'SHA-1' }, true, ['verify']);
  await tell('sign usage', () => subtle.sign('HMAC', hmac, data));
  await tell('sign another', () => subtle.sign({ name: 'ECDSA', hash: 'SHA-1' }, hmac, data));
  await tell('sign unknown', () => subtle.sign('AES-CBC', hmac, data));
  await tell('verify without', () => subtle.verify('HMAC', hmac, undefined, data));

  for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
    const fixture = fixtures[namedCurve];
    const priv = await subtle.importKey('pkcs8', bytes(fixture.pkcs8), { name: 'ECDSA', namedCurve }, true, ['sign']);
    const pub = await subtle.importKey('spki', bytes(fixture.spki), { name: 'ECDSA', namedCurve }, true, ['verify']);
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    await tell(`ecdsa ${namedCurve}`, async () => [
      await subtle.verify(algorithm, pub, bytes(fixture.signature), data), await subtle.verify(algorithm, pub, bytes(fixture.signature), text('x')), await subtle.verify(algorithm, pub, new Uint8Array(3), data), await subtle.verify({ name: 'ECDSA', hash: 'SHA-1' }, pub, bytes(fixture.signature), data),
    ]);
    for (const hash of ['SHA-1', 'SHA-256', { name: 'SHA-384' }, 'SHA-512']) {
      await tell(`  own ${JSON.stringify(hash)}`, async () => { const signature = await subtle.sign({ name: 'ECDSA', hash }, priv, data); return [signature.byteLength, await subtle.verify({ name: 'ECDSA', hash }, pub, signature, data)]; });
    }
    await tell('  no hash', () => subtle.sign('ECDSA', priv, data));
    const mine = await subtle.importKey('pkcs8', bytes(fixture.pkcs8), { name: 'ECDH', namedCurve }, true, ['deriveBits']);
    const theirs = await subtle.importKey('raw', bytes(fixture.other), { name: 'ECDH', namedCurve }, true, []);
    for (const length of [128, 256, 0, 10, 9999992]) await tell(`  ecdh ${length}`, () => subtle.deriveBits({ name: 'ECDH', public: theirs }, mine, length));
    await tell('  ecdh without', () => subtle.deriveBits({ name: 'ECDH' }, mine, 128));
    await tell('  ecdh private', () => subtle.deriveBits({ name: 'ECDH', public: mine }, mine, 128));
    await tell('  ecdh of two curves', async () => subtle.deriveBits({ name: 'ECDH', public: await subtle.importKey('raw', bytes(fixtures[namedCurve === 'P-256' ? 'P-384' : 'P-256'].other), { name: 'ECDH', namedCurve: namedCurve === 'P-256' ? 'P-384' : 'P-256' }, true, []) }, mine, 128));
  }

  const rsa = async (name, isPrivate, usages, hash = 'SHA-256') => subtle.importKey(isPrivate ? 'pkcs8' : 'spki', bytes(isPrivate ? fixtures.rsaPkcs8 : fixtures.rsaSpki), { name, hash }, true, usages);
  for (const hash of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']) {
    const key = await rsa('RSASSA-PKCS1-v1_5', true, ['sign'], hash);
    await tell(`pkcs1 ${hash}`, async () => hex(await subtle.sign('RSASSA-PKCS1-v1_5', key, data)).slice(0, 32));
    const pss = await rsa('RSA-PSS', true, ['sign'], hash);
    const check = await rsa('RSA-PSS', false, ['verify'], hash);
    await tell(`pss ${hash}`, async () => { const signature = await subtle.sign({ name: 'RSA-PSS', saltLength: 20 }, pss, data); return [await subtle.verify({ name: 'RSA-PSS', saltLength: 20 }, check, signature, data), await subtle.verify({ name: 'RSA-PSS', saltLength: 21 }, check, signature, data)]; });
  }
  const pkcs1 = await rsa('RSASSA-PKCS1-v1_5', false, ['verify']);
  await tell('pkcs1 verify', async () => [await subtle.verify('RSASSA-PKCS1-v1_5', pkcs1, bytes(fixtures.pkcs1), data), await subtle.verify('RSASSA-PKCS1-v1_5', pkcs1, bytes(fixtures.pkcs1), text('x'))]);
  const pss = await rsa('RSA-PSS', false, ['verify']);
  await tell('pss verify', async () => [await subtle.verify({ name: 'RSA-PSS', saltLength: 32 }, pss, bytes(fixtures.pss), data), await subtle.verify({ name: 'RSA-PSS', saltLength: 32 }, pss, bytes(fixtures.pss), text('x'))]);
  await tell('pss salt', () => subtle.verify('RSA-PSS', pss, bytes(fixtures.pss), data));
  await tell('pss too long', async () => subtle.sign({ name: 'RSA-PSS', saltLength: 300 }, await rsa('RSA-PSS', true, ['sign']), data));
  const open = await rsa('RSA-OAEP', true, ['decrypt']);
  const seal = await rsa('RSA-OAEP', false, ['encrypt']);
  await tell('oaep of another', () => subtle.decrypt({ name: 'RSA-OAEP', label: data }, open, bytes(fixtures.oaep)));
  await tell('oaep label', () => subtle.decrypt({ name: 'RSA-OAEP' }, open, bytes(fixtures.oaep)));
  await tell('oaep own', async () => subtle.decrypt({ name: 'RSA-OAEP' }, open, await subtle.encrypt('RSA-OAEP', seal, data)));
  await tell('oaep long', () => subtle.encrypt('RSA-OAEP', seal, new Uint8Array(300)));

  const password = await subtle.importKey('raw', text('password'), 'PBKDF2', false, ['deriveBits', 'deriveKey']);
  for (const hash of ['SHA-1', 'SHA-256', 'SHA-384', { name: 'SHA-512' }]) {
    await tell(`pbkdf2 ${JSON.stringify(hash)}`, () => subtle.deriveBits({ name: 'PBKDF2', hash, salt: text('salt'), iterations: 2 }, password, 160));
  }
  await tell('pbkdf2 long', () => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: text('salt'), iterations: 4096 }, password, 256));
  await tell('pbkdf2 rounds', () => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: text('salt'), iterations: 0 }, password, 256));
  await tell('pbkdf2 no salt', () => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', iterations: 1 }, password, 256));
  await tell('pbkdf2 no hash', () => subtle.deriveBits({ name: 'PBKDF2', salt: text('salt'), iterations: 1 }, password, 256));
  await tell('pbkdf2 bits', () => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: text('salt'), iterations: 1 }, password, 9));
  await tell('derive unknown', () => subtle.deriveBits('HKDF', password, 8));
  for (const target of [{ name: 'AES-GCM', length: 256 }, { name: 'AES-CBC', length: 128 }, { name: 'AES-CBC' }, { name: 'AES-CBC', length: 100 }, { name: 'AES-CBC', length: 64 }, { name: 'HMAC', hash: 'SHA-1', length: 256 }, 'nope']) {
    let key;
    await tell(`derive ${JSON.stringify(target)}`, async () => (key = await subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt: text('salt'), iterations: 3 }, password, target, true, ['encrypt', 'decrypt'])));
    if (key) await tell('  export', () => subtle.exportKey('raw', key));
  }
}
