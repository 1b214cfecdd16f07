//! Limits of messages, and compressed ones.
//! grpc
//! cut: data_sent data_received
import { echo, show } from './lib/grpc.js';

const client = echo();
const small = (text, metadata) => client.invoke('squall.test.Echo/Small', { text }, { metadata });
const briefly = (r) => ({ status: r.status, error: r.error, length: r.message && r.message.text.length });

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  show('usual limit', () => briefly(small('', { 'x-size': '5000000' })));
  show('100 MB', () => briefly(small('', { 'x-size': '100000000' })));
  show('large', () => briefly(small('x'.repeat(3000000))));
  show('gzip', () => briefly(small('zip'.repeat(1000), { 'x-gzip': '1' })));
  client.close();
  client.connect(__ENV.GRPC, { plaintext: true, maxReceiveSize: 10, maxSendSize: 20 });
  show('too much received', () => briefly(small('abcdefghijkl')));
  show('too much sent', () => briefly(small('abcdefghijklmnopqrstuvwxyz')));
  show('fits', () => briefly(small('abc')));
  client.close();
}
