//! Connecting: parameters that are refused, servers that are not there.
//! grpc
//! cut: data_sent data_received
import { echo, show } from './lib/grpc.js';

const client = echo();
const plain = { plaintext: true };

export default function () {
  for (const params of [
    { plaintext: 1 }, { plaintext: 'true' }, { timeout: 'x' }, { reflect: 'a' }, { maxReceiveSize: 1.5 }, { maxReceiveSize: -1 }, { maxSendSize: 'a' }, { maxSendSize: -5 }, { tls: 5 },
    { tls: { cert: 5 } }, { tls: { key: true } }, { tls: { password: 1 } }, { tls: { cacerts: [5] } }, { tls: { cacerts: 5 } }, { authority: 5 }, { foo: 1 }, { reflectMetadata: 5 },
    { reflectMetadata: { a: 1 } },
  ]) {
    show(JSON.stringify(params), () => client.connect(__ENV.GRPC, params));
  }
  show('refused', () => client.connect('127.0.0.1:1', { ...plain, timeout: '2s' }));
  show('no port', () => client.connect('127.0.0.1', { ...plain, timeout: '2s' }));
  show('no TLS there', () => client.connect(__ENV.GRPC, { timeout: '700ms' }));
  show('null', () => client.connect(__ENV.GRPC, { ...plain, authority: 'foo.example', maxReceiveSize: 0 }));
  show('authority', () => client.invoke('squall.test.Echo/Small', { number: 1 }).message);
  show('again', () => client.connect(__ENV.GRPC, plain));
  show('invoke', () => client.invoke('squall.test.Echo/Small', { number: 2 }).message);
  client.close();
}
