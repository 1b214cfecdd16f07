//! A unary call: its answer, tags and samples.
//! grpc
//! cut: data_sent data_received
//! args: --iterations 2
import grpc from 'k6/net/grpc';
import { check, group } from 'k6';
import exec from 'k6/execution';
import { echo, sorted } from './lib/grpc.js';

const client = echo();

export default function () {
  console.log(client.connect(__ENV.GRPC, { plaintext: true }));
  const r = client.invoke('squall.test.Echo/Small', { number: 5, text: 'é' });
  console.log(sorted(r), Object.keys(r).join(), r.error === null, r.status === grpc.StatusOK);
  check(r, { 'status is OK': (r) => r && r.status === grpc.StatusOK, 'number is right': (r) => r.message.number === 5 });
  client.invoke('/squall.test.Echo/Small', {}, { tags: { mine: 'yes', n: 5, b: true } });
  client.invoke('squall.test.Echo/Small', {}, { tags: { name: 'named' } });
  exec.vu.metrics.tags.more = 'tag';
  group('a group', () => client.invoke('squall.test.Echo/Small', {}));
  exec.vu.metrics.tags.name = 'of the VU';
  client.invoke('squall.test.Echo/Small', {});
  client.close();
}
