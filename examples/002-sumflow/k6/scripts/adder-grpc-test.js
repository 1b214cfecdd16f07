// k6/scripts/adder-grpc-test.js
import grpc from 'k6/net/grpc';
import { check, sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const client = new grpc.Client();
client.load(['../proto'], 'sum.proto');

const grpcErrors = new Counter('grpc_errors');
const grpcDuration = new Trend('grpc_duration', true);

export const options = {
  scenarios: {
    constant_load: {
      executor: 'constant-arrival-rate',
      rate: 100,           // 100 RPS
      timeUnit: '1s',
      duration: '5m',
      preAllocatedVUs: 50,
      maxVUs: 100,
    },
    spike_test: {
      executor: 'ramping-arrival-rate',
      startRate: 10,
      timeUnit: '1s',
      stages: [
        { duration: '1m', target: 10 },
        { duration: '1m', target: 500 },   // Spike
        { duration: '1m', target: 10 },
      ],
      preAllocatedVUs: 100,
      maxVUs: 200,
      startTime: '6m',
    },
  },
  thresholds: {
    grpc_req_duration: ['p(95)<200', 'p(99)<500'],
    grpc_errors: ['count<10'],
  },
};

export default function () {
  const addr = __ENV.ADDER_ADDR || 'localhost:50051';

  client.connect(addr, { plaintext: true });

  const x = Math.floor(Math.random() * 100);
  const y = Math.floor(Math.random() * 100);

  const start = Date.now();
  const response = client.invoke('sum.SumNumbersService/SumNumbers', {
    x: x,
    y: y,
  });
  const duration = Date.now() - start;
  grpcDuration.add(duration);

  const success = check(response, {
    'status is OK': (r) => r && r.status === grpc.StatusOK,
    'sum is correct': (r) => r && r.message.sum === x + y,
  });

  if (!success) {
    grpcErrors.add(1);
    console.error(`Error: ${response.error}`);
  }

  client.close();
  sleep(0.01); // Small delay between requests
}

export function handleSummary(data) {
  return {
    'stdout': textSummary(data, { indent: ' ', enableColors: true }),
    'results/adder-grpc-results.json': JSON.stringify(data),
  };
}
