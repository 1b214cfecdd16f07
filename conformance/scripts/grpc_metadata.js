//! Metadata both ways, binary too.
//! grpc
//! cut: data_sent data_received
import { bytes, echo, show } from './lib/grpc.js';

const client = echo();
const small = (metadata) => client.invoke('squall.test.Echo/Small', {}, { metadata });

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  show('text', () => small({ 'x-echo-a': 'b', 'X-Trail-C': 'd e' }));
  show('binary', () => small({ 'x-echo-a-bin': bytes(72, 105, 33), 'x-trail-b-bin': bytes() }));
  show('not UTF-8', () => small({ 'x-echo-a-bin': bytes(255, 65) }).headers);
  show('buffer', () => small({ 'x-echo-a-bin': bytes(72).buffer }).headers);
  show('reserved', () => small({ te: 'x', 'user-agent': 'mine', 'grpc-status': '5', 'content-type': 'text/plain' }).headers);
  show('space in name', () => small({ 'a b': 'x' }));
  show('accent in value', () => small({ a: 'é' }));
  show('empty', () => small({ 'x-echo-a': '' }).headers);
}
