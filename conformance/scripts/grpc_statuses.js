//! How calls fail: statuses of the server, broken answers, no answer.
//! grpc
//! cut: data_sent data_received
import grpc from 'k6/net/grpc';
import { bytes, echo, show } from './lib/grpc.js';

const client = echo();
const small = (metadata, more) => client.invoke('squall.test.Echo/Small', { number: 1 }, { metadata, ...more });
const ascii = (text) => text.split('').map((c) => c.charCodeAt(0));

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  show('not found', () => small({ 'x-code': '5', 'x-message': 'not%20here', 'x-trail-a': 'b' }));
  show('all', () => Array.from({ length: 17 }, (_, code) => small({ 'x-code': String(code) }).status));
  show('no such code', () => small({ 'x-code': '99' }));
  const url = ascii('type.googleapis.com/squall.test.Pair');
  show('details', () => small({ 'x-code': '5', 'x-message': 'gone', 'x-details-bin': bytes(8, 5, 18, 4, ...ascii('gone'), 26, 42, 10, 36, ...url, 18, 2, 8, 7) }).error);
  show('unknown details', () => small({ 'x-code': '5', 'x-message': 'gone', 'x-details-bin': bytes(8, 5, 18, 4, ...ascii('gone'), 26, 5, 10, 3, ...ascii('x/y')) }).error);
  show('absent service', () => client.invoke('squall.test.Absent/Call', {}));
  for (const reason of [0, 1, 2, 3, 7, 8, 11, 12, 99]) show(`reset ${reason}`, () => small({ 'x-reset': String(reason) }));
  for (const status of [200, 400, 401, 403, 404, 429, 500, 503]) show(`http ${status}`, () => small({ 'x-http': String(status) }));
  show('no trailers', () => small({ 'x-cut': '1' }));
  show('not a message', () => small({ 'x-raw-bin': bytes(255, 255) }));
  show('not UTF-8', () => small({ 'x-raw-bin': bytes(18, 1, 255) }));
  show('unknown fields', () => small({ 'x-raw-bin': bytes(8, 3, 0xf8, 0x7f, 1) }));
  show('two messages', () => small({ 'x-count': '2' }));
  show('no message', () => small({ 'x-count': '0' }));
  show('discarded', () => small({}, { discardResponseMessage: true }));
  show('discarded failure', () => small({ 'x-code': '7' }, { discardResponseMessage: true }));
  show('time-out', () => small({ 'x-hang': '1' }, { timeout: '300ms' }));
  show('time-out in milliseconds', () => small({ 'x-hang': '1' }, { timeout: 100 }).status === grpc.StatusDeadlineExceeded);
  show('after all', () => small({}));
}
