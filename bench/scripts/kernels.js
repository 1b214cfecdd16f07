// Eleven kernels of plain JavaScript: KERNEL names one, N says how often it runs. `none` is the start-up alone.
// Each returns a number that must be the same on every engine, so that all do the same work.

const people = [];
for (let i = 0; i < 60; i++) {
  people.push({ id: i, name: `user ${i}`, mail: `user${i}@example.com`, tags: ['a', 'b', `t${i % 7}`], score: i * 1.5, ok: i % 3 === 0 });
}
const document = { page: 1, total: people.length, items: people, nested: { a: { b: { c: [1, 2, 3, null, true] } } } };
const text = JSON.stringify(document);
const words = 'The quick brown fox jumps over the lazy dog while 42 testers at host-17.example.com wait for answer 200. ';
const long = words.repeat(Math.ceil(10240 / words.length)).slice(0, 10240);
const line = '2026-11-21T09:15:02.117Z level=info msg="GET /v1/results" status=200 dur=12.5ms id=7f3a-9c';
const numbers = [];
for (let i = 0, x = 12345; i < 1000; i++) {
  x = (x * 1103515245 + 12345) % 2147483648;
  numbers.push(x);
}

const K = [];
for (let i = 0, n = 2; i < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) {
    if (n % d === 0) {
      prime = false;
      break;
    }
  }
  if (prime) {
    const root = Math.cbrt(n);
    K[i++] = Math.floor((root - Math.floor(root)) * 4294967296) | 0;
  }
}

function sha256(message) {
  const bytes = [];
  for (let i = 0; i < message.length; i++) bytes.push(message.charCodeAt(i) & 255);
  const bits = bytes.length * 8;
  bytes.push(128);
  while (bytes.length % 64 !== 56) bytes.push(0);
  for (let i = 7; i >= 0; i--) bytes.push(i > 3 ? 0 : (bits >>> (i * 8)) & 255);
  const h = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19].map((v) => v | 0);
  const w = new Array(64);
  for (let at = 0; at < bytes.length; at += 64) {
    for (let i = 0; i < 16; i++) {
      const j = at + i * 4;
      w[i] = (bytes[j] << 24) | (bytes[j + 1] << 16) | (bytes[j + 2] << 8) | bytes[j + 3];
    }
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15];
      const b = w[i - 2];
      const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
      const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, k] = h;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (k + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      k = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    h[0] = (h[0] + a) | 0;
    h[1] = (h[1] + b) | 0;
    h[2] = (h[2] + c) | 0;
    h[3] = (h[3] + d) | 0;
    h[4] = (h[4] + e) | 0;
    h[5] = (h[5] + f) | 0;
    h[6] = (h[6] + g) | 0;
    h[7] = (h[7] + k) | 0;
  }
  return h;
}

class Shape {
  constructor(name) {
    this.name = name;
  }
  area() {
    return 0;
  }
  describe() {
    return this.area() + this.name.length;
  }
}
class Square extends Shape {
  constructor(side) {
    super('square');
    this.side = side;
  }
  area() {
    return this.side * this.side;
  }
}
class Cube extends Square {
  area() {
    return super.area() * 6;
  }
}

const kernels = {
  none: () => 0,
  'json-parse': () => JSON.parse(text).items.length,
  'json-round-trip': () => JSON.stringify(JSON.parse(text)).length,
  regex: () => {
    let found = 0;
    for (let i = 0; i < 20; i++) {
      const m = /^(\d{4})-(\d\d)-(\d\d)T[\d:.]+Z level=(\w+) msg="([^"]*)" status=(\d{3}) dur=([\d.]+)ms/.exec(line);
      found += m[5].length + Number(m[6]);
      found += /id=([0-9a-f]+)-[0-9a-f]{2}$/i.test(line) ? 1 : 0;
    }
    return found;
  },
  'regex-global-10k': () => long.match(/\b\w+o\w*\b/g).length,
  'template-replace': () => {
    let size = 0;
    for (let i = 0; i < 50; i++) {
      const url = `https://example.com/users/${i}/orders/${i * 7}?page=${i % 5}&name=${people[i].name}`;
      size += url.replace('users', 'accounts').replace(/\/orders\/(\d+)/, '/o/$1').length;
      size += url.split('/').join('|').toUpperCase().length;
    }
    return size;
  },
  'string-building': () => {
    let s = '';
    for (let i = 0; i < 2000; i++) {
      s += 'x';
      s += i % 10;
    }
    return s.length;
  },
  sort: () => {
    const a = numbers.slice().sort((x, y) => x - y);
    return a[10] % 1000;
  },
  'map-filter-reduce': () =>
    numbers
      .map((x) => x % 1000)
      .filter((x) => x % 2 === 0)
      .reduce((sum, x) => sum + x, 0),
  sha256: () => sha256('The quick brown fox jumps over the lazy dog, and then over all the others, once again.')[0],
  loops: () => {
    let x = 1;
    for (let i = 0; i < 20000; i++) {
      x = (x * 31 + i) % 1000003;
    }
    return x;
  },
  classes: () => {
    let sum = 0;
    for (let i = 0; i < 300; i++) {
      sum += new Square(i).describe() + new Cube(i).describe();
    }
    return sum;
  },
};

export const options = { vus: 1, iterations: 1 };

export default function () {
  const kernel = kernels[__ENV.KERNEL];
  const n = Number(__ENV.N);
  let check = 0;
  for (let i = 0; i < n; i++) {
    check = (check + kernel()) | 0;
  }
  console.log(`CHECK ${__ENV.KERNEL} ${check}`);
}
