// Assertions in the chain of words that Chai's users know. Every assertion is a check of k6; one that fails throws.
const k6 = require('k6');
const exec = require('k6/execution');

const config = {
  /** Check names hold `${this}` instead of values, so that there are few of them. */
  aggregateChecks: true,
  logFailures: false,
  exitOnError: false,
  truncateVariableThreshold: 100,
  truncateMsgThreshold: 300,
  includeStack: false,
  showDiff: true,
  truncateThreshold: 40,
};

class AssertionError extends Error {
  constructor(message, props) {
    super(message);
    this.name = 'AssertionError';
    Object.assign(this, props);
  }
}

// In one word it would look as if code were made at run time, and VUs would get all that this needs.
const FUNCTION = 'Func' + 'tion';

const cut = (text, length) => (text.length <= length ? text : `${text.slice(0, length)}...`);

/** What kind of value it is, in Chai's words. */
const kindOf = (value) => {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return Object.prototype.toString.call(value).slice(8, -1);
};

/** A value as messages show it. */
const shown = (value, depth = 2) => {
  if (typeof value === 'string') return `'${value.replace(/'/g, "\\'")}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'function') return value.name ? `[${FUNCTION}: ${value.name}]` : `[${FUNCTION}]`;
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Error) return `[${value}]`;
  if (value instanceof RegExp) return String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) {
    if (depth === 0) return '[Array]';
    return value.length ? `[ ${value.map((item) => shown(item, depth - 1)).join(', ')} ]` : '[]';
  }
  if (depth === 0) return '[Object]';
  const items = Object.keys(value).map((key) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : shown(key)}: ${shown(value[key], depth - 1)}`);
  return items.length ? `{ ${items.join(', ')} }` : '{}';
};

/** The same, told in short where it is long. */
const shownShort = (value) => {
  const text = shown(value);
  if (text.length < config.truncateThreshold || value === null || typeof value !== 'object') return text;
  if (Array.isArray(value)) return `[ Array(${value.length}) ]`;
  const keys = Object.keys(value);
  return `{ Object (${keys.length > 2 ? `${keys.slice(0, 2).join(', ')}, ...` : keys.join(', ')}) }`;
};

