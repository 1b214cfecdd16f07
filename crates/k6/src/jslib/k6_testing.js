// What scripts import as k6-testing: `expect(value)` whose failed assertions end the test, softly or at once.
const exec = require('k6/execution');

class AssertionFailedError extends Error {
  constructor(message) {
    super(message);
    this.name = 'AssertionFailedError';
  }
}

const COLORS = { red: 31, green: 32, darkGrey: 90, white: 37, yellow: 33, blue: 34 };
const colorize = (text, color) => `\x1b[${COLORS[color] || 39}m${text}\x1b[0m`;

const fromEnvironment = () => {
  const env = typeof __ENV === 'object' ? __ENV : {};
  const config = { soft: false, softMode: 'throw', display: 'pretty', colorize: true, timeout: 5000, interval: 100 };
  if (env.K6_TESTING_SOFT) config.soft = env.K6_TESTING_SOFT === 'true';
  if (env.K6_TESTING_SOFT_MODE) config.softMode = env.K6_TESTING_SOFT_MODE;
  if (env.K6_TESTING_COLORIZE) config.colorize = env.K6_TESTING_COLORIZE !== 'false';
  if (env.NO_COLOR) config.colorize = false;
  if (env.K6_TESTING_DISPLAY) config.display = env.K6_TESTING_DISPLAY;
  return config;
};

const shown = (value) => {
  if (typeof value === 'function') return value.name || '[function]';
  if (value instanceof RegExp) return String(value);
  if (typeof value === 'number' || value === undefined || typeof value === 'symbol') return String(value);
  if (value instanceof Set) return `Set ${JSON.stringify([...value])}`;
  if (value instanceof Map) return `Map ${JSON.stringify([...value])}`;
  try {
    return JSON.stringify(value);
  } catch (error) {
    return String(value);
  }
};

/** Deep equality; keys without a value count as missing. */
const isEqual = (a, b, seen = []) => {
  if (Object.is(a, b)) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) && Array.isArray(a) !== Array.isArray(b)) return false;
  if (seen.some(([x, y]) => x === a && y === b)) return true;
  const pairs = seen.concat([[a, b]]);
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof RegExp || b instanceof RegExp) return String(a) === String(b);
  if (a instanceof Set || a instanceof Map) {
    return a.size === b.size && isEqual([...a], [...b], pairs);
  }
  const keysOf = (object) => Object.keys(object).filter((key) => object[key] !== undefined);
  const keys = keysOf(a);
  return keys.length === keysOf(b).length && keys.every((key) => isEqual(a[key], b[key], pairs));
};

/** The value at `a.b[2].c`, if it is there. */
const follow = (object, path) => {
  let at = object;
  const parts = Array.isArray(path) ? path : String(path).replace(/\[(\w+)\]/g, '.$1').split('.').filter((part) => part !== '');
  for (const part of parts) {
    if (at === null || at === undefined || !(part in Object(at))) return { isThere: false };
    at = at[part];
  }
  return { isThere: true, value: at };
};

const items = (value, matcher) => {
  if (Array.isArray(value)) return value;
  if (value instanceof Set) return [...value];
  throw new Error(`${matcher} is only supported for ${matcher === 'toContain' ? 'strings, arrays, and sets' : 'arrays and sets'}`);
};

/** Each matcher: whether it holds, and what more its message tells. Those of an arity of one have no expected value. */
const MATCHERS = {
  toBe: (received, expected) => Object.is(received, expected),
  toBeDefined: (received) => received !== undefined,
  toBeUndefined: (received) => received === undefined,
  toBeNull: (received) => received === null,
  toBeNaN: (received) => Number.isNaN(received),
  toBeTruthy: (received) => Boolean(received),
  toBeFalsy: (received) => !received,
  toBeGreaterThan: (received, expected) => received > expected,
  toBeGreaterThanOrEqual: (received, expected) => received >= expected,
  toBeLessThan: (received, expected) => received < expected,
  toBeLessThanOrEqual: (received, expected) => received <= expected,
  toBeInstanceOf: (received, expected) => received instanceof expected,
  toEqual: (received, expected) => isEqual(received, expected),
  toHaveLength: (received, expected) => received !== null && received !== undefined && received.length === expected,
  toMatch: (received, expected) => (expected instanceof RegExp ? expected.test(received) : String(received).includes(expected)),
  toContain: (received, expected) => (typeof received === 'string' ? received.includes(expected) : items(received, 'toContain').includes(expected)),
  toContainEqual: (received, expected) => items(received, 'toContainEqual').some((item) => isEqual(item, expected)),
  toBeCloseTo: (received, expected, precision = 2) => received === expected || Math.abs(received - expected) < 0.5 * 10 ** -precision,
  toHaveProperty: (received, path, ...rest) => {
    const found = follow(received, path);
    return found.isThere && (rest.length === 0 || isEqual(found.value, rest[0]));
  },
};

