//! Values of every type, both ways.
//! grpc
//! cut: data_sent data_received
import { echo, show } from './lib/grpc.js';

const client = echo();
const all = {
  aDouble: 1.5, a_float: 0.1, anInt32: -5, anInt64: '9007199254740993', aUint32: 4294967295, aUint64: '18446744073709551615',
  aSint32: -7, aSint64: -8, aFixed32: 9, aFixed64: 10, aSfixed32: -11, aSfixed64: '-12', aBool: true, aString: 'é😀\u0000', some_bytes: 'AQID',
  color: 'RED', pair: { number: 1 }, numbers: [1, 2, 300], texts: ['a', ''], pairs: [{}, { text: 'x' }], colors: [1, 'BLUE', 7], counts: { a: 1 },
  byNumber: { 5: { text: 'x' } }, byBool: { true: 't' }, asNumber: 0, maybeNumber: 0, maybe_text: '', otherName: 'r',
  doubles: [NaN, Infinity, -Infinity, 1e300, -0, 5e-324], colorsByName: { g: 'GREEN' }, with_underscore_1: 5,
};
const unary = (request) => client.invoke('squall.test.Echo/Unary', request).message;

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  show('all', () => unary(all));
  show('empty', () => unary({}));
  show('null', () => unary({ aDouble: null, pair: null, numbers: null, asText: null, maybeNumber: null }));
  show('undefined', () => unary({ aDouble: undefined, foo: undefined, bar: () => 1, aString: 'x' }));
  show('zero', () => unary({ aDouble: 0, aString: '', numbers: [], counts: {}, asText: '' }));
  show('strings', () => unary({ aDouble: '1.5', aFloat: 'NaN', anInt32: '12', anInt64: '1e3', aUint32: '7.0', color: 2 }));
  show('floats', () => unary({ aFloat: 16777217, aDouble: 0.1, doubles: [1e21, 123456789.125] }).aFloat);
  show('float', () => [0.1, 1e10, 3.4e38, 1.17549435e-38, 123456.7].map((f) => unary({ aFloat: f }).aFloat));
  show('bytes', () => ['', 'AA==', 'AA', '-_8', '+/8='].map((b) => unary({ someBytes: b }).someBytes));
  show('text', () => unary({ asText: 'a' }));
  show('message', () => unary({ as_pair: { number: 3 } }));
  show('unknown enum', () => unary({ color: 99 }).color);
  show('date', () => unary({ aString: new Date(0) }).aString);
  show('class', () => unary(new (class { constructor() { this.aString = 'c'; } get anInt32() { return 5; } })()).aString);
  show('toJSON', () => unary({ toJSON() { return { aString: 'own' }; } }).aString);
  show('array buffer', () => unary({ someBytes: new Uint8Array([1, 2]).buffer }));
  show('tree', () => client.invoke('squall.test.Echo/Tree', { value: 1, left: { value: 2 }, children: [{ value: 3, children: [{}] }] }).message);
}
