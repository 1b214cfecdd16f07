//! A listener that throws ends the iteration.
//! grpc
//! cut: data_sent data_received
import grpc from 'k6/net/grpc';
import { echo } from './lib/grpc.js';

const client = echo();

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const s = new grpc.Stream(client, 'squall.test.Echo/Chat', {});
  s.on('data', () => { throw new Error('of a listener'); });
  s.on('end', () => console.log('end'));
  s.write({ number: 1 });
}
