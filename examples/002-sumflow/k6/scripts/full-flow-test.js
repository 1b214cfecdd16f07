// k6/scripts/full-flow-test.js
import grpc from 'k6/net/grpc';
import http from 'k6/http';
import { check, sleep } from 'k6';
import { Trend } from 'k6/metrics';

const client = new grpc.Client();
client.load(['../proto'], 'sum.proto');

const e2eLatency = new Trend('e2e_latency', true);

export const options = {
  scenarios: {
    full_flow: {
      executor: 'constant-arrival-rate',
      rate: 50,
      timeUnit: '1s',
      duration: '10m',
      preAllocatedVUs: 50,
      maxVUs: 100,
    },
  },
  thresholds: {
    e2e_latency: ['p(95)<2000', 'p(99)<5000'], // Full flow including Kafka
  },
};

export default function () {
  const adderAddr = __ENV.ADDER_ADDR || 'localhost:50051';
  const totalizerUrl = __ENV.TOTALIZER_URL || 'http://localhost:8080';

  // Get initial total
  const initialRes = http.get(`${totalizerUrl}/v1/results`);
  const initialTotal = JSON.parse(initialRes.body).result;

  // Make gRPC call to adder
  client.connect(adderAddr, { plaintext: true });

  const x = Math.floor(Math.random() * 10) + 1;
  const y = Math.floor(Math.random() * 10) + 1;
  const expectedSum = x + y;

  const start = Date.now();

  const grpcRes = client.invoke('sum.SumNumbersService/SumNumbers', { x, y });

  check(grpcRes, {
    'gRPC status OK': (r) => r && r.status === grpc.StatusOK,
  });

  client.close();

  // Poll totalizer until total increases (with timeout)
  let newTotal = initialTotal;
  let attempts = 0;
  const maxAttempts = 50; // 5 seconds max

  while (newTotal <= initialTotal && attempts < maxAttempts) {
    sleep(0.1);
    const res = http.get(`${totalizerUrl}/v1/results`);
    newTotal = JSON.parse(res.body).result;
    attempts++;
  }

  const e2eDuration = Date.now() - start;
  e2eLatency.add(e2eDuration);

  check(null, {
    'total increased': () => newTotal > initialTotal,
    'e2e completed in time': () => attempts < maxAttempts,
  });

  sleep(0.1);
}
