//! How streams end that do not end well, and what they refuse.
//! grpc
//! tries: 6
//! cut: data_sent data_received grpc_streams_msgs_sent
import grpc from 'k6/net/grpc';
import { bytes, echo, show, sorted } from './lib/grpc.js';

const client = echo();

function run(params, go) {
  console.log(JSON.stringify(params));
  return new Promise((resolve) => {
    const s = new grpc.Stream(client, 'squall.test.Echo/Chat', params);
    s.on('data', (message) => console.log('data', sorted(message)));
    s.on('error', (error) => console.log('error', sorted(error)));
    s.on('end', () => { console.log('end'); resolve(); });
    go(s);
  });
}

export default async function () {
  show('none', () => new grpc.Stream());
  show('number', () => new grpc.Stream(5));
  show('not connected', () => new grpc.Stream(client, 'squall.test.Echo/Chat'));
  client.connect(__ENV.GRPC, { plaintext: true });
  show('no method', () => new grpc.Stream(client));
  show('wrong method', () => new grpc.Stream(client, 'x'));
  show('wrong param', () => new grpc.Stream(client, 'squall.test.Echo/Chat', { foo: 1 }));
  const write = (s) => s.write({ number: 1 });
  await run({ metadata: { 'x-code': '9', 'x-message': 'bad' } }, (s) => { write(s); s.end(); });
  await run({}, (s) => { s.write(null); s.on('nope', () => {}); s.on('status', () => {}); write(s); s.end(); });
  await run({ timeout: '300ms', metadata: { 'x-hang': '1' } }, write);
  await run({ metadata: { 'x-reset': '2' } }, write);
  await run({ metadata: { 'x-reset': '8' } }, write);
  await run({ metadata: { 'x-raw-bin': bytes(255) } }, write);
  await run({ metadata: { 'x-http': '503' } }, write);
  const s = new grpc.Stream(client, 'squall.test.Echo/Chat', { metadata: { 'x-code': '3', 'x-message': 'unheard' } });
  show('no function', () => s.on('data', 5));
  s.end();
}
