//! Requests that are no such message, and calls that cannot be made.
//! grpc
//! cut: data_sent data_received
import { echo, show } from './lib/grpc.js';

const client = echo();
const small = (...args) => client.invoke('squall.test.Echo/Small', ...args);
const unary = (request) => client.invoke('squall.test.Echo/Unary', request);

export default function () {
  show('not connected', () => small({}));
  client.connect(__ENV.GRPC, { plaintext: true });
  show('empty method', () => client.invoke('', {}));
  show('no slash', () => client.invoke('nope', {}));
  show('wrong method', () => client.invoke('squall.test.Echo/Nope', {}));
  show('no request', () => small());
  show('undefined', () => small(undefined));
  show('null', () => small(null));
  for (const request of ['abc', 5, true, [1]]) show(JSON.stringify(request), () => small(request));
  for (const request of [{ numb: 5 }, { number: 'x' }, { number: 1.5 }, { number: true }, { text: 5 }, { text: {} }, { text: ['a'] }, { number: 2147483648 }, { number: 1, Number: 2 }]) {
    show(JSON.stringify(request), () => small(request));
  }
  for (const request of [
    { asText: 'a', asNumber: 1 }, { a_string: 'a', aString: 'b' }, { color: 'PINK' }, { color: 1.5 }, { byNumber: { x: {} } }, { byBool: { yes: 'x' } }, { numbers: 5 },
    { numbers: [1, null] }, { numbers: [1, 'x'] }, { pairs: [null] }, { pairs: [5] }, { pairs: {} }, { counts: [] }, { counts: { a: null } }, { someBytes: '*' }, { aUint32: -1 },
    { aFloat: 1e39 }, { aBool: 'true' }, { aBool: 1 }, { pair: 5 }, { pair: [] }, { aDouble: 'x' }, { aString: 'é', pair: { nope: 1 } }, { maybeNumber: 'a' },
  ]) {
    show(JSON.stringify(request), () => unary(request));
  }
  show('infinite', () => unary({ anInt32: Infinity }));
  show('lone surrogate', () => unary({ aString: '\ud800' }));
  const cycle = {};
  cycle.pair = cycle;
  show('cycle', () => unary(cycle));
  for (const params of [{ foo: 1 }, { metadata: 5 }, { metadata: { a: 5 } }, { metadata: { 'a-bin': 'x' } }, { timeout: {} }, { timeout: 'soon' }, { tags: { a: {} } }, { metadata: null }, { tags: null }]) {
    show(JSON.stringify(params), () => small({}, params).status);
  }
  client.close();
  show('closed', () => small({}));
  show('close again', () => client.close() === undefined);
}
