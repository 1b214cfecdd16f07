// A unary call and two checks: on a connection that stays open, or with a new one each time.
import grpc from 'k6/net/grpc';
import { check } from 'k6';

export const options = { vus: Number(__ENV.VUS || 50), duration: __ENV.DURATION || '5s' };

const client = new grpc.Client();
client.load(['.'], 'sum.proto');

// New connections are spread over several addresses: one has only as many source ports as the ephemeral range.
const address = __ENV.SPREAD ? __ENV.TARGET.replace('127.0.0.1', `127.0.0.${1 + (__VU % Number(__ENV.SPREAD))}`) : __ENV.TARGET;
const each = __ENV.NEW_CONNECTIONS === '1';
let connected = false;

export default function () {
  if (each || !connected) {
    client.connect(address, { plaintext: true });
    connected = true;
  }
  const x = __ITER % 100;
  const response = client.invoke('sum.SumNumbersService/SumNumbers', { x: x, y: 7 });
  check(response, {
    'status is OK': (r) => r && r.status === grpc.StatusOK,
    'sum is correct': (r) => r && r.message.sum === x + 7,
  });
  if (each) {
    client.close();
  }
}
