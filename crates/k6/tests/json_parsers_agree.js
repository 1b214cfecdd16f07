// Texts made from a fixed seed, some of them broken by one edit, given to both parsers; objects that came out are
// changed and the text parsed again, so that shapes which are expected turn out to be others.

let seed = 1;
const rnd = (n) => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return (seed >> 8) % n;
};
const one = (of) => of[rnd(of.length)];

const KEYS = [
  'a', 'b', 'result', 'ok', '12', '0', 'é', 'x"y', 'length', '', 'k\u20ac', 'constructor', '01', '4294967295', 'two words', '\\',
];
const EDITS = ['', 'x', '"', '\\', '}', ']', ',', ':', '0', '-', '.', 'e', '\u0000', '\n', 'é', '\\u12', '\\ud83d'];

const NUMBERS = [
  () => one(['0', '-0', '2147483647', '2147483648', '-2147483648', '9007199254740993', '1e400', '-1e-400']),
  () => String(rnd(100000)),
  () => `-${rnd(1000)}.${rnd(100000)}`,
  () => `${rnd(1000)}e${rnd(60) - 30}`,
  () => `0.${'0'.repeat(rnd(30))}${rnd(1e6)}`,
  () => `${'123456789012345678901234567890'.slice(0, 1 + rnd(29))}.5E+${rnd(20)}`,
  () => `${rnd(99)}.${rnd(99)}e-${rnd(330)}`,
];

function string() {
  let s = '';
  for (let n = rnd(20); n > 0; n--) {
    s += rnd(2) ? String.fromCharCode(97 + rnd(26)) : one(['é', '\u20ac', '\n', '"', '\\', '\ud83d\ude00', '\u0001', '\ud800', '/']);
  }
  return JSON.stringify(s);
}

const blank = () => one(['', '', '', '', ' ', '\n', '\t', '\r\n', '  ']);

function value(depth) {
  switch (rnd(depth > 3 ? 5 : 9)) {
    case 0:
    case 1:
      return one(NUMBERS)();
    case 2:
      return string();
    case 3:
      return 'true';
    case 4:
      return one(['null', 'false']);
    case 5:
    case 6: {
      const alike = rnd(2);
      const members = [];
      for (let i = rnd(5); i > 0; i--) {
        const key = JSON.stringify(alike ? KEYS[members.length] : one(KEYS));
        members.push(blank() + key + blank() + ':' + blank() + value(depth + 1) + blank());
      }
      return `{${members.join()}}`;
    }
    default: {
      const usual = rnd(2) ? value(depth + 1) : null;
      const elements = [];
      for (let i = rnd(6); i > 0; i--) {
        elements.push(blank() + (usual !== null && rnd(4) ? usual : value(depth + 1)) + blank());
      }
      return `[${elements.join()}]`;
    }
  }
}

function show(v) {
  if (v === null || typeof v !== 'object') return `${typeof v}:${Object.is(v, -0) ? '-0' : String(v)}`;
  if (Array.isArray(v)) return `[${v.length}:${v.map(show).join()}]`;
  const names = Object.getOwnPropertyNames(v);
  return `{${names.map((k) => `${k}=${show(v[k])}`).join()}${Object.getPrototypeOf(v) === Object.prototype}}`;
}

function outcome(parse) {
  try {
    return show(parse());
  } catch (e) {
    return `threw ${e.name}: ${e.message}`;
  }
}

export default function () {
  let right = 0;
  for (let i = 0; i < 10000; i++) {
    let text = blank() + value(0) + blank();
    if (rnd(2)) {
      const at = rnd(text.length + 1);
      text = text.slice(0, at) + one(EDITS) + text.slice(at + rnd(2));
    }
    const fast = outcome(() => JSON.parse(text));
    const slow = outcome(() => JSON.parse(text, (_, v) => v));
    if (fast !== slow) throw new Error(`${JSON.stringify(text)}: ${fast}, with a reviver ${slow}`);
    if (fast.startsWith('threw')) continue;
    right++;
    const parsed = JSON.parse(text);
    if (parsed !== null && typeof parsed === 'object') {
      parsed.more = 1;
      delete parsed.a;
      if (rnd(2)) parsed.b = 2;
      const again = outcome(() => JSON.parse(text));
      if (again !== fast) throw new Error(`${JSON.stringify(text)}: ${fast}, then ${again}`);
    }
  }
  console.log('right', right);
}
