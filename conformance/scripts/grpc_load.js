//! Definitions of gRPC: what `load` returns and refuses.
//! grpc
//! cut: data_sent data_received
import grpc from 'k6/net/grpc';
import { show } from './lib/grpc.js';

const client = new grpc.Client();
const infos = client.load(['proto'], 'echo.proto');
console.log(infos.length, Object.keys(infos[0]).join());
show('first', () => infos.filter((i) => JSON.stringify(i).includes('Small')));
show('not there', () => new grpc.Client().load(['proto'], 'nope.proto') && 1);
show('no folder', () => new grpc.Client().load(['elsewhere'], 'echo.proto') && 1);
show('script folder', () => new grpc.Client().load(null, 'proto/sub/color.proto').length);
show('empty list', () => new grpc.Client().load([], 'proto/sub/color.proto').length);
show('file scheme', () => new grpc.Client().load([import.meta.resolve('./proto')], 'echo.proto').length);
show('connect', () => client.connect(__ENV.GRPC, { plaintext: true }));
show('invoke', () => client.invoke('squall.test.Echo/Small', {}));
show('protoset', () => new grpc.Client().loadProtoset('nope.protoset'));
console.log(Object.keys(grpc).sort().map((name) => `${name}=${typeof grpc[name] === 'function' ? 'function' : `${Number(grpc[name])}${grpc[name]}`}`).join());

export default function () {
  show('load', () => client.load(['proto'], 'echo.proto'));
  show('protoset', () => client.loadProtoset('x'));
}