/** Where the script called, as far as its stack tells. */
const calledAt = () => {
  const lines = String(new Error().stack || '').split('\n');
  const line = lines.find((text) => text.includes('file://'));
  const place = line && /file:\/\/([^\s()]+?):(\d+):(\d+)/.exec(line);
  return place ? { file: place[1].split('/').pop(), line: place[2], at: `${place[1]}:${place[2]}:${place[3]}` } : null;
};

const describeFailure = (config, { matcher, isNegated, message, expected, received, hasExpected }) => {
  const paint = (text, color) => (config.colorize ? colorize(text, color) : text);
  const place = calledAt();
  const call = `${paint('expect(', 'darkGrey')}${paint('received', 'red')}${paint(')', 'darkGrey')}.${isNegated ? 'not.' : ''}${matcher}${paint('(', 'darkGrey')}${hasExpected ? paint('expected', 'green') : ''}${paint(')', 'darkGrey')}`;
  const lines = [['Error', message || call]];
  if (place) lines.push(['At', place.at]);
  const values = [];
  if (hasExpected) values.push(['Expected', `${isNegated ? 'not ' : ''}${paint(shown(expected), 'green')}`]);
  values.push(['Received', paint(shown(received), 'red')]);
  const where = place ? [['Filename', place.file], ['Line', place.line]] : [];
  const groups = [lines, values, where].filter((group) => group.length > 0);
  if (config.display === 'inline') {
    return groups.flat().map(([label, value]) => `${label.toLowerCase()}=${value}`).join(' ');
  }
  const width = Math.max(...groups.flat().map(([label]) => label.length));
  return `\n${groups.map((group) => group.map(([label, value]) => `${label.padStart(width)}: ${value}`).join('\n')).join('\n\n')}\n`;
};

const fail = (config, text) => {
  if (config.assertFn) {
    config.assertFn(false, text, config.soft, config.softMode);
    return;
  }
  if (!config.soft) {
    exec.test.abort(text);
    return;
  }
  if (config.softMode === 'fail') {
    console.error(text);
    exec.test.fail(text);
    return;
  }
  throw new AssertionFailedError(text);
};

const expectation = (received, config, message, isNegated = false) => {
  const made = {
    get not() {
      return expectation(received, config, message, !isNegated);
    },
  };
  for (const [matcher, holds] of Object.entries(MATCHERS)) {
    made[matcher] = (...args) => {
      if (Boolean(holds(received, ...args)) !== isNegated) return;
      const hasExpected = holds.length > 1;
      const expected = matcher === 'toHaveProperty' && args.length > 1 ? args[1] : args[0];
      fail(config, describeFailure(config, { matcher, isNegated, message, expected, received, hasExpected }));
    };
  }
  return made;
};

/** Assertions that are tried again until they hold or time runs out: of elements of a browser. */
const LOCATOR = ['click', 'fill', 'isVisible', 'textContent', 'waitFor'];
const isLocator = (value) => value !== null && typeof value === 'object' && LOCATOR.every((name) => typeof value[name] === 'function');

const makeExpect = (config) => {
  const about = (value, own, message) => {
    if (isLocator(value)) throw new Error('assertions about elements of a browser need k6/browser, which squall does not have');
    return expectation(value, own, message);
  };
  const expect = (value, message) => about(value, config, message);
  expect.soft = (value, message) => about(value, { ...config, soft: true }, message);
  expect.configure = (changes) => makeExpect({ ...config, ...changes });
  Object.defineProperty(expect, 'config', { get: () => ({ ...config }) });
  return expect;
};

module.exports = { expect: makeExpect(fromEnvironment()), colorize, AssertionFailedError };
