//! The metrics of gRPC in thresholds and summary.
//! grpc
//! cut: data_sent data_received
//! args: --iterations 4 --vus 2
//! order: any
import grpc from 'k6/net/grpc';
import { check } from 'k6';
import { Counter } from 'k6/metrics';
import { echo } from './lib/grpc.js';

const failures = new Counter('grpc_errors');
export const options = {
  thresholds: { grpc_req_duration: ['p(95)<20000', 'p(99)<50000'], grpc_errors: ['count<10'], 'grpc_req_duration{method:Small}': ['max<60000'], grpc_streams: ['count==4'] },
};
const client = echo();

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const r = client.invoke('squall.test.Echo/Small', { number: 1 });
  if (!check(r, { ok: (r) => r.status === grpc.StatusOK })) failures.add(1);
  failures.add(1);
  const s = new grpc.Stream(client, 'squall.test.Echo/Chat');
  s.on('data', () => {});
  s.on('end', () => client.close());
  s.write({ number: 1 });
  s.end();
}
