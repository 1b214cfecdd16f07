//! Language features that scripts use.
class Counter {
  #n = 0;
  static made = 0;
  static {
    Counter.made = 10;
  }
  inc() {
    this.#n += 1;
    Counter.made += 1;
    return this.#n;
  }
  get n() {
    return this.#n;
  }
}

function* numbers() {
  yield 1;
  yield* [2, 3];
}

export default async function () {
  const c = new Counter();
  c.inc();
  console.log(c.n, Counter.made, [...numbers()].join());
  const { a = 5, ...rest } = { b: 2, c: 3 };
  console.log(a, JSON.stringify(rest), rest?.d?.e ?? 'default', 2 ** 10, 1_000_000);
  let x = null;
  x ??= 'set';
  x &&= `${x} twice`;
  console.log(x, 'aXbX'.replaceAll('X', '-'), [1, 2, 3].at(-1), [3, 1, 2].toSorted().join(), Object.hasOwn({ k: 1 }, 'k'));
  console.log([1, [2, [3]]].flat(Infinity).join(), [1, 2, 3].findLast((n) => n < 3), 'a-b'.match(/(?<first>\w)-(?<=-)(?<second>\w)/).groups.second);
  console.log(BigInt(2) ** 64n, typeof 1n, [..."a😀"].length, 'ß'.toUpperCase(), 'abc'.padStart(5, '*'));
  console.log(JSON.stringify({ u: undefined, d: new Date(0), n: NaN, nested: [undefined, () => 1] }), JSON.stringify({ a: [1, { b: 2 }] }, null, 2));
  label: for (const i of [1, 2]) {
    for (const j of [1, 2]) {
      if (j === 2) continue label;
      console.log(i, j);
    }
  }
  console.log(await Promise.all([1, Promise.resolve(2)]), await Promise.allSettled([Promise.reject(new Error('no'))]).then((r) => r[0].status));
  console.log(new Date(Date.UTC(2020, 1, 29, 12, 0, 0)).toISOString(), new Date('2020-02-29T12:00:00Z').getTime(), isNaN(Date.parse('nonsense')));
  console.log((25).toString(36), parseInt('ff', 16), (0.000001234).toString(), (1234.5678).toFixed(2), (12345).toExponential(2), Number('0x10'));
  console.log(encodeURIComponent('a b&c/ü'), decodeURIComponent('%C3%BC'), escape('ü'), encodeURI('http://x/ü?a=b c'));
  try {
    null.x;
  } catch (e) {
    console.log(e instanceof TypeError, e.name);
  }
}
