// What a call of WebCrypto came to, in one line.
import { b64decode } from 'k6/encoding';

export const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
export const bytes = (base64) => new Uint8Array(b64decode(base64));
export const text = (s) => new Uint8Array([...s].map((c) => c.charCodeAt(0)));

const about = (key) => {
  const { name, length, hash, namedCurve, modulusLength } = key.algorithm;
  return JSON.stringify([key.type, key.extractable, name, length, hash && hash.name, namedCurve, modulusLength, [...key.usages]]);
};

export async function tell(label, f) {
  let line;
  try {
    const result = await f();
    if (result instanceof ArrayBuffer) line = `bytes ${hex(result)}`;
    else if (result && result.privateKey) line = `pair ${about(result.privateKey)} ${about(result.publicKey)}`;
    else if (result && result.algorithm) line = `key ${about(result)}`;
    else if (result && result.kty) line = `jwk ${JSON.stringify(Object.keys(result).sort().map((name) => [name, result[name]]))}`;
    else line = JSON.stringify(result);
  } catch (e) {
    line = `throws ${e}`;
  }
  console.log(`${label}: ${line}`);
}
