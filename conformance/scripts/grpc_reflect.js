//! Definitions from the server itself.
//! grpc
//! cut: data_sent data_received
import grpc from 'k6/net/grpc';
import { show } from './lib/grpc.js';

const client = new grpc.Client();

export default function () {
  show('connect', () => client.connect(__ENV.GRPC, { plaintext: true, reflect: true, reflectMetadata: { 'x-why': 'because' } }));
  show('invoke', () => client.invoke('squall.test.Echo/Small', { number: 1, text: 'x' }));
  show('nested', () => client.invoke('squall.test.Echo/Unary', { color: 'GREEN', byNumber: { 1: {} } }).message);
  show('known', () => client.invoke('squall.test.Echo/Known', { timestamp: '2020-01-01T00:00:00Z' }).message);
  client.close();
}
