//! The libraries of jslib.k6.io that are built in: what each exports does what its documentation says.

mod support;

use engine::script::Outcome;
use support::case;

/// Runs one iteration of a script; each line it printed starts with `ok ` or is a failure.
#[track_caller]
fn all_hold(script: &str) {
    const HEAD: &str = "
        const same = (name, got, want) => {
          const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
          console.log(a === b ? 'ok ' + name : name + ': got ' + a + ', want ' + b);
        };
        const thrown = (f) => { try { f(); } catch (e) { return String(e); } return 'nothing'; };
    ";
    let run = case(&format!("{script}\n{HEAD}"));
    let outcomes = run.outcomes(1);
    assert_eq!(outcomes, [Outcome::Complete { threw: false }], "{:?}", run.log.lines());
    let printed = run.log.printed();
    let wrong: Vec<_> = printed.iter().filter(|line| !line.starts_with("ok ")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(printed.len() > 3, "{:?}", run.log.lines());
}

#[test]
fn k6_utils() {
    all_hold(
        "import { randomIntBetween, randomItem, randomString, uuidv4, findBetween, normalDistributionStages, parseDuration,
                  check, getCurrentStageIndex } from 'https://jslib.k6.io/k6-utils/1.6.0/index.js';
         export default async function () {
           const many = Array.from({ length: 500 }, () => randomIntBetween(1, 3));
           same('between', [Math.min(...many), Math.max(...many), many.every(Number.isInteger)], [1, 3, true]);
           same('item', [7, 8].includes(randomItem([7, 8])), true);
           same('string', [/^[a-z]{8}$/.test(randomString(8)), randomString(3, 'x'), randomString(0)], [true, 'xxx', '']);
           same('uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuidv4(true)), true);
           same('find', [findBetween('<a>1</a><a>2</a>', '<a>', '</a>'), findBetween('x', '<', '>'), findBetween('<a>1</a><a>2</a>', '<a>', '</a>', true), findBetween('x', '<', '>', true)], ['1', '', ['1', '2'], []]);
           same('normal', normalDistributionStages(10, 60, 4), [
             { duration: '10s', target: 1 }, { duration: '10s', target: 6 }, { duration: '10s', target: 10 },
             { duration: '10s', target: 6 }, { duration: '10s', target: 1 }, { duration: '10s', target: 0 }]);
           same('odd', normalDistributionStages(100, 60, 5).map((s) => s.target), [15, 53, 100, 100, 53, 15, 0]);
           same('duration', ['1d5h31m20s7ms', '1h30m', '10', '1.5s', '0.5ms'].map(parseDuration), [106280007, 5400000, 10, 1500, 0]);
           same('errors', [thrown(() => parseDuration('')), thrown(() => parseDuration('1x')), thrown(() => parseDuration('1s2s'))],
             ['Error: str is empty', 'Error: x is an unsupported time unit', 'Error: s time unit is provided multiple times']);
           same('check', [check(1, { one: (v) => v === 1 }), await check(Promise.resolve(2), { two: async (v) => v === 2 })], [true, true]);
           same('stage', thrown(getCurrentStageIndex).startsWith('Error: '), true);
         }",
    );
}

#[test]
fn k6_summary() {
    all_hold(
        "import { textSummary, jUnit, humanizeValue } from 'https://jslib.k6.io/k6-summary/0.1.0/index.js';
         export default function () {
           const data = { metrics: { checks: { type: 'rate', thresholds: { 'rate>0.9': { ok: true } } }, d: { thresholds: { 'p(95)<1': { ok: false } } }, n: {} } };
           same('text', textSummary(data, { indent: '-', enableColors: false }), `summary of ${JSON.stringify(data).length} bytes \"-\" false`);
           same('junit', jUnit(data), '<?xml version=\"1.0\"?>\\n<testsuites tests=\"2\" failures=\"1\">\\n<testsuite name=\"k6 thresholds\" tests=\"2\" failures=\"1\"><testcase name=\"checks - rate&gt;0.9\" />\\n<testcase name=\"d - p(95)&lt;1\"><failure message=\"failed\" /></testcase>\\n</testsuite >\\n</testsuites >');
           same('junit name', jUnit(data, { name: 'a&b' }).includes('name=\"a&amp;b\"'), true);
           const time = { type: 'trend', contains: 'time' };
           same('values', [humanizeValue(0.5, { type: 'rate' }), humanizeValue(1234567, { type: 'counter', contains: 'data' }), humanizeValue(5, { contains: 'data' }),
             humanizeValue(0, time), humanizeValue(0.5, time), humanizeValue(12.345, time), humanizeValue(1500, time), humanizeValue(61000, time), humanizeValue(3661000, time), humanizeValue(1500, time, 's'), humanizeValue(1.5, time, 'us'), humanizeValue(1.25, { type: 'gauge' })],
             ['50.00%', '1.2 MB', '5 B', '0s', '500µs', '12.34ms', '1.5s', '1m1s', '1h1m1s', '1.50s', '1500.00µs', '1.25']);
         }",
    );
}

#[test]
fn papaparse() {
    all_hold(
        "import papaparse, { parse } from 'https://jslib.k6.io/papaparse/5.1.1/index.js';
         export default function () {
           const data = (text, config) => papaparse.parse(text, config).data;
           same('rows', data('a,b\\n1,2'), [['a', 'b'], ['1', '2']]);
           same('last line end', data('a,b\\n1,2\\n'), [['a', 'b'], ['1', '2'], ['']]);
           same('skip', data('a,b\\n\\n1,2\\n', { skipEmptyLines: true }), [['a', 'b'], ['1', '2']]);
           same('header', data('a,b\\r\\n1,2\\r\\n3,4', { header: true }), [{ a: '1', b: '2' }, { a: '3', b: '4' }]);
           same('quotes', data('\"a \"\"q\"\"\",\"x\\ny\",\"\"\\n1,2,3'), [['a \"q\"', 'x\\ny', ''], ['1', '2', '3']]);
           same('typed', data('a,b,c,d\\n1,true,x,\\n-1.5e2,FALSE,007,', { header: true, dynamicTyping: true }), [{ a: 1, b: true, c: 'x', d: null }, { a: -150, b: false, c: 7, d: null }]);
           same('typed column', data('a,b\\n1,2', { header: true, dynamicTyping: { a: true } }), [{ a: 1, b: '2' }]);
           same('guess', [papaparse.parse('a;b\\n1;2').meta.delimiter, papaparse.parse('a\\tb\\n1\\t2').meta.delimiter, papaparse.parse('a|b\\n1|2').meta.delimiter], [';', '\\t', '|']);
           same('delimiter', data('a;b,c', { delimiter: ';' }), [['a', 'b,c']]);
           same('comments', data('#no\\na,b\\n# x\\n1,2', { comments: '#' }), [['a', 'b'], ['1', '2']]);
           same('preview', [data('a\\n1\\n2\\n3', { preview: 2, delimiter: ',' }), data('a\\n1\\n2\\n3', { preview: 2, header: true, delimiter: ',' })], [[['a'], ['1']], [{ a: '1' }, { a: '2' }]]);
           const few = papaparse.parse('a,b\\n1\\n1,2,3', { header: true });
           same('mismatch', [few.data, few.errors.map((e) => [e.code, e.row])], [[{ a: '1' }, { a: '1', b: '2', __parsed_extra: ['3'] }], [['TooFewFields', 0], ['TooManyFields', 1]]]);
           same('transform', data('A,B\\n1,2', { header: true, transformHeader: (h) => h.toLowerCase(), transform: (v, c) => c + v }), [{ a: 'a1', b: 'b2' }]);
           same('meta', papaparse.parse('a,b\\n1,2', { header: true }).meta.fields, ['a', 'b']);
           same('unterminated', papaparse.parse('\"a,b').errors.map((e) => e.code).includes('MissingQuotes'), true);
           same('one column', papaparse.parse('a\\nb').errors.map((e) => e.code), ['UndetectableDelimiter']);
           same('duplicates', data('a,a\\n1,2', { header: true }), [{ a: '1', a_1: '2' }]);
           const seen = []; parse('1,2\\n3,4', { step: (r) => seen.push(r.data), complete: () => seen.push('done') });
           same('step', seen, [['1', '2'], ['3', '4'], 'done']);
           same('empty', data(''), []);
           same('unparse objects', papaparse.unparse([{ a: 1, b: 'x,y' }, { a: null, b: 'q\"q' }]), 'a,b\\r\\n1,\"x,y\"\\r\\n,\"q\"\"q\"');
           same('unparse arrays', papaparse.unparse([['a', 'b'], [1, true]], { delimiter: ';', newline: '\\n' }), 'a;b\\n1;true');
           same('unparse fields', papaparse.unparse({ fields: ['x', 'y'], data: [[1, 2]] }), 'x,y\\r\\n1,2');
           same('unparse quotes', papaparse.unparse([['a']], { quotes: true }), '\"a\"');
           same('unparse columns', papaparse.unparse([{ a: 1, b: 2 }], { columns: ['b'], header: false }), '2');
           same('round trip', data(papaparse.unparse([['a,\"b', ' c '], ['x\\ny', '']])), [['a,\"b', ' c '], ['x\\ny', '']]);
         }",
    );
}

#[test]
fn formdata_and_totp() {
    all_hold(
        "import { FormData } from 'https://jslib.k6.io/formdata/0.0.2/index.js';
         import { TOTP } from 'https://jslib.k6.io/totp/1.0.0/index.js';
         import http from 'k6/http';
         import encoding from 'k6/encoding';
         export default async function () {
           const form = new FormData();
           form.append('text', 'grün');
           form.append('file', http.file('data', 'a\"b.txt', 'text/x'));
           form.append('bytes', { data: [104, 105], content_type: 'a/b' });
           form.set('text', 'new'); form.set('more', { data: encoding.b64decode('AQ=='), filename: 'f' });
           const body = form.body();
           same('type', body instanceof ArrayBuffer, true);
           const text = encoding.b64decode(encoding.b64encode(body), 'std', 's');
           const b = '--' + form.boundary;
           same('body', text, [b, 'Content-Disposition: form-data; name=\"text\"', 'Content-Type: text/plain', '', 'new', b,
             'Content-Disposition: form-data; name=\"file\"; filename=\"a%22b.txt\"', 'Content-Type: text/x', '', 'data', b,
             'Content-Disposition: form-data; name=\"bytes\"', 'Content-Type: a/b', '', 'hi', b,
             'Content-Disposition: form-data; name=\"more\"; filename=\"f\"', 'Content-Type: application/octet-stream', '', '\\u0001', b + '--', ''].join('\\r\\n'));
           same('arguments', thrown(() => form.append('x')), 'SyntaxError: Not enough arguments');
           // RFC 6238, appendix B.
           const totp = new TOTP('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 8);
           const now = Math.floor(Date.now() / 1000);
           const codes = [];
           for (const t of [59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000]) codes.push(await totp.gen(30, now - t));
           same('codes', codes, ['94287082', '07081804', '14050471', '89005924', '69279037', '65353130']);
           const six = new TOTP('gezd gnbv gy3t qojq');
           same('verify', [await six.verify(await six.gen()), (await six.gen()).length, await six.verify('x')], [true, 6, false]);
         }",
    );
}

#[test]
fn k6chaijs_and_expect() {
    all_hold(
        "import { chai, describe, expect } from 'https://jslib.k6.io/k6chaijs/4.3.4.3/index.js';
         import { describe as old } from 'https://jslib.k6.io/expect/0.0.5/index.js';
         export default function () {
           const holds = [
             () => expect(1).to.equal(1), () => expect(1).to.not.equal(2), () => expect({ a: [1] }).to.eql({ a: [1] }), () => expect({ a: 1 }).to.deep.equal({ a: 1 }),
             () => expect('x').to.be.a('string'), () => expect([]).to.be.an('array').that.is.empty, () => expect(null).to.be.null, () => expect(undefined).to.be.undefined, () => expect(NaN).to.be.NaN,
             () => expect(true).to.be.true, () => expect(false).to.be.false, () => expect(1).to.be.ok, () => expect(0).to.exist, () => expect(5).to.be.above(4).and.below(6), () => expect(5).to.be.at.least(5), () => expect(5).to.be.at.most(5), () => expect(5).to.be.within(1, 9),
             () => expect('abc').to.include('b'), () => expect([1, 2]).to.include(2), () => expect({ a: 1, b: 2 }).to.include({ a: 1 }), () => expect([{ a: 1 }]).to.deep.include({ a: 1 }), () => expect([1, 2, 3]).to.include.members([3, 1]), () => expect([1, 2]).to.have.members([2, 1]), () => expect([1, 2]).to.have.ordered.members([1, 2]),
             () => expect('abc').to.have.lengthOf(3), () => expect([1, 2]).to.have.length.above(1), () => expect({ a: { b: [5] } }).to.have.nested.property('a.b[0]', 5), () => expect({ a: 1 }).to.have.property('a').that.equals(1), () => expect({ a: 1 }).to.have.all.keys('a'), () => expect({ a: 1, b: 2 }).to.have.any.keys('b', 'c'), () => expect({ a: 1, b: 2 }).to.contain.keys('a'),
             () => expect('abc').to.match(/b/), () => expect(() => { throw new TypeError('bad thing'); }).to.throw(TypeError, 'bad'), () => expect(() => 1).to.not.throw(), () => expect([]).to.be.instanceOf(Array), () => expect(2).to.be.oneOf([1, 2]), () => expect(1.5).to.be.closeTo(1, 0.6), () => expect(3).to.satisfy((n) => n > 2), () => expect({ f() {} }).to.respondTo('f'),
             () => { let n = 1; expect(() => { n += 2; }).to.increase(() => n).by(2); }, () => expect(Object.freeze({})).to.be.frozen, () => expect(1).to.be.finite, () => expect('x').to.not.be.empty, () => expect('abc').to.have.string('bc'),
             () => expect({ json: () => 1 }).to.have.validJsonBody(),
           ];
           same('holds', holds.map((f, i) => [i, thrown(f)]).filter(([, e]) => e !== 'nothing'), []);
           const fails = [() => expect(1).to.equal(2), () => expect(1).to.not.equal(1), () => expect('x').to.be.a('number'), () => expect([1]).to.be.empty, () => expect([1]).to.include(2), () => expect({}).to.have.property('a'), () => expect(5).to.be.above(5), () => expect('a').to.match(/b/), () => expect(() => 1).to.throw(), () => expect([1, 2]).to.have.members([1]), () => expect(1).to.be.oneOf([2]), () => expect(null).to.exist, () => expect([1]).to.have.lengthOf(2), () => expect({ json() { throw 1; } }).to.have.validJsonBody()];
           same('fails', fails.map(thrown).filter((e) => !e.startsWith('AssertionError: ')), []);
           same('message', [thrown(() => expect(200, 'status').to.equal(201)), thrown(() => expect('a').to.equal('b'))], ['AssertionError: status: expected 200 to equal 201', \"AssertionError: expected 'a' to equal 'b'\"]);
           const runs = [];
           same('describe', [describe('good', () => { expect(1).to.equal(1); }), describe('bad', () => { expect(1).to.equal(2); runs.push('not here'); }), describe('throws', () => { throw new Error('x'); })], [true, false, false]);
           same('stops', runs, []);
           same('old', [old('o', (t) => { t.expect(1).as('one').toEqual(1).and(5).toBeGreaterThan(4).and(2).toBeBetween(1, 3).and(1).toBeLessThan(2).and(1).toBeTruthy().and(2).toBeGreaterThanOrEqual(2).and(2).toBeLessThanOrEqual(2); }), old('n', (t) => t.expect(1).toEqual(2))], [true, false]);
           chai.config.aggregateChecks = false;
           same('values in messages', thrown(() => expect(200, 'status').to.equal(201)), 'AssertionError: status: expected 200 to equal 201');
         }",
    );
}

#[test]
fn k6_testing() {
    all_hold(
        "import { expect, colorize } from 'https://jslib.k6.io/k6-testing/0.6.1/index.js';
         export default function () {
           const soft = expect.configure({ soft: true, colorize: false, display: 'inline' });
           const holds = [
             () => soft(1).toBe(1), () => soft(NaN).toBe(NaN), () => soft(1).not.toBe(2), () => soft({ a: [1, { b: 2 }], u: undefined }).toEqual({ a: [1, { b: 2 }] }), () => soft(1).toBeDefined(), () => soft(undefined).toBeUndefined(), () => soft(null).toBeNull(), () => soft(NaN).toBeNaN(), () => soft(1).toBeTruthy(), () => soft('').toBeFalsy(),
             () => soft(2).toBeGreaterThan(1), () => soft(2).toBeGreaterThanOrEqual(2), () => soft(1).toBeLessThan(2), () => soft(1).toBeLessThanOrEqual(1), () => soft([]).toBeInstanceOf(Array), () => soft('abc').toHaveLength(3), () => soft('abc').toContain('b'), () => soft([1, 2]).toContain(2), () => soft(new Set([1])).toContain(1), () => soft([{ a: 1 }]).toContainEqual({ a: 1 }),
             () => soft({ a: { b: [5] } }).toHaveProperty('a.b[0]', 5), () => soft({ a: 1 }).toHaveProperty('a'), () => soft(0.1 + 0.2).toBeCloseTo(0.3), () => soft('abc').toMatch(/b/), () => soft({ a: 1 }).not.toHaveProperty('b'),
           ];
           same('holds', holds.map((f, i) => [i, thrown(f)]).filter(([, e]) => e !== 'nothing'), []);
           const fails = [() => soft(1).toBe(2), () => soft(1).not.toBe(1), () => soft({ a: 1 }).toEqual({ a: 2 }), () => soft(undefined).toBeDefined(), () => soft(1).toBeNull(), () => soft(0).toBeTruthy(), () => soft(1).toBeGreaterThan(1), () => soft('abc').toHaveLength(2), () => soft([1]).toContain(2), () => soft({}).toHaveProperty('a'), () => soft(1).toBeCloseTo(1.1)];
           same('fails', fails.map(thrown).filter((e) => !e.startsWith('AssertionFailedError: ')), []);
           const text = thrown(() => soft(404, 'not found').toBe(200));
           same('text', ['not found', 'expected=200', 'received=404'].map((part) => text.includes(part)), [true, true, true]);
           same('config', [soft.config.soft, expect.config.soft, thrown(() => expect.soft(1).toBe(2)).startsWith('AssertionFailedError'), typeof colorize('x', 'red')], [true, false, true, 'string']);
           const own = []; expect.configure({ assertFn: (...a) => own.push(a[0]) })(1).toBe(2);
           same('own', own, [false]);
         }",
    );
    let run = case(
        "import { expect } from 'https://jslib.k6.io/k6-testing/0.5.0/index.js';
         export default function () { expect(404).toBe(200); }",
    );
    let outcomes = run.outcomes(1);
    assert!(
        matches!(&outcomes[0], Outcome::Abort(why) if why.contains("Received")),
        "{outcomes:?}"
    );
}

#[test]
fn httpx_and_instrumentation_send_what_they_add() {
    all_hold(
        "import http from 'k6/http';
         import exec from 'k6/execution';
         import { Httpx, Get, Post, Request } from 'https://jslib.k6.io/httpx/0.1.0/index.js';
         import tempo from 'https://jslib.k6.io/http-instrumentation-tempo/1.0.0/index.js';
         import pyroscope, { Client } from 'https://jslib.k6.io/http-instrumentation-pyroscope/1.0.2/index.js';
         export default async function () {
           // The requests themselves go nowhere: what k6/http is asked to do is looked at.
           const calls = [];
           const real = { request: http.request, batch: http.batch, asyncRequest: http.asyncRequest };
           http.request = (...args) => { calls.push(args); return { status: 200 }; };
           http.asyncRequest = async (...args) => { calls.push(args); return { status: 201 }; };
           http.batch = (list) => { calls.push(list); return list.map(() => ({ status: 200 })); };
           const session = new Httpx({ baseURL: 'http://a', headers: { A: '1' }, timeout: 5 });
           session.addHeader('B', '2'); session.addHeaders({ C: '3' }); session.clearHeader('A'); session.addTag('t', 'x'); session.addTags({ u: 'y' }); session.clearTag('u'); session.setBaseUrl('http://b');
           same('get', [session.get('/x', null, { headers: { D: '4' } }).status, calls.pop()], [200, ['GET', 'http://b/x', null, { headers: { B: '2', C: '3', D: '4' }, tags: { t: 'x' }, timeout: 5 }]]);
           for (const m of ['post', 'put', 'patch', 'delete', 'head', 'options', 'trace']) { session[m]('/y', 'body'); same(m, calls.pop().slice(0, 3), [m.toUpperCase(), 'http://b/y', 'body']); }
           session.setTimeout(9); session.request('GET', '/z'); same('timeout', calls.pop()[3].timeout, 9);
           same('async', [(await session.asyncRequest('GET', '/q')).status, calls.pop()[1]], [201, 'http://b/q']);
           session.batch([new Get('/1', { tags: { n: '1' } }), new Post('/2', { body: 'p' }).addHeader('H', 'h').addTag('k', 'v'), ['PUT', '/3', 'q']], { tags: { all: 'z' } });
           same('batch', calls.pop().map(([m, u, b, p]) => [m, u, b, p.tags, p.headers.H || '']), [['GET', 'http://b/1', null, { t: 'x', all: 'z', n: '1' }, ''], ['POST', 'http://b/2', 'p', { t: 'x', all: 'z', k: 'v' }, 'h'], ['PUT', 'http://b/3', 'q', { t: 'x', all: 'z' }, '']]);
           session.execute(new Request('GET', '/e', {})); same('execute', calls.pop().slice(0, 2), ['GET', 'http://b/e']);
           same('duration', typeof session.lastRequestChainDuration, 'number');
           tempo.instrumentHTTP({ propagator: 'w3c', sampling: 1 });
           http.get('http://c', { tags: { name: 'n' } });
           const [method, url, body, params] = calls.pop();
           same('w3c', [method, url, body, params.tags, /^00-dc0718[0-9a-f]{26}-[0-9a-f]{16}-01$/.test(params.headers.traceparent), exec.vu.metrics.metadata.trace_id], ['GET', 'http://c', null, { name: 'n' }, true, undefined]);
           http.post('http://c', 'b'); same('post', calls.pop().slice(0, 3), ['POST', 'http://c', 'b']);
           for (const [p, name, shape] of [['jaeger', 'uber-trace-id', /^[0-9a-f]{32}:[0-9a-f]{8}:0:1$/], ['b3', 'b3', /^[0-9a-f]{32}-[0-9a-f]{16}-1$/]]) {
             const client = new tempo.Client({ propagator: p }, (...args) => args[3].headers[name]);
             same(p, shape.test(client.get('http://d')), true);
           }
           same('unknown', [(() => { try { new tempo.Client({ propagator: 'x' }); } catch (e) { return e; } })(), (() => { try { new tempo.Client({ propagator: 'b3', sampling: 2 }); } catch (e) { return e; } })()], ['unknown propagator: x', 'sampling rate must be between 0.0 and 1.0']);
           pyroscope.instrumentHTTP();
           http.put('http://e', 'b', { headers: { X: '1' } });
           const sent = calls.pop();
           same('baggage', [sent[3].headers.baggage, sent[3].headers.X, 'traceparent' in sent[3].headers], ['k6.test_run_id=undefined, k6.scenario=default, k6.name=http://e', '1', true]);
           same('own', new Client(() => ({ q: 'r' }), (...args) => args[3].headers).del('http://f'), { q: 'r' });
           Object.assign(http, real);
         }",
    );
}

#[test]
fn a_library_that_is_not_built_in_says_so() {
    let error = case("import 'https://jslib.k6.io/aws/0.12.3/s3.js'; export default () => {}")
        .load()
        .err()
        .unwrap();
    assert!(error.message.contains("jslib.k6.io/aws"), "{}", error.message);
}