/** Deep equality: same kinds, same contents; cycles are equal where they meet again. */
const isEqual = (a, b, seen = []) => {
  if (Object.is(a, b) || a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (kindOf(a) !== kindOf(b)) return false;
  if (seen.some(([x, y]) => x === a && y === b)) return true;
  const pairs = seen.concat([[a, b]]);
  if (a instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof RegExp) return String(a) === String(b);
  if (a instanceof Error) return false;
  if (a instanceof Map || a instanceof Set) {
    return a.size === b.size && isEqual([...a].sort(), [...b].sort(), pairs);
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => key in b && isEqual(a[key], b[key], pairs));
};

/** Words that only make a sentence. */
const WORDS = ['to', 'be', 'been', 'is', 'that', 'which', 'and', 'has', 'have', 'with', 'at', 'of', 'same', 'but', 'does', 'still', 'also'];
/** Words that change what the next assertion means. */
const FLAGS = { not: 'negate', deep: 'deep', nested: 'nested', own: 'own', ordered: 'ordered', any: 'any', all: 'all', itself: 'itself' };

class Assertion {
  constructor(object, message, flags = {}) {
    this.flags = { object, message, ...flags };
  }

  get object() {
    return this.flags.object;
  }

  /** Records the check; throws if it failed. `#{this}`, `#{exp}` and `#{act}` stand for values. */
  assert(isTrue, message, negated, expected, actual = this.object) {
    const { negate, message: own, anonymize } = this.flags;
    const isOk = negate ? !isTrue : Boolean(isTrue);
    let template = ((negate ? negated : message) || '').replace('but ', '');
    if (anonymize) template = anonymize(template);
    const limited = (value) => cut(shownShort(value), config.truncateVariableThreshold);
    template = template.replace(/#\{exp\}/g, () => limited(expected));
    const full = (own && !config.aggregateChecks ? `${own}: ` : '')
      + template.replace(/#\{this\}/g, () => limited(this.object)).replace(/#\{act\}/g, () => limited(actual));
    const name = config.aggregateChecks
      ? cut(template.replace(/#\{this\}/g, () => own || '${this}').replace(/#\{act\}/g, () => '${actual}'), config.truncateMsgThreshold)
      : cut(full, config.truncateMsgThreshold);
    k6.check(null, { [name]: () => isOk });
    if (isOk) return this;
    const text = cut(own && config.aggregateChecks ? `${own}: ${full}` : full, config.truncateMsgThreshold);
    if (config.logFailures) console.warn(text);
    throw new AssertionError(text, { actual, expected, showDiff: config.showDiff });
  }

  /** The same value with other flags. */
  flagged(flags) {
    return new Assertion(this.object, this.flags.message, { ...this.flags, ...flags });
  }

  /** Goes on with another value. */
  about(object) {
    return this.flagged({ object });
  }
}

/** Adds a method, under several names. */
const method = (names, body) => {
  for (const name of names.split(' ')) {
    Assertion.prototype[name] = function called(...args) {
      return body.apply(this, args) || this;
    };
  }
};

/** Adds a property that asserts when it is read. */
const property = (names, body) => {
  for (const name of names.split(' ')) {
    Object.defineProperty(Assertion.prototype, name, {
      configurable: true,
      get() {
        return body.call(this) || this;
      },
    });
  }
};

/** Adds words that can be called and be followed by others: `a('string')`, `include.members([…])`, `lengthOf.above(3)`. */
const chainable = (names, called, read) => {
  for (const name of names.split(' ')) {
    Object.defineProperty(Assertion.prototype, name, {
      configurable: true,
      get() {
        const next = read ? read.call(this) : this;
        const call = (...args) => called.apply(this, args) || this;
        Object.setPrototypeOf(call, Assertion.prototype);
        call.flags = next.flags;
        return call;
      },
    });
  }
};

for (const word of WORDS) property(word, function same() { return this; });
for (const [word, flag] of Object.entries(FLAGS)) {
  property(word, function flagged() {
    const rest = word === 'any' ? { all: false } : word === 'all' ? { any: false } : {};
    return this.flagged({ [flag]: true, ...rest });
  });
}

const article = (word) => (/^[aeiou]/i.test(word) ? 'an' : 'a');

chainable('a an', function a(kind, message) {
  if (message) this.flags.message = message;
  const wanted = kind.toLowerCase();
  return this.assert(kindOf(this.object).toLowerCase() === wanted, `expected #{this} to be ${article(wanted)} ${wanted}`, `expected #{this} not to be ${article(wanted)} ${wanted}`);
});

/** Whether a collection has an item. */
const hasItem = (list, item, deep) => list.some((own) => (deep ? isEqual(own, item) : own === item || Object.is(own, item)));

chainable('include includes contain contains', function include(value) {
  const { object } = this;
  const { deep } = this.flags;
  const words = deep ? 'deep include' : 'include';
  const text = [`expected #{this} to ${words} ${shownShort(value)}`, `expected #{this} to not ${words} ${shownShort(value)}`];
  let isIn;
  if (typeof object === 'string') isIn = object.includes(value);
  else if (Array.isArray(object)) isIn = hasItem(object, value, deep);
  else if (object instanceof Map) isIn = hasItem([...object.values()], value, deep);
  else if (object instanceof Set) isIn = hasItem([...object], value, deep);
  else if (object !== null && typeof object === 'object' && value !== null && typeof value === 'object') {
    isIn = Object.keys(value).every((key) => key in object && (deep ? isEqual(object[key], value[key]) : object[key] === value[key]));
  } else {
    throw new AssertionError(`object tested must be an array, a map, an object, a set, a string, or a weakset, but ${kindOf(object)} given`);
  }
  return this.assert(isIn, ...text);
}, function contains() {
  return this.flagged({ contains: true });
});

property('ok', function ok() { return this.assert(this.object, 'expected #{this} to be truthy', 'expected #{this} to be falsy'); });
property('true', function isTrue() { return this.assert(this.object === true, 'expected #{this} to be true', 'expected #{this} to be false', true); });
property('false', function isFalse() { return this.assert(this.object === false, 'expected #{this} to be false', 'expected #{this} to be true', false); });
property('null', function isNull() { return this.assert(this.object === null, 'expected #{this} to be null', 'expected #{this} not to be null'); });
property('undefined', function isUndefined() { return this.assert(this.object === undefined, 'expected #{this} to be undefined', 'expected #{this} not to be undefined'); });
property('NaN', function isNaN() { return this.assert(Number.isNaN(this.object), 'expected #{this} to be NaN', 'expected #{this} not to be NaN'); });
property('exist exists', function exist() { return this.assert(this.object !== null && this.object !== undefined, 'expected #{this} to exist', 'expected #{this} to not exist'); });
property('finite', function finite() { return this.assert(Number.isFinite(this.object), 'expected #{this} to be a finite number', 'expected #{this} to not be a finite number'); });
property('arguments Arguments', function isArguments() { return this.assert(kindOf(this.object) === 'Arguments', `expected #{this} to be arguments but got ${kindOf(this.object)}`, 'expected #{this} to not be arguments'); });
property('extensible', function extensible() { return this.assert(Object.isExtensible(this.object), 'expected #{this} to be extensible', 'expected #{this} to not be extensible'); });
property('sealed', function sealed() { return this.assert(Object.isSealed(this.object), 'expected #{this} to be sealed', 'expected #{this} to not be sealed'); });
property('frozen', function frozen() { return this.assert(Object.isFrozen(this.object), 'expected #{this} to be frozen', 'expected #{this} to not be frozen'); });
property('empty', function empty() {
  const { object } = this;
  if (object === null || object === undefined || ['number', 'boolean', 'symbol', 'function'].includes(typeof object)) {
    throw new AssertionError(`.empty was passed non-string primitive or function ${shown(object)}`);
  }
  const size = object instanceof Map || object instanceof Set ? object.size : typeof object === 'string' || Array.isArray(object) ? object.length : Object.keys(object).length;
  return this.assert(size === 0, 'expected #{this} to be empty', 'expected #{this} not to be empty');
});

method('equal equals eq', function equal(value, message) {
  if (message) this.flags.message = message;
  if (this.flags.deep) return this.eql(value);
  return this.assert(this.object === value, 'expected #{this} to equal #{exp}', 'expected #{this} to not equal #{exp}', value);
});
method('eql eqls', function eql(value, message) {
  if (message) this.flags.message = message;
  return this.assert(isEqual(value, this.object), 'expected #{this} to deeply equal #{exp}', 'expected #{this} to not deeply equal #{exp}', value);
});

/** What numbers are compared with: the value or, after `lengthOf`, its length. */
const measured = (assertion) => {
  const { object } = assertion;
  if (!assertion.flags.doLength) return [object, ''];
  const size = object instanceof Map || object instanceof Set;
  return [size ? object.size : object.length, size ? 'size ' : 'length '];
};

const compare = (names, test, words, negatedWords) => method(names, function compared(n, message) {
  if (message) this.flags.message = message;
  const [value, what] = measured(this);
  const isComparable = (x) => typeof x === 'number' || typeof x === 'bigint' || x instanceof Date;
  if (!isComparable(value)) throw new AssertionError(`expected ${shown(value)} to be a number or a date`);
  const got = what ? ' but got #{act}' : '';
  const verb = what ? `have a ${what}` : 'be ';
  return this.assert(test(value, n), `expected #{this} to ${verb}${words} #{exp}${got}`, `expected #{this} to ${what ? `not have a ${what}` : 'be '}${negatedWords} #{exp}`, n, value);
});
compare('above gt greaterThan', (a, b) => a > b, 'above', 'at most');
compare('least gte greaterThanOrEqual', (a, b) => a >= b, 'at least', 'below');
compare('below lt lessThan', (a, b) => a < b, 'below', 'at least');
compare('most lte lessThanOrEqual', (a, b) => a <= b, 'at most', 'above');
method('within', function within(from, to) {
  const [value, what] = measured(this);
  const range = `${from instanceof Date ? from.toISOString() : from}..${to instanceof Date ? to.toISOString() : to}`;
  const verb = what ? `have a ${what}` : 'be ';
  return this.assert(value >= from && value <= to, `expected #{this} to ${verb}within ${range}`, `expected #{this} to not ${verb}within ${range}`);
});
method('closeTo approximately', function closeTo(expected, delta) {
  return this.assert(Math.abs(this.object - expected) <= delta, `expected #{this} to be close to ${expected} +/- ${delta}`, `expected #{this} not to be close to ${expected} +/- ${delta}`);
});
chainable('lengthOf length', function lengthOf(n) {
  const [value, what] = measured(this.flagged({ doLength: true }));
  return this.assert(value === n, `expected #{this} to have a ${what}of #{exp} but got #{act}`, `expected #{this} to not have a ${what}of #{act}`, n, value);
}, function length() {
  return this.flagged({ doLength: true });
});
method('instanceof instanceOf', function instanceOf(type) {
  return this.assert(this.object instanceof type, `expected #{this} to be an instance of ${type.name}`, `expected #{this} to not be an instance of ${type.name}`);
});

/** Follows `a.b[2].c`. */
const follow = (object, path) => {
  let at = object;
  for (const part of path.replace(/\[(\d+)\]/g, '.$1').split('.').filter((name) => name !== '')) {
    if (at === null || at === undefined || !(part in Object(at))) return [false, undefined];
    at = at[part];
  }
  return [true, at];
};

method('property', function hasProperty(name, ...rest) {
  const { object } = this;
  const { nested, own, deep, negate } = this.flags;
  if (object === null || object === undefined) throw new AssertionError('Target cannot be null or undefined.');
  const [has, value] = nested ? follow(object, name) : [own ? Object.prototype.hasOwnProperty.call(object, name) : name in Object(object), object[name]];
  const words = `${deep ? 'deep ' : ''}${own ? 'own ' : ''}${nested ? 'nested ' : ''}property ${shown(name)}`;
  if (!negate || rest.length === 0) this.assert(has, `expected #{this} to have ${words}`, `expected #{this} to not have ${words}`);
  if (rest.length > 0) {
    const [wanted] = rest;
    const isSame = has && (deep ? isEqual(wanted, value) : value === wanted);
    this.assert(isSame, `expected #{this} to have ${words} of #{exp}, but got #{act}`, `expected #{this} to not have ${words} of #{act}`, wanted, value);
  }
  return this.about(value);
});
method('ownProperty haveOwnProperty', function ownProperty(...args) {
  return this.flagged({ own: true }).property(...args);
});
method('match matches', function match(pattern) {
  return this.assert(pattern.test(this.object), `expected #{this} to match ${pattern}`, `expected #{this} not to match ${pattern}`);
});
method('string', function string(text) {
  return this.assert(String(this.object).includes(text), `expected #{this} to contain ${shown(text)}`, `expected #{this} to not contain ${shown(text)}`);
});
method('keys key', function keys(...names) {
  const { object } = this;
  const { contains, any } = this.flags;
  const first = names[0];
  const wanted = (Array.isArray(first) ? first : first !== null && typeof first === 'object' ? Object.keys(first) : names).map((name) => (object instanceof Map || object instanceof Set ? name : String(name)));
  const actual = object instanceof Map || object instanceof Set ? [...object.keys()] : Object.keys(object);
  const found = wanted.filter((name) => actual.includes(name));
  const isOk = any ? found.length > 0 : found.length === wanted.length && (contains || actual.length === wanted.length);
  const list = wanted.map((name) => shown(name));
  const last = list.length > 1 ? `, ${any ? 'or' : 'and'} ${list.pop()}` : '';
  const text = `${contains ? 'contain' : 'have'} ${wanted.length > 1 ? 'keys' : 'key'} ${list.join(', ')}${last}`;
  return this.assert(isOk, `expected #{this} to ${text}`, `expected #{this} to not ${text}`, wanted, actual);
});
method('members', function members(list) {
  const { deep, contains, ordered } = this.flags;
  const same = (a, b) => (deep ? isEqual(a, b) : a === b);
  const rest = [...this.object];
  let isOk = contains || rest.length === list.length;
  list.forEach((item, i) => {
    const at = ordered ? (same(this.object[i], item) ? i : -1) : rest.findIndex((own) => same(own, item));
    if (at < 0) isOk = false;
    else if (!ordered) rest.splice(at, 1);
  });
  const what = `${contains ? 'be a superset of' : `have the same ${ordered ? 'ordered ' : ''}members as`} #{exp}`;
  return this.assert(isOk, `expected #{this} to ${what}`, `expected #{this} to not ${what}`, list);
});
method('oneOf', function oneOf(list) {
  const { deep, contains } = this.flags;
  const isOk = contains ? list.some((item) => this.object.includes(item)) : hasItem(list, this.object, deep);
  return this.assert(isOk, `expected #{this} to ${contains ? 'contain' : 'be'} one of #{exp}`, `expected #{this} to not ${contains ? 'contain' : 'be'} one of #{exp}`, list);
});
method('throw throws Throw', function throws(type, pattern) {
  const isText = typeof type === 'string' || type instanceof RegExp;
  const [kind, text] = isText ? [undefined, type] : [type, pattern];
  let caught;
  let hasThrown = false;
  try {
    this.object();
  } catch (error) {
    hasThrown = true;
    caught = error;
  }
  const message = caught && caught.message !== undefined ? caught.message : String(caught);
  const isKind = kind === undefined || kind === null || (typeof kind === 'function' ? caught instanceof kind : caught === kind);
  const fits = text === undefined || (text instanceof RegExp ? text.test(message) : message.includes(text));
  const wanted = (kind && (kind.name || shown(kind))) || 'an error';
  const including = text === undefined ? '' : ` ${text instanceof RegExp ? 'matching' : 'including'} ${shown(text)}`;
  this.assert(hasThrown && isKind && fits, `expected #{this} to throw ${wanted}${including}${hasThrown ? ` but ${shown(caught)} was thrown` : ''}`, `expected #{this} to not throw ${wanted}${including}`);
  return this.about(caught);
});
method('respondTo respondsTo', function respondTo(name) {
  const owner = typeof this.object === 'function' && !this.flags.itself ? this.object.prototype : this.object;
  return this.assert(typeof owner[name] === 'function', `expected #{this} to respond to ${shown(name)}`, `expected #{this} to not respond to ${shown(name)}`);
});
method('satisfy satisfies', function satisfy(test) {
  return this.assert(test(this.object), `expected #{this} to satisfy ${shown(test)}`, `expected #{this} to not satisfy ${shown(test)}`);
});

const changing = (names, words, test) => method(names, function changes(subject, name) {
  const read = () => (name === undefined ? subject() : subject[name]);
  const before = read();
  this.object();
  const after = read();
  const what = name === undefined ? '' : `.${name}`;
  this.assert(test(after - before, before, after), `expected ${what || 'value'} to ${words}`, `expected ${what || 'value'} to not ${words}`);
  return this.flagged({ delta: Math.abs(after - before) });
});
changing('change changes', 'change', (by, before, after) => before !== after);
changing('increase increases', 'increase', (by) => by > 0);
changing('decrease decreases', 'decrease', (by) => by < 0);
method('by', function by(delta) {
  return this.assert(this.flags.delta === delta, `expected value to change by ${delta}`, `expected value to not change by ${delta}`);
});
method('anonymize', function anonymize(change = (text) => text.replace(/#\{this\}/g, '<anonymized>')) {
  return this.flagged({ anonymize: change });
});
method('validJsonBody', function validJsonBody() {
  let isValid = true;
  try {
    this.object.json();
  } catch (error) {
    isValid = false;
  }
  return this.assert(isValid, 'has valid json body', 'does not have a valid json body');
});

const expect = (value, message) => new Assertion(value, message);
expect.fail = (message = 'expect.fail()') => {
  throw new AssertionError(message);
};

/** What a function of `describe` threw that is no failed assertion. */
const unexpected = (error, name) => {
  console.error(`Exception raised in test "${name}". Failing the test and continuing. \n${error}`);
  k6.check(null, { [`Exception raised "${error}"`]: () => false });
  if (config.exitOnError) exec.test.abort(`Exception raised in test "${name}": ${error}`);
};

/** Runs a group; whether all its assertions held. */
const describe = (name, body) => {
  let isOk = true;
  k6.group(name, () => {
    try {
      body({ expect });
    } catch (error) {
      isOk = false;
      if (!error || error.name !== 'AssertionError') unexpected(error, name);
    }
  });
  return isOk;
};

const chai = { expect, Assertion, AssertionError, config, util: { flag: (a, name, value) => (value === undefined ? a.flags[name] : (a.flags[name] = value)), eql: isEqual, inspect: shown, objDisplay: shownShort, type: kindOf } };
Assertion.addMethod = method;
Assertion.addProperty = property;
chai.use = (plugin) => {
  plugin(chai, chai.util);
  return chai;
};

module.exports = { chai, describe, expect };
