// `crypto.subtle` and `CryptoKey` of the Web Cryptography API, with the checks of k6 in k6's order and words. The
// arithmetic is native; keys are handles that scripts can't see into.
(function (native) {
  'use strict';

  const AES = ['AES-CBC', 'AES-CTR', 'AES-GCM', 'AES-KW'];
  const HASHES = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];
  const RSA = ['RSASSA-PKCS1-v1_5', 'RSA-PSS', 'RSA-OAEP'];
  const EC = ['ECDH', 'ECDSA'];
  const KEYS = [...AES, 'HMAC', ...EC, ...RSA];
  const KNOWN = {
    digest: HASHES,
    generateKey: [...KEYS, ...HASHES],
    exportKey: [...KEYS, 'PBKDF2'],
    importKey: [...KEYS, 'PBKDF2'],
    encrypt: [...AES, 'RSA-OAEP'],
    decrypt: [...AES, 'RSA-OAEP'],
    sign: ['HMAC', 'ECDSA', 'RSA-PSS', 'RSASSA-PKCS1-v1_5'],
    verify: ['HMAC', 'ECDSA', 'RSA-PSS', 'RSASSA-PKCS1-v1_5'],
    deriveBits: [...HASHES, 'PBKDF2', 'ECDH'],
    deriveKey: [...HASHES, 'PBKDF2'],
    getKeyLength: AES,
  };
  const BLOCK_BITS = { 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024 };
  const CURVE_BITS = { 'P-256': 256, 'P-384': 384, 'P-521': 521 };
  // Most bits that one call derives, and that an HMAC key may have.
  const MAX_BITS = 1 << 27;

  const isNullish = (value) => value === undefined || value === null;
  const fail = (name, text) => {
    throw name === 'TypeError' ? new TypeError(text) : native.error(name, text);
  };

  function bytes(data) {
    if (isNullish(data)) fail('TypeError', 'data is null or undefined');
    if (!native.isBytes(data)) fail('OperationError', 'data is neither an ArrayBuffer, nor a TypedArray nor DataView');
    return data;
  }
  const none = new Uint8Array(0);
  const optional = (data) => (isNullish(data) ? none : bytes(data));

  function normalize(algorithm, operation) {
    let name;
    if (typeof algorithm === 'string') name = algorithm;
    else if (typeof algorithm === 'object' && algorithm !== null) name = isNullish(algorithm.name) ? '' : `${algorithm.name}`;
    else fail('SyntaxError', 'algorithm cannot be interpreted as a string or an object');
    name = name.toUpperCase();
    if (name === 'RSASSA-PKCS1-V1_5') name = 'RSASSA-PKCS1-v1_5';
    if (!KNOWN[operation].includes(name)) {
      fail('NotSupportedError', `algorithm ${JSON.stringify(name)} doesn't support (in implementation) operation ${JSON.stringify(operation)}`);
    }
    return name;
  }

  function field(params, name, error = ['SyntaxError', `could not get ${name} from algorithm parameter`]) {
    const value = isNullish(params) ? undefined : params[name];
    if (isNullish(value)) fail(...error);
    return value;
  }
  const integer = (value) => {
    const number = Math.trunc(Number(value));
    return Number.isNaN(number) ? 0 : number;
  };

  // The hash of RSA's parameters; k6 wants its name as it is written.
  function rsaHash(params) {
    let hash = field(params, 'hash');
    if (typeof hash !== 'string') {
      hash = hash.name;
      if (isNullish(hash)) fail('TypeError', 'hash name is null or undefined');
    }
    if (!HASHES.includes(`${hash}`)) fail('NotSupportedError', `hash algorithm is not supported ${hash}`);
    return `${hash}`;
  }

  class CryptoKey {
    constructor() { throw new TypeError('Illegal constructor'); }
  }
  Object.defineProperty(CryptoKey.prototype, Symbol.toStringTag, { value: 'CryptoKey', configurable: true });
  const handles = new WeakMap();

  function made(handle, type, extractable, algorithm, usages) {
    const key = Object.create(CryptoKey.prototype);
    for (const [name, value] of Object.entries({ type, extractable, algorithm, usages })) {
      Object.defineProperty(key, name, { value, enumerable: true });
    }
    handles.set(key, handle);
    return key;
  }

  const handleOf = (key, error) => {
    const handle = typeof key === 'object' && key !== null ? handles.get(key) : undefined;
    if (handle === undefined) fail(...error);
    return handle;
  };

  const list = (usages) => (isNullish(usages) ? [] : [...usages].map((usage) => `${usage}`));
  const common = (a, b) => [...new Set(a)].filter((usage) => b.includes(usage));
  const allow = (usages, allowed, text = (usage) => `invalid key usage: ${usage}`) => {
    for (const usage of usages) if (!allowed.includes(usage)) fail('SyntaxError', text(usage));
  };
  const needUsages = (usages) => {
    if (usages.length === 0) fail('SyntaxError', 'usages cannot not be empty for a secret or private CryptoKey');
  };

  // Making keys.
  async function generateKey(algorithm, extractable, keyUsages) {
    const name = normalize(algorithm, 'generateKey');
    const usages = list(keyUsages);
    extractable = Boolean(extractable);
    if (AES.includes(name)) {
      // A text has a length of its own, which is none of a key.
      const length = integer(field(algorithm, 'length'));
      allow(usages, name === 'AES-KW' ? ['wrapKey', 'unwrapKey'] : ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'], () => 'invalid key usage');
      if (![128, 192, 256].includes(length)) fail('OperationError', 'invalid key length');
      needUsages(usages);
      return made(native.randomSecret(length / 8), 'secret', extractable, { name, length }, usages);
    }
    if (name === 'HMAC') {
      const hash = normalize(field(algorithm, 'hash'), 'generateKey');
      allow(usages, ['sign', 'verify']);
      const length = isNullish(algorithm.length) ? BLOCK_BITS[hash] : integer(algorithm.length);
      if (length === 0) fail('OperationError', "algorithm's length cannot be 0");
      if (!(length > 0 && length <= MAX_BITS)) fail('OperationError', `algorithm's length must be between 1 and ${MAX_BITS}`);
      needUsages(usages);
      return made(native.randomSecret(Math.trunc(length / 8)), 'secret', extractable, { name, hash: { name: hash }, length }, usages);
    }
    if (EC.includes(name)) {
      const namedCurve = `${field(algorithm, 'namedCurve')}`;
      if (!(namedCurve in CURVE_BITS)) fail('NotSupportedError', `elliptic curve ${namedCurve} is not supported`);
      if (usages.length === 0) fail('SyntaxError', 'key usages cannot be empty');
      const [forPrivate, forPublic] = name === 'ECDH' ? [['deriveKey', 'deriveBits'], []] : [['sign'], ['verify']];
      allow(usages, [...forPrivate, ...forPublic], () => 'invalid key usage');
      return pair(await native.generateEc(namedCurve), extractable, { name, namedCurve }, common(usages, forPrivate), common(usages, forPublic));
    }
    if (RSA.includes(name)) {
      const modulusLength = integer(field(algorithm, 'modulusLength'));
      const exponent = field(algorithm, 'publicExponent');
      if (!(exponent instanceof Uint8Array)) fail('OperationError', 'publicExponent is not a byte array');
      const hash = rsaHash(algorithm);
      const e = exponent.reduce((sum, byte) => sum * 256 + byte, 0);
      if (e % 2 === 0) fail('OperationError', 'invalid public exponent: public exponent is even');
      if (e < 2) fail('OperationError', 'invalid public exponent: public exponent too small');
      if (e > 2 ** 31 - 1) fail('OperationError', 'invalid public exponent: public exponent too large');
      if (usages.length === 0) fail('SyntaxError', 'key usages cannot be empty');
      const [forPrivate, forPublic, more] = name === 'RSA-OAEP' ? [['decrypt'], ['encrypt'], ['wrapKey', 'unwrapKey']] : [['sign'], ['verify'], []];
      allow(usages, [...forPrivate, ...forPublic, ...more]);
      const keys = await native.generateRsa(modulusLength, e);
      return pair(keys, extractable, { name, modulusLength, publicExponent: new Uint8Array(exponent), hash: { name: hash } }, common(usages, forPrivate), common(usages, forPublic));
    }
    return fail('NotImplemented', `unsupported key generation algorithm '${name}', accepted values are: ${[...AES, 'HMAC', ...EC, ...RSA].join(', ')}`);
  }

  function pair([privateHandle, publicHandle], extractable, algorithm, privateUsages, publicUsages) {
    return {
      privateKey: made(privateHandle, 'private', extractable, algorithm, privateUsages),
      publicKey: made(publicHandle, 'public', true, { ...algorithm }, publicUsages),
    };
  }

  // Importing keys.
  function symmetric(format, data, algorithm) {
    if (format === 'raw') return native.secret(data);
    if (format !== 'jwk') fail('NotSupportedError', `unsupported key format ${format}${algorithm}`);
    if (data.kty !== 'oct') fail('DataError', `invalid symmetric JWK: invalid key type: ${isNullish(data.kty) ? '' : data.kty}`);
    if (isNullish(data.k) || data.k === '') fail('DataError', 'invalid symmetric JWK: key (k) is required');
    return native.secret(decoded(data, 'k', 'symmetric key'));
  }

  function decoded(jwk, name, what) {
    const value = jwk[name];
    const out = native.decode(isNullish(value) ? '' : `${value}`);
    if (out === null) fail('DataError', `failed to decode ${what}: illegal base64 data`);
    return out;
  }

  async function importKey(format, keyData, algorithm, extractable, keyUsages) {
    format = `${format}`;
    if (['pkcs8', 'raw', 'spki'].includes(format)) bytes(keyData);
    else if (format !== 'jwk') fail('ImplementationError', `unsupported format ${format}`);
    else if (typeof keyData !== 'object' || keyData === null) fail('DataError', 'invalid keyData format for JWK format');
    const name = normalize(algorithm, 'importKey');
    const usages = list(keyUsages);
    extractable = Boolean(extractable);
    const finish = (handle, type, details) => {
      if (type !== 'public') needUsages(usages);
      return made(handle, type, extractable, details, usages);
    };
    if (AES.includes(name)) {
      allow(usages, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']);
      const handle = symmetric(format, keyData, '');
      const length = native.size(handle);
      if (![16, 24, 32].includes(length)) fail('DataError', `invalid key length ${length} bytes`);
      return finish(handle, 'secret', { name, length: length * 8 });
    }
    if (name === 'HMAC') {
      const hash = normalize(field(algorithm, 'hash'), 'generateKey');
      allow(usages, ['sign', 'verify']);
      const handle = symmetric(format, keyData, '');
      const length = native.size(handle) * 8;
      if (length === 0) fail('DataError', 'key length cannot be 0');
      if (!isNullish(algorithm.length) && integer(algorithm.length) !== length) fail('DataError', 'key length cannot be different from the length of the imported data');
      return finish(handle, 'secret', { name, hash: { name: hash }, length });
    }
    if (EC.includes(name)) {
      const namedCurve = `${field(algorithm, 'namedCurve')}`;
      const [handle, type] = importEc(name, namedCurve, format, keyData);
      return finish(handle, type, { name, namedCurve });
    }
    if (RSA.includes(name)) {
      const hash = rsaHash(algorithm);
      const [handle, type] = importRsa(name, format, keyData);
      const { bits, e } = native.rsaInfo(handle);
      return finish(handle, type, { name, modulusLength: bits, publicExponent: new Uint8Array(e), hash: { name: hash } });
    }
    if (name !== 'PBKDF2') fail('NotSupportedError', `key import not implemented for algorithm ${name}`);
    if (format !== 'raw') fail('NotSupportedError', `invalid format: ${format}`);
    allow(usages, ['deriveBits', 'deriveKey']);
    if (extractable) fail('SyntaxError', 'invalid value for param extractable ');
    return finish(native.secret(keyData), 'secret', { name });
  }

  function importEc(name, namedCurve, format, data) {
    switch (format) {
      case 'pkcs8': return [native.importEcPrivate(data), 'private'];
      case 'spki': return [native.importEcPublic(data), 'public'];
      case 'raw':
        if (!(namedCurve in CURVE_BITS)) fail('NotSupportedError', `invalid ${name === 'ECDH' ? 'ECDH' : 'elliptic'} curve ${namedCurve}`);
        return [native.importEcPoint(namedCurve, data), 'public'];
      default: {
        const what = name === 'ECDH' ? 'failed to parse input as ECDH key: ' : '';
        if (data.kty !== 'EC') fail('', `${what}invalid EC JWK key: invalid key type: ${isNullish(data.kty) ? '' : data.kty}`);
        if (!data.crv) fail('', `${what}invalid EC JWK key: curve is required`);
        if (!data.x) fail('', `${what}invalid EC JWK key: coordinate X is required`);
        if (!data.y) fail('', `${what}invalid EC JWK key: coordinate Y is required`);
        if (!(data.crv in CURVE_BITS)) fail('', `${what}failed to parse elliptic curve: invalid elliptic curve ${data.crv}`);
        const [x, y] = [decoded(data, 'x', 'X coordinate'), decoded(data, 'y', 'Y coordinate')];
        const d = data.d ? decoded(data, 'd', 'D') : undefined;
        return [native.importEcNumbers(`${data.crv}`, x, y, d), d === undefined ? 'public' : 'private'];
      }
    }
  }

  function importRsa(name, format, data) {
    switch (format) {
      case 'pkcs8': return [native.importRsaPrivate(data), 'private'];
      case 'spki': return [native.importRsaPublic(data), 'public'];
      case 'jwk': {
        if (data.kty !== 'RSA') fail('', `invalid RSA JWK key: invalid key type: ${isNullish(data.kty) ? '' : data.kty}`);
        if (!data.n) fail('', 'invalid RSA JWK key: modulus (n) is required');
        if (!data.e) fail('', 'invalid RSA JWK key: exponent (e) is required');
        const numbers = [decoded(data, 'n', 'modulus'), decoded(data, 'e', 'exponent')];
        if (!data.d) return [native.importRsaNumbers(...numbers), 'public'];
        numbers.push(decoded(data, 'd', 'private exponent'), decoded(data, 'p', 'first prime factor'), decoded(data, 'q', 'second prime factor'));
        return [native.importRsaNumbers(...numbers), 'private'];
      }
      default: return fail('NotSupportedError', `unsupported key format ${format} for algorithm ${name}`);
    }
  }

  // Exporting keys.
  const notRsa = (wanted) => `given CryptoKey is not a ${wanted} RSA key, it's *rsa.${wanted === 'public' ? 'PrivateKey' : 'PublicKey'}`;

  async function exportKey(format, key) {
    format = `${format}`;
    if (isNullish(key)) fail('InvalidAccessError', 'key is not an object');
    const handle = handleOf(key, ['ImplementationError', 'unable to extract CryptoKey from key object']);
    const { name } = key.algorithm;
    if (!KNOWN.exportKey.includes(name)) fail('NotSupportedError', `unsupported algorithm ${name}`);
    if (!key.extractable) fail('InvalidAccessError', 'the key is not extractable');
    if (['AES-CBC', 'AES-CTR', 'AES-GCM', 'HMAC'].includes(name)) {
      if (format === 'raw') return native.export(handle, 'raw');
      if (format !== 'jwk') fail('NotSupportedError', `unsupported key format ${format}`);
      const alg = name === 'HMAC' ? `HS${key.algorithm.hash.name.slice(4)}` : `A${8 * native.size(handle)}${name.slice(4)}`;
      return { kty: 'oct', ...native.numbers(handle), alg, ext: key.extractable, key_ops: [...key.usages] };
    }
    if (![...EC, ...RSA].includes(name)) fail('NotSupportedError', `unsupported algorithm ${name}`);
    const isEc = EC.includes(name);
    if (format === 'jwk') return { kty: isEc ? 'EC' : 'RSA', ...native.numbers(handle) };
    const wanted = { raw: 'public', spki: 'public', pkcs8: 'private' }[format];
    if (wanted === undefined || (format === 'raw' && !isEc)) fail('NotSupportedError', `unsupported key format ${format}`);
    if (key.type !== wanted) {
      fail('InvalidAccessError', isEc ? `key is not a valid elliptic curve ${wanted} key` : notRsa(wanted));
    }
    return native.export(handle, format);
  }

  // Using keys.
  async function digest(algorithm, data) {
    if (isNullish(data)) fail('TypeError', 'Cannot convert undefined or null to object');
    if (!native.isBytes(data)) throw new Error('data must be an ArrayBuffer, TypedArray, or DataView');
    return native.digest(normalize(algorithm, 'digest'), data);
  }

  async function cipher(operation, algorithm, key, data) {
    bytes(data);
    const name = normalize(algorithm, operation);
    const handle = handleOf(key, ['InvalidAccessError', `${operation}'s key argument does hold not a valid CryptoKey object`]);
    if (name !== key.algorithm.name) fail('InvalidAccessError', `${operation}'s algorithm name does not match key algorithm name`);
    if (name === 'AES-KW') fail('NotSupportedError', `unsupported algorithm ${name}`);
    if (typeof algorithm === 'string') fail('SyntaxError', 'invalid algorithm parameters, unable to interpret as "" object');
    if (!key.usages.includes(operation)) fail('InvalidAccessError', `${operation}'s key does not contain the '${operation}' usage`);
    const encrypts = operation === 'encrypt';
    switch (name) {
      case 'AES-CBC': return native.cbc(encrypts, handle, optional(algorithm.iv), data);
      case 'AES-CTR': {
        const length = integer(algorithm.length);
        if (optional(algorithm.counter).byteLength === 16 && !(length > 0 && length <= 128)) {
          fail('OperationError', encrypts ? 'invalid counter length, out of the 0 < x < 128 bounds' : 'invalid length, should be within 1 <= length <= 128 bounds');
        }
        return native.ctr(handle, optional(algorithm.counter), data);
      }
      case 'AES-GCM': {
        const tag = isNullish(algorithm.tagLength) || integer(algorithm.tagLength) === 0 ? 128 : integer(algorithm.tagLength);
        if (![96, 104, 112, 120, 128].includes(tag)) {
          if (encrypts && (tag === 32 || tag === 64)) fail('NotSupportedError', 'tag length 32 and 64 are not supported');
          if (encrypts) fail('OperationError', 'invalid tag length, should be one of 96, 104, 112, 120, 128');
          fail('OperationError', tag === 32 || tag === 64 ? 'invalid tag length, should be within 96 <= length <= 128 bounds' : 'invalid tag length, accepted values are 96, 104, 112, 120, 128');
        }
        return native.gcm(encrypts, handle, optional(algorithm.iv), optional(algorithm.additionalData), tag / 8, data);
      }
      default: {
        const wanted = encrypts ? 'public' : 'private';
        if (key.type !== wanted) fail('InvalidAccessError', notRsa(wanted));
        return native.oaep(encrypts, handle, key.algorithm.hash.name, optional(algorithm.label), data);
      }
    }
  }

  function signer(operation, algorithm, key) {
    const name = normalize(algorithm, operation);
    let hash;
    let salt = 0;
    if (name === 'ECDSA') hash = normalize(field(algorithm, 'hash'), 'generateKey');
    if (name === 'RSA-PSS') salt = integer(field(algorithm, 'saltLength'));
    const handle = handleOf(key, ['InvalidAccessError', 'key argument does hold not a valid CryptoKey object']);
    if (name !== key.algorithm.name) fail('InvalidAccessError', 'algorithm name does not match key algorithm name');
    if (!key.usages.includes(operation)) fail('InvalidAccessError', `key does not contain the '${operation}' usage`);
    const wanted = operation === 'sign' ? 'private' : 'public';
    if (name === 'ECDSA') {
      if (key.type !== wanted) fail('InvalidAccessError', `key is not a valid ECDSA ${wanted} key`);
      if (!HASHES.includes(hash)) fail('NotSupportedError', `unsupported hash algorithm: ${hash}`);
    } else {
      hash = key.algorithm.hash.name;
      if (name !== 'HMAC' && key.type !== wanted) fail('InvalidAccessError', notRsa(wanted));
    }
    if (name === 'RSA-PSS' && salt < 0) fail('OperationError', 'could not sign data: crypto/rsa: invalid PSS salt length');
    return [handle, name, hash, salt];
  }

  async function sign(algorithm, key, data) {
    bytes(data);
    return native.sign(...signer('sign', algorithm, key), data);
  }

  async function verify(algorithm, key, signature, data) {
    bytes(signature);
    bytes(data);
    return native.verify(...signer('verify', algorithm, key), data, signature);
  }

  // Deriving.
  function pbkdf2(algorithm) {
    const hash = normalize(field(algorithm, 'hash'), 'deriveBits');
    if (!HASHES.includes(hash)) fail('NotSupportedError', 'hash function not supported');
    const iterations = integer(field(algorithm, 'iterations', ['TypeError', 'field iterations is null or undefined']));
    if (iterations === 0) fail('OperationError', "number of iterations can't be 0");
    const salt = field(algorithm, 'salt', ['TypeError', 'field salt is null or undefined']);
    return [hash, native.isBytes(salt) ? salt : native.encode(`${salt}`), iterations];
  }

  function baseSecret(key, usage, name) {
    const handle = handleOf(key, ['InvalidAccessError', 'provided baseKey is not a valid CryptoKey']);
    if (key.type !== 'secret') fail('InvalidAccessError', "algorithm's password key is not a secret key");
    if (!key.usages.includes(usage)) fail('InvalidAccessError', `provided baseKey doesn't contain \`${usage}\` usage`);
    if (key.algorithm.name !== name) fail('OperationError', 'provided baseKey is not a valid algorithm');
    return handle;
  }

  async function deriveBits(algorithm, baseKey, length) {
    const name = normalize(algorithm, 'deriveBits');
    let other;
    let params;
    if (name === 'ECDH') {
      const key = field(algorithm, 'public', ['TypeError', 'algorithm does not contain a public key']);
      other = handleOf(key, ['TypeError', "algorithm's public key is not a valid CryptoKey: invalid key type"]);
      if (key.type !== 'public') fail('InvalidAccessError', "algorithm's public key is not a public key");
      if (key.algorithm.name !== name) fail('InvalidAccessError', `algorithm name does not match public key's algorithm name: ${name} != ${key.algorithm.name}`);
    } else if (name === 'PBKDF2') {
      params = pbkdf2(algorithm);
    } else {
      fail('NotSupportedError', `unsupported algorithm for derive bits: ${name}`);
    }
    length = integer(length);
    if (length === 0) fail('OperationError', 'length can not be 0');
    if (length % 8 !== 0) fail('OperationError', 'currently only multiples of 8 are supported for length');
    if (!(length > 0 && length <= MAX_BITS)) fail('OperationError', 'length is too large');
    if (name === 'PBKDF2') return native.pbkdf2(baseSecret(baseKey, 'deriveBits', name), ...params, length / 8);
    const handle = handleOf(baseKey, ['InvalidAccessError', 'provided baseKey is not a valid CryptoKey: invalid key type']);
    if (baseKey.type !== 'private') fail('InvalidAccessError', 'provided baseKey is not a private key');
    if (!baseKey.usages.includes('deriveBits')) fail('InvalidAccessError', "provided baseKey does not contain the 'deriveBits' usage");
    const curves = [baseKey.algorithm.namedCurve, algorithm.public.algorithm.namedCurve];
    if (curves[0] === undefined) fail('InvalidAccessError', 'keys are not valid elliptic curve keys');
    if (curves[0] !== curves[1]) fail('InvalidAccessError', `keys have different curves ${curves[0]} and ${curves[1]}`);
    const secret = await native.ecdh(handle, other);
    if (secret.byteLength < length / 8) fail('OperationError', 'length is too large');
    return secret.slice(0, length / 8);
  }

  async function deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    const name = normalize(algorithm, 'deriveKey');
    const target = normalize(derivedKeyType, 'importKey');
    normalize(derivedKeyType, 'getKeyLength');
    if (name !== 'PBKDF2') throw new Error(`key derivation not implemented for algorithm ${name}`);
    const params = pbkdf2(algorithm);
    if (!AES.includes(target)) fail('NotSupportedError', `derive key function doesn't support algorithm ${target}`);
    const length = integer(field(derivedKeyType, 'length', ['OperationError', 'aes length parameter not specified']));
    if (length % 8 !== 0) fail('InvalidAccessError', 'provided length of key must be a multiple of 8');
    if (!(length > 0 && length <= MAX_BITS)) fail('DataError', `invalid key length ${length / 8} bytes`);
    const secret = await native.pbkdf2(baseSecret(baseKey, 'deriveKey', name), ...params, length / 8);
    return importKey('raw', secret, { name: target }, extractable, keyUsages);
  }

  const notImplemented = () => { throw native.error('GoError', 'not implemented'); };
  const subtle = {};
  for (const [name, value] of Object.entries({
    decrypt: (algorithm, key, data) => cipher('decrypt', algorithm, key, data),
    deriveBits,
    deriveKey,
    digest,
    encrypt: (algorithm, key, data) => cipher('encrypt', algorithm, key, data),
    exportKey,
    generateKey,
    importKey,
    sign,
    unwrapKey: notImplemented,
    verify,
    wrapKey: notImplemented,
  })) {
    Object.defineProperty(subtle, name, { value, enumerable: true });
  }
  return { subtle, CryptoKey };
})
