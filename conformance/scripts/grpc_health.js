//! healthCheck.
//! grpc
//! cut: data_sent data_received
import grpc from 'k6/net/grpc';
import { show } from './lib/grpc.js';

const client = new grpc.Client();

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  show('server', () => client.healthCheck());
  show('down', () => client.healthCheck('down'));
  show('unknown', () => client.healthCheck('nope'));
  console.log(client.healthCheck().status === grpc.HealthCheckServing, Number(grpc.HealthCheckNotServing), String(grpc.HealthCheckServiceUnkown));
  client.close();
}
