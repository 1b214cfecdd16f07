// What globals of the web platform do. `node cases.js > cases.node.txt` keeps what Node 20 does; the test web.rs
// compares Squall with that, line by line. Nothing here may depend on the time or on Node's own texts of errors.
function cases() {
  const lines = [];
  const show = (value) => {
    if (value === undefined) return 'undefined';
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'function') return 'function';
    return JSON.stringify(value);
  };
  const add = (label, f) => {
    let result;
    try {
      result = show(f());
    } catch (error) {
      result = `throws ${error instanceof TypeError ? 'TypeError' : error.name}`;
    }
    lines.push(`${label} => ${result}`);
  };

  // URL: parsing.
  const parts = (url) => [url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search, url.hash];
  const inputs = [
    'http://example.test', 'HTTP://EXAMPLE.test:80/', 'https://example.test:443/a', 'https://example.test:444/a', 'http://user:pa%20ss@h.test:8080/p/a/t/h?query=string#hash',
    'http://h.test/a/./b/../c', 'http://h.test/a/%2e/b/%2E%2e/c', 'http://h.test//double//slash', 'http://h.test\\back\\slash', 'http:\\\\h.test/x', 'http:/h.test', 'http:h.test', '//h.test', '/path', '', '?', '#', '.', 'a', 'a b',
    ' http://h.test/ ', 'http://h.test/\t\n\rx', 'http://h.test/ü?ü#ü', 'http://ü.test/', 'http://xn--tda.test/', 'http://H%41.test/', 'http://a b.test/', 'http://a%zz.test', 'http://[::1]/', 'http://[1:2::3]:80/', 'http://[::ffff:1.2.3.4]/', 'http://[::1', 'http://[g::1]/',
    'http://1.2.3.4/', 'http://1.2.3/', 'http://0x7f.1/', 'http://017700000001', 'http://256.1.1.1', 'http://1.2.3.4.5', 'http://4294967295', 'http://4294967296', 'http://0x', 'http://1.2.3.08',
    'http://h.test:', 'http://h.test:0', 'http://h.test:65535', 'http://h.test:65536', 'http://h.test:8a', 'http://h.test:00080/', 'http://user@/x', 'http://@h.test', 'http://:@h.test/', 'http://a:b:c@h.test/', 'http://a@b@h.test/',
    'http://h.test/?a=b&c=d', 'http://h.test?', 'http://h.test#', 'http://h.test/?#', "http://h.test/?a'b", 'http://h.test/?"<>` {}|', 'http://h.test/"<>` {}|^', 'http://h.test/#"<>` {}|', 'http://h.test/%', 'http://h.test/%zz%C3%BC', 'http://h.test/a;b=c,d',
    'mailto:a@b.c', 'data:text/plain,hi there', 'javascript:alert(1)', 'about:blank', 'blob:https://h.test/uuid', 'urn:isbn:1', 'foo:bar', 'foo://h.test:80/x', 'foo://h.test', 'foo:///x', 'foo:/x', 'foo://H.Test/', 'foo://a b/', 'foo:// /', 'ws://h.test:80/x', 'wss://h.test:443', 'ftp://h.test:21/x', 'ftp://h.test:22/x',
    'file:///etc/hosts', 'file:c:/x', 'file:///C|/x', 'file://h.test/x', 'file://localhost/x', 'file:/x/../..', 'file:x', '1http://h.test', 'ht tp://h.test', 'h+-.1://x', '://h.test', 'http', 'http:', 'http://', 'https:///', 'http://.', 'http://..', 'http://h..test/', 'http://-h.test', 'http://h_x.test', 'http://h.test.', 'http://\u200b.test', 'http://\u00adx.test', 'http://x\u3002test', 'http://%00.test', 'http://h.test/\u0000', 'http://h.test/\ud800', 'http://\ud800.test', 'http://h.test/?\ud83d\ude00', 'http://*.test', 'http://h<.test', 'http://h^.test', 'http://h|.test',
  ];
  for (const input of inputs) add(`new URL(${JSON.stringify(input)})`, () => parts(new URL(input)));
  const bases = ['http://base.test/a/b/c?q#f', 'https://u:p@base.test:8080/', 'file:///a/b', 'foo:opaque', 'foo://h/a/b', 'data:x', 'http://base.test'];
  const relative = ['', '.', '..', '../..', './x', '../x', '/x', '//x.test', '//x.test/y', '?x', '#x', 'x', 'x?y#z', 'http:x', 'https:x', 'http://x.test', '\\x', 'x\\y', ' x ', 'x:y', 'file:x', '/..//x', '%2e%2e/x', 'C|/x', ';x', '@x', '//', '///x', ':80', 'a/../b/./c/'];
  for (const base of bases) for (const input of relative) add(`new URL(${JSON.stringify(input)}, ${JSON.stringify(base)})`, () => parts(new URL(input, base)));
  add('no argument', () => new URL());
  add('bad base', () => new URL('x', 'y'));
  add('undefined', () => new URL(undefined));
  add('undefined with base', () => new URL(undefined, 'http://h.test').href);
  add('null with base', () => new URL(null, 'http://h.test').href);
  add('number', () => new URL(5, 'http://h.test').href);
  add('object', () => new URL({ toString: () => 'http://h.test/o' }).href);
  add('url of url', () => new URL(new URL('http://h.test/x')).href);
  add('symbol', () => new URL(Symbol('x')));
  add('called', () => URL('http://h.test'));
  add('canParse', () => [URL.canParse('http://h.test'), URL.canParse('x'), URL.canParse('x', 'http://h.test'), URL.canParse('x', 'y')]);
  add('code', () => { try { new URL('x'); } catch (e) { return [e.code, e.message, e.input]; } });
  add('toString', () => { const u = new URL('http://h.test'); return [String(u), u.toJSON(), JSON.stringify({ u }), Object.prototype.toString.call(u)]; });
  add('keys', () => [Object.keys(new URL('a:b')), Object.keys(URL.prototype).filter((key) => key !== 'toString' && key !== 'toJSON').sort(), Object.keys(URLSearchParams.prototype).sort()]);
  add('origin is read-only', () => { 'use strict'; const u = new URL('http://h.test'); u.origin = 'x'; });

  // URL: setters.
  const setters = {
    href: ['http://x.test/y', 'nope', ''],
    protocol: ['https', 'https:', 'HTTPS://x', 'foo', 'ftp', 'file', '', '1', 'ws', 'b!'],
    username: ['me', 'a:b@c', '', 'ü'],
    password: ['pw', 'a:b@c', '', 'ü'],
    host: ['x.test', 'x.test:81', 'x.test:', 'x.test:443', '', 'a b', 'x.test/y', 'x.test?y', 'x.test:8a', '[::1]:5', '1.2.3', 'x.test:99999', 'ü.test'],
    hostname: ['x.test', 'x.test:81', '', ':80', 'a b', 'x.test/y', '[::2]', '%41.test', '0x10'],
    port: ['81', '443', '80', '', 'x', '8x', '65536', '0', ' 9', '-1', '00099'],
    pathname: ['/x', 'x', '', '/a/../b', '?', '#', '/ü ', '\\x', '//x', '%2e%2e/y'],
    search: ['?x=y', 'x=y', '', '?', '??', '#', 'ü', "'", ' '],
    hash: ['#x', 'x', '', '#', '##', 'ü', ' ', '`'],
  };
  const subjects = ['https://u:p@h.test:444/a/b?q#f', 'http://h.test/', 'mailto:x', 'file:///a/b', 'foo://h/p', 'foo:/p'];
  for (const subject of subjects) {
    for (const [name, values] of Object.entries(setters)) {
      for (const value of values) add(`${subject} ${name} = ${JSON.stringify(value)}`, () => { const u = new URL(subject); u[name] = value; return u.href; });
    }
  }
  add('searchParams follow', () => {
    const u = new URL('http://h.test/?a=1&b=2');
    const p = u.searchParams;
    const seen = [p === u.searchParams, p.get('a')];
    p.append('c', 'ü &');
    seen.push(u.href, u.search);
    u.search = '?z=9';
    seen.push(p.toString(), p.get('a'));
    u.href = 'http://x.test/?y=8';
    seen.push(p.toString());
    p.delete('y');
    seen.push(u.href);
    p.set('k', '');
    seen.push(u.href);
    u.hash = 'h';
    p.sort();
    seen.push(u.href);
    return seen;
  });

  // URLSearchParams.
  const inits = ['', '?', 'a=b', '?a=b', '??a=b', 'a', 'a&b', '=', '=b', 'a=', '&&a=b&&', 'a=b=c', 'a+b=c+d', 'a%20b=%zz%', '%C3%BC=%FF', 'ü=€', 'a=b&a=c', 'a=b#c', 'a;b=c', '\ud800=x', ' a = b ', '%00=%0a'];
  for (const init of inits) add(`params ${JSON.stringify(init)}`, () => { const p = new URLSearchParams(init); return [[...p], p.toString(), p.size]; });
  const objects = { pairs: [['a', 'b'], ['c', 'd']], record: { a: 1, b: null, c: undefined, d: true }, map: new Map([['x', 'y']]), params: new URLSearchParams('q=r&q=s'), set: new Set([['a', 'b']]), strings: ['ab', 'cd'], nothing: undefined, nil: null, number: 5, boolean: true, empty: {}, none: [], nested: [[['a'], { b: 1 }]], entries: Object.entries({ k: 'v' }), func: Object.assign(() => 1, { f: 'g' }) };
  for (const [name, init] of Object.entries(objects)) add(`params of ${name}`, () => new URLSearchParams(init).toString());
  const bad = { one: [['a']], three: [['a', 'b', 'c']], flat: ['a', 'bc'], numbers: [[1, 2], 3], iterator: { [Symbol.iterator]: 5 }, symbol: Symbol('s'), key: { [Symbol('s')]: 1 } };
  for (const [name, init] of Object.entries(bad)) add(`params of bad ${name}`, () => new URLSearchParams(init).toString());
  add('params methods', () => {
    const p = new URLSearchParams('a=1&b=2&a=3&c=4');
    const seen = [p.get('a'), p.get('x'), p.getAll('a'), p.getAll('x'), p.has('a'), p.has('x'), p.has('a', '3'), p.has('a', '9'), p.has('a', undefined)];
    p.set('a', 'new');
    seen.push(p.toString());
    p.append('b', 5);
    p.delete('b', '2');
    seen.push(p.toString());
    p.delete('c');
    p.delete('c', undefined);
    p.set('d', 'e f');
    seen.push(p.toString(), p.size);
    return seen;
  });
  add('params sort', () => { const p = new URLSearchParams('z=1&a=2&\ufffd=3&\ud83d\ude00=4&a=1&B=5'); p.sort(); return [...p.keys()]; });
  add('params iteration', () => { const p = new URLSearchParams('a=1&b=2'); return [[...p.keys()], [...p.values()], [...p.entries()], [...p], Array.from(p.keys()), p[Symbol.iterator] === p.entries, Object.prototype.toString.call(p), Object.prototype.toString.call(p.keys())]; });
  add('params forEach', () => { const seen = []; const self = {}; const p = new URLSearchParams('a=1&b=2'); p.forEach(function (value, name, all) { seen.push(value, name, all === p, this === self); }, self); return seen; });
  add('params live', () => { const p = new URLSearchParams('a=1&b=2&c=3'); const seen = []; for (const [name] of p) { seen.push(name); if (name === 'a') p.delete('b'); } return seen; });
  for (const name of ['append', 'delete', 'get', 'getAll', 'has', 'set', 'forEach']) add(`params ${name} without`, () => new URLSearchParams()[name]());
  add('params append one', () => new URLSearchParams().append('a'));
  add('params called', () => URLSearchParams('a'));
  add('params foreign', () => URLSearchParams.prototype.get.call({}, 'a'));
  add('params escapes', () => new URLSearchParams([["*-._~!'()\u007f", '\u0000\n+%']]).toString());

  // Base64.
  for (const text of ['', 'a', 'ab', 'abc', 'ü', '\u00ff\u0000', '€', '\ud800', null, undefined, 5, { toString: () => 'x' }]) add(`btoa ${JSON.stringify(text)}`, () => btoa(text));
  for (const text of ['', 'YQ==', 'YQ=', 'YQ', 'YWI=', 'YWJj', ' Y W\nJ\tj ', 'Y', 'YW', 'YWI', '=', '==', 'YQ===', 'Y=Q=', 'YWJj=', 'YWJj==', '*', 'ab-_', '/+8=', 'ÿ', null, undefined, 12, 'YR==', '\u00a0YQ==', '\u000bYQ==']) add(`atob ${JSON.stringify(text)}`, () => atob(text));
  add('btoa without', () => btoa());
  add('atob without', () => atob());
  add('btoa error', () => { try { btoa('€'); } catch (e) { return [e.name, e.code, e instanceof DOMException, e instanceof Error]; } });

  // DOMException.
  add('DOMException', () => { const e = new DOMException('m', 'AbortError'); return [e.message, e.name, e.code, String(e), Object.prototype.toString.call(e), e instanceof Error]; });
  add('DOMException plain', () => { const e = new DOMException(); return [e.message, e.name, e.code, String(e)]; });
  add('DOMException codes', () => ['IndexSizeError', 'NotFoundError', 'InvalidStateError', 'SyntaxError', 'QuotaExceededError', 'DataCloneError', 'OperationError'].map((name) => new DOMException('', name).code));

  // structuredClone.
  const clones = {
    number: 5, text: 'x', nothing: undefined, nil: null, big: 10n, object: { a: 1, b: { c: [1, 2, { d: null }] } }, array: [1, , 3], date: new Date(5), boxed: [new Number(1), new String('s'), new Boolean(false)],
  };
  for (const [name, value] of Object.entries(clones)) add(`clone ${name}`, () => structuredClone(value));
  add('clone kinds', () => {
    const all = structuredClone({ d: new Date(7), r: /a+/gi, m: new Map([[{ k: 1 }, new Set([1, 'x'])]]), n: new Number(3), s: new String('t'), b: Object(4n) });
    return [all.d instanceof Date, all.d.getTime(), all.r instanceof RegExp, String(all.r), all.r.lastIndex, all.m instanceof Map, [...all.m.keys()], [...[...all.m.values()][0]], typeof all.n, Number(all.n), typeof all.s, String(all.s), typeof all.b, String(all.b)];
  });
  add('clone holes', () => { const c = structuredClone([1, , 3]); return [1 in c, c.length]; });
  add('clone extra', () => { const a = [1]; a.x = 2; return [structuredClone(a).x, Object.keys(structuredClone(a))]; });
  add('clone cycle', () => { const a = { list: [] }; a.self = a; a.list.push(a.list); const c = structuredClone(a); return [c !== a, c.self === c, c.list[0] === c.list]; });
  add('clone shared', () => { const shared = {}; const c = structuredClone([shared, shared]); return [c[0] === c[1], c[0] !== shared]; });
  add('clone class', () => { class K { constructor() { this.a = 1; } get b() { return 2; } } const c = structuredClone(new K()); return [c, c instanceof K, Object.getPrototypeOf(c) === Object.prototype]; });
  add('clone getter', () => structuredClone({ get a() { return 7; } }));
  add('clone getter that throws', () => structuredClone({ get a() { throw new RangeError('x'); } }));
  add('clone hidden', () => structuredClone(Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'b', { value: 3 })));
  add('clone bytes', () => { const u = new Uint8Array([1, 2, 3, 4]).subarray(1, 3); const c = structuredClone({ u, v: new DataView(u.buffer, 2), f: new Float64Array([1.5]), b: u.buffer }); return [[...c.u], c.u.byteOffset, c.u.buffer === c.b, c.v.getUint8(0), c.v.byteLength, [...c.f], c.b.byteLength, c.u.buffer !== u.buffer]; });
  add('clone error', () => { const e = new RangeError('m'); e.extra = 1; const c = structuredClone(e); return [c instanceof RangeError, c instanceof Error, c.message, c.name, c.extra]; });
  add('clone error cause', () => { const c = structuredClone(new TypeError('a', { cause: { b: 1 } })); return [c instanceof TypeError, c.message]; });
  for (const [name, value] of Object.entries({ func: () => 1, symbol: Symbol('s'), weakmap: new WeakMap(), promise: Promise.resolve(1), nested: { a: [() => 1] }, weakset: new WeakSet() })) add(`clone of ${name}`, () => structuredClone(value));
  add('clone error name', () => { try { structuredClone(() => 1); } catch (e) { return [e.name, e.code, e instanceof DOMException]; } });
  add('clone without', () => structuredClone());
  add('transfer', () => { const b = new Uint8Array([1, 2]).buffer; const c = structuredClone({ b }, { transfer: [b] }); return [c.b.byteLength, b.byteLength]; });
  add('transfer twice', () => { const b = new ArrayBuffer(1); structuredClone(b, { transfer: [b, b] }); });
  add('transfer nonsense', () => structuredClone({}, { transfer: [{}] }));
  add('clone proto key', () => { const c = structuredClone(JSON.parse('{"__proto__": {"x": 1}}')); return [Object.hasOwn(c, '__proto__'), c.x]; });

  // performance.
  add('performance', () => [typeof performance.now(), performance.now() >= 0, performance.now() <= performance.now(), Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000, Object.prototype.toString.call(performance)]);
  add('marks', () => {
    const a = performance.mark('a', { startTime: 5, detail: { x: 1 } });
    performance.mark('b', { startTime: 9 });
    const m = performance.measure('m', 'a', 'b');
    const n = performance.measure('n', { start: 'a', duration: 3 });
    const o = performance.measure('o', { start: 1, end: 'b', detail: 'd' });
    const names = performance.getEntriesByType('measure').map((entry) => entry.name);
    performance.clearMarks('a');
    const left = performance.getEntriesByType('mark').map((entry) => entry.name);
    performance.clearMarks();
    performance.clearMeasures();
    return [a.name, a.entryType, a.startTime, a.duration, a.detail, m.startTime, m.duration, m.detail, n.duration, o.startTime, o.duration, o.detail, names, left, performance.getEntriesByName('m').length];
  });
  add('unknown mark', () => performance.measure('x', 'no such mark'));
  add('negative mark', () => performance.mark('x', { startTime: -1 }));

  // TextEncoder and TextDecoder, where k6 does as the standard says.
  for (const text of ['', 'a', 'ü€😀', '\ud800', 'a\ud800b', '\udc00', undefined, 5, {}]) add(`encode ${JSON.stringify(text)}`, () => [...new TextEncoder().encode(text)]);
  for (const n of [0, 1, 2, 3, 4, 5, 9]) add(`encodeInto ${n}`, () => { const u = new Uint8Array(n); return [new TextEncoder().encodeInto('aü€😀', u), [...u]]; });
  for (const bytes of [[], [0x61], [0xc3, 0xbc], [0xff], [0xe2, 0x82], [0xef, 0xbb, 0xbf, 0x61], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98, 0x80], [0xf0, 0x9f, 0x41], [0xe2, 0xff, 0x61], [0xc0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
    for (const fatal of [false, true]) for (const ignoreBOM of [false, true]) add(`decode ${bytes} ${fatal} ${ignoreBOM}`, () => new TextDecoder('utf-8', { fatal, ignoreBOM }).decode(new Uint8Array(bytes)));
  }
  for (const label of ['utf8', ' UTF-8 ', 'unicode-1-1-utf-8', 'utf-16', 'utf-16le', 'ucs-2', 'utf-16be']) add(`label ${label}`, () => new TextDecoder(label).encoding);
  add('decode stream', () => { const d = new TextDecoder(); return [[0xe2], [0x82], [0xac, 0x61], [0xf0, 0x9f]].map((bytes) => d.decode(new Uint8Array(bytes), { stream: true })).concat(d.decode(), d.decode(new Uint8Array([0x61]))); });
  return lines;
}
if (typeof process !== 'undefined') for (const line of cases()) console.log(line);
