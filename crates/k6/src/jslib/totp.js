// What scripts import as totp: one-time passwords of RFC 6238 (HMAC-SHA-1, steps of 30 seconds).

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const STEP_SECONDS = 30;

/** The bytes of a secret in base 32 (RFC 4648); spaces and padding don't count. */
const decode = (secret) => {
  const bytes = [];
  let [buffer, bits] = [0, 0];
  for (const letter of secret.toUpperCase().replace(/[\s=-]/g, '')) {
    const value = BASE32.indexOf(letter);
    if (value < 0) throw new Error(`Invalid base32 character: ${letter}`);
    buffer = ((buffer << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((buffer >> bits) & 255);
    }
  }
  return bytes;
};

const rotated = (word, by) => (word << by) | (word >>> (32 - by));

/** The words of the digest (FIPS 180-4, section 6.1). */
const sha1Words = (bytes) => {
  const message = bytes.concat(128);
  while (message.length % 64 !== 56) message.push(0);
  const bits = bytes.length * 8;
  for (let shift = 56; shift >= 0; shift -= 8) {
    message.push(shift >= 32 ? 0 : (bits >>> shift) & 255);
  }
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let block = 0; block < message.length; block += 64) {
    const w = [];
    for (let i = 0; i < 80; i += 1) {
      const at = block + i * 4;
      w.push(i < 16
        ? (message[at] << 24) | (message[at + 1] << 16) | (message[at + 2] << 8) | message[at + 3]
        : rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1));
    }
    let [a, b, c, d, e] = state;
    for (let i = 0; i < 80; i += 1) {
      let [f, k] = [b ^ c ^ d, i < 40 ? 0x6ed9eba1 : 0xca62c1d6];
      if (i < 20) [f, k] = [(b & c) | (~b & d), 0x5a827999];
      else if (i >= 40 && i < 60) [f, k] = [(b & c) | (b & d) | (c & d), 0x8f1bbcdc];
      const next = (rotated(a, 5) + f + e + k + w[i]) | 0;
      [a, b, c, d, e] = [next, a, rotated(b, 30), c, d];
    }
    [a, b, c, d, e].forEach((word, i) => {
      state[i] = (state[i] + word) | 0;
    });
  }
  return state;
};

const sha1 = (bytes) => sha1Words(bytes).flatMap((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255));

const hmacSha1 = (key, message) => {
  const padded = (key.length > 64 ? sha1(key) : key).concat(new Array(64).fill(0)).slice(0, 64);
  const with_ = (mask) => padded.map((byte) => byte ^ mask);
  return sha1(with_(0x5c).concat(sha1(with_(0x36).concat(message))));
};

class TOTP {
  constructor(secret, digits = 6) {
    this.secret = secret;
    this.digits = digits;
  }

  /** The password of the moment; of steps of other lengths, or of `bias` seconds ago. */
  async gen(stepSeconds = STEP_SECONDS, bias = 0) {
    return this.at(Math.floor((Math.floor(Date.now() / 1000) - bias) / stepSeconds));
  }

  /** Whether a password is that of the moment. */
  async verify(code, stepSeconds = STEP_SECONDS, bias = 0) {
    return (await this.gen(stepSeconds, bias)) === String(code);
  }

  /** The password of a counter (RFC 4226). */
  at(counter) {
    const message = [];
    for (let rest = counter, i = 0; i < 8; i += 1) {
      message.unshift(rest % 256);
      rest = Math.floor(rest / 256);
    }
    const mac = hmacSha1(decode(this.secret), message);
    const offset = mac[19] & 15;
    const code = ((mac[offset] & 127) * 0x1000000) + (mac[offset + 1] << 16) + (mac[offset + 2] << 8) + mac[offset + 3];
    return String(code % 10 ** this.digits).padStart(this.digits, '0');
  }
}

exports.TOTP = TOTP;
