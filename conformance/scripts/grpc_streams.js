//! Streams of every kind, with their events.
//! grpc
//! cut: data_sent data_received
import grpc from 'k6/net/grpc';
import { echo, sorted } from './lib/grpc.js';

const client = echo();

function run(method, params, go) {
  console.log(method, JSON.stringify(params));
  return new Promise((resolve) => {
    const s = new grpc.Stream(client, method, params);
    s.on('data', (message, metadata) => console.log('data', sorted(message), Object.keys(metadata).join(), Number.isInteger(metadata.ts)));
    s.on('error', (error, metadata) => console.log('error', sorted(error), Object.keys(metadata).join(), String(error)));
    s.on('end', (nothing, metadata) => {
      console.log('end', JSON.stringify(nothing), Object.keys(metadata).join());
      resolve();
    });
    go(s);
  });
}

export default async function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const three = (s) => { for (const number of [1, 2, 3]) s.write({ number }); s.end(); };
  await run('squall.test.Echo/Chat', {}, (s) => { three(s); s.write({ number: 4 }); s.end(); });
  await run('squall.test.Echo/Download', { metadata: { 'x-count': '3' } }, (s) => { s.write({ number: 7 }); s.end(); });
  await run('squall.test.Echo/Upload', { metadata: { 'x-last': '1' } }, three);
  await run('squall.test.Echo/Chat', { discardResponseMessage: true, tags: { mine: 'yes' } }, three);
  await run('squall.test.Echo/Chat', null, (s) => s.end());
  client.close();
}
