//! Well-known messages: times, durations, wrappers, Struct, Any, masks.
//! grpc
//! cut: data_sent data_received
import { bytes, echo, show } from './lib/grpc.js';

const client = echo();
const known = (request, metadata) => client.invoke('squall.test.Echo/Known', request, { metadata }).message;

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  show('all', () => known({
    timestamp: '2020-01-01T00:00:00.5Z', duration: '1.5s', struct: { a: [1, null, 'x', { b: true }] }, value: null, list: [1, 'a'],
    any: { '@type': 'type.googleapis.com/squall.test.Pair', number: 5 }, mask: 'fooBar,baz', empty: {}, boolValue: false, int32Value: 0,
    int64Value: '5', uint32Value: 1, uint64Value: 2, floatValue: 0.1, doubleValue: NaN, stringValue: '', bytesValue: 'AA==', nullValue: null,
    timestamps: ['1970-01-01T01:00:00+01:00'], values: { a: 1 },
  }));
  show('empty', () => known({}));
  show('value', () => [1, 'x', true, [1], { a: null }].map((value) => known({ value }).value));
  show('date', () => known({ timestamp: new Date(1.5e12) }).timestamp);
  show('any of duration', () => known({ any: { '@type': 'x/google.protobuf.Duration', value: '3s' } }).any);
  show('any of any', () => known({ any: { '@type': 'x/google.protobuf.Any', value: { '@type': 'x/squall.test.Pair' } } }).any);
  show('any empty', () => known({ any: {} }).any);
  show('any unknown', () => known({ any: { '@type': 'type.googleapis.com/x.Y', number: 5 } }).any);
  show('any without type', () => known({ any: { number: 5 } }).any);
  show('any from server', () => known({}, { 'x-raw-bin': bytes(0x32, 5, 0x0a, 3, 0x78, 0x2f, 0x79) }));
  show('timestamp from server', () => known({}, { 'x-raw-bin': bytes(0x0a, 2, 0x10, 0x05) }).timestamp);
  show('timestamp out of range', () => known({}, { 'x-raw-bin': bytes(0x0a, 11, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1) }));
  show('value from server', () => known({}, { 'x-raw-bin': bytes(0x22, 0) }));
  for (const bad of [{ timestamp: 'x' }, { timestamp: 5 }, { duration: '1' }, { duration: '999999999999s' }, { mask: 'foo_bar' }, { struct: [] }, { empty: { a: 1 } }, { boolValue: 1 }, { int32Value: null }, { timestamp: '0000-01-01T00:00:00Z' }]) {
    show(JSON.stringify(bad), () => known(bad));
  }
  show('stamp', () => client.invoke('squall.test.Echo/Stamp', '2020-01-01T00:00:00Z').message);
  show('nothing', () => client.invoke('squall.test.Echo/Nothing', {}).message);
}
