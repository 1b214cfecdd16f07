//! System tags of calls and streams.
//! grpc
//! cut: data_sent data_received
//! case few: --system-tags status,service
//! case ip: --system-tags ip,url,method
//! case none: --system-tags scenario
import grpc from 'k6/net/grpc';
import { echo } from './lib/grpc.js';

const client = echo();

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  client.invoke('squall.test.Echo/Small', {});
  client.invoke('squall.test.Echo/Small', {}, { metadata: { 'x-code': '3' } });
  const s = new grpc.Stream(client, 'squall.test.Echo/Chat', {});
  s.on('data', () => {});
  s.on('end', () => client.close());
  s.write({ number: 1 });
  s.end();
}
