//! How console prints values of every kind.
class Point {
  constructor() {
    this.x = 1;
    this.y = { z: [1] };
  }
}

export default function () {
  console.log();
  console.log('');
  console.log('text', "it's \"quoted\"", 'two\nlines\ttab', 'ünïcode €');
  console.log(1, -1, 0, -0, 1.5, 1e21, 1e-7, NaN, Infinity, 123456789012, 0.1 + 0.2);
  console.log(true, false, null, undefined);
  console.log({}, [], { a: 1, b: 'text', c: [1, 'x', null, undefined, [2]] });
  console.log({ f: () => 1, g: function named() {}, u: undefined, n: null, nan: NaN, inf: -Infinity, neg: -0 });
  console.log(() => 1, function named() {}, class K {}, Math.max);
  console.log(new Date(0), [new Date(0)], { d: new Date(86400000) });
  console.log(new Error('message'), [new TypeError('inner')], { e: new RangeError('r') });
  console.log(new Point(), [new Point()]);
  console.log(Symbol('s'));
  console.log(10n, [10n]);
  console.log(/re+/g, [/x/]);
  console.log(new Map([['a', 1]]), new Set([1, 2]), [new Map()]);
  console.log(new Uint8Array([1, 2, 255]), new Uint8ClampedArray([3]), new Float64Array([1.5, -0]), new Int16Array(0), new BigInt64Array(1));
  console.log(new ArrayBuffer(2), { b: new Uint8Array([4, 0]).buffer }, new DataView(new ArrayBuffer(1)));
  console.log(Promise.resolve(1), [Promise.resolve(1)]);
  console.log(new String('boxed'), new Number(5), new Boolean(false));
  console.log([, 1, , 2], [[], [[]], {}], { a: {}, b: [] });
  console.log({ 'key with space': 1, 'quo"te': 2, 3: 3 }, { toString() { return 'x'; } }, { toJSON() { return 'json'; } });
  const circular = { name: 'c' };
  circular.self = circular;
  circular.list = [circular, { circular }];
  console.log(circular);
  const list = [1];
  list.push(list);
  console.log(list);
  console.log(Object.create(null), Object.create({ inherited: 1 }));
  console.log(JSON, Math, globalThis === undefined);
  console.log({ get a() { return 5; }, b: 1 });
  console.log(new Proxy({ p: 1 }, {}), (function () { return arguments; })(1, 2));
  console.log([1.0, 1e100, 'a"b', 'line\nbreak', '<&>'], { s: 'a\\b', t: 'é€😀' });
  console.log('%s and %d', 'x', 5, '%');
  console.info('info');
  console.warn('warn', { a: 1 });
  console.error('error', [1]);
  console.debug('debug is not shown');
  console.log(Object.keys(console).sort().join());
}
