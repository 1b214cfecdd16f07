//! asyncInvoke.
//! grpc
//! order: any
//! cut: data_sent data_received
import { echo, sorted } from './lib/grpc.js';

const client = echo();

export default async function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  const pending = client.asyncInvoke('squall.test.Echo/Small', { number: 1 });
  console.log(pending instanceof Promise);
  console.log(sorted(await pending));
  console.log(sorted(await client.asyncInvoke('squall.test.Echo/Small', {}, { metadata: { 'x-code': '5' } })));
  const all = await Promise.all([1, 2, 3].map((number) => client.asyncInvoke('squall.test.Echo/Small', { number }, { metadata: { 'x-delay': String(400 - number * 100) } })));
  console.log(all.map((r) => r.message.number).join());
  for (const args of [['squall.test.Echo/Small', { nope: 1 }], ['squall.test.Echo/Nope', {}], ['squall.test.Echo/Small']]) {
    try {
      await client.asyncInvoke(...args);
    } catch (e) {
      console.log('rejected', String(e));
    }
  }
  client.close();
}
