//! A connection lives on from one iteration to the next, in setup and teardown they are their own.
//! grpc
//! cut: data_sent data_received
//! args: --iterations 3
import { echo } from './lib/grpc.js';

const client = echo();

export function setup() {
  client.connect(__ENV.GRPC, { plaintext: true });
  console.log('setup', client.invoke('squall.test.Echo/Small', { number: 1 }).message.number);
  client.close();
}

export default function () {
  if (__ITER === 0) client.connect(__ENV.GRPC, { plaintext: true });
  console.log(client.invoke('squall.test.Echo/Small', { number: __ITER }).message.number);
}

export function teardown() {
  client.connect(__ENV.GRPC, { plaintext: true });
  console.log('teardown', client.invoke('squall.test.Echo/Small', { number: 2 }).message.number);
}
