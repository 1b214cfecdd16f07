// What scripts import as expect, the library before k6chaijs: `describe(name, (t) => { t.expect(…).as(…).toEqual(…) })`.
const k6 = require('k6');
const { expect } = require('jslib:k6chaijs');

class ChainBroken extends Error {
  constructor() {
    super('Chain broke, skipping this check');
    this.name = 'FunkBrokenChainException';
    this.brokenChain = true;
  }
}

class Chain {
  constructor(value) {
    this.value = value;
    this.name = null;
  }

  as(name) {
    this.name = name;
    return this;
  }

  and(value) {
    this.value = value;
    this.name = null;
    return this;
  }

  get shown() {
    return this.name || `${this.value}`;
  }

  record(name, isOk, value) {
    k6.check(null, { [name]: isOk }, value === undefined ? undefined : { value: `${value}` });
    if (!isOk) throw new ChainBroken();
    return this;
  }

  toEqual(expected) {
    const isOk = this.value === expected;
    let name = `${this.value} is ${expected}`;
    if (this.name) name = `${this.name} is ${this.value}.${isOk ? '' : ` Expected '${expected}'`}`;
    return this.record(name, isOk, expected);
  }

  toBeTruthy() {
    return this.record(`${this.shown} is truthy.`, Boolean(this.value), this.value);
  }

  toBeGreaterThan(other) {
    return this.record(`${this.shown} is greater than ${other}`, this.value > other, this.value);
  }

  toBeGreaterThanOrEqual(other) {
    return this.record(`${this.shown} is greater or equal to ${other}`, this.value >= other, this.value);
  }

  toBeLessThan(other) {
    return this.record(`${this.shown} is less than ${other}`, this.value < other, this.value);
  }

  toBeLessThanOrEqual(other) {
    return this.record(`${this.shown} is less or equal to ${other}`, this.value <= other, this.value);
  }

  toBeBetween(from, to) {
    const isOk = this.value >= from && this.value <= to;
    return this.record(`${this.shown} is between ${from} - ${to}`, isOk, this.value);
  }

  toHaveValidJson() {
    const response = this.value;
    if (!response || !('request' in Object(response))) {
      console.error("The object passed to expect/and for toHaveValidJson isn't a k6 HttpResponse. Aborting the check.");
      throw new ChainBroken();
    }
    let isOk = true;
    try {
      response.json();
    } catch (error) {
      isOk = false;
    }
    return this.record(`${response.request.url} has valid json response`, isOk);
  }

  toMatchAPISchema() {
    throw new Error('toMatchAPISchema needs a JSON schema validator, which squall does not have built in');
  }
}

const describe = (name, body) => {
  let isOk = true;
  k6.group(name, () => {
    try {
      body({ expect: (value) => new Chain(value) });
    } catch (error) {
      isOk = false;
      const isFailure = error && (error.brokenChain || error.name === 'AssertionError');
      if (!isFailure) {
        console.error(`Exception raised in test "${name}". Failing the test and continuing. \n${error}`);
        k6.check(null, { [`Exception raised "${error}"`]: false });
      }
    }
  });
  return isOk;
};

module.exports = { describe, expect };
