//! k6/websockets: how the server ends it, and connections that do not come to be.
//! cut: data_sent data_received
import { WebSocket } from 'k6/websockets';

const target = __ENV.TARGET;
const base = `ws://${target}/ws/echo`;

const urls = [
  'close=1000', 'close=1001&reason=bye', 'close=1011&reason=on+fire&after=1', 'close=1002', 'close=3000&reason=x',
  'drop=1&after=1', 'close=999', 'close=1005', 'garbage=1', 'garbage=masked', 'garbage=control', 'garbage=continuation',
  'garbage=close', 'send=2&close=1000',
].map((query) => `${base}?${query}`).concat([
  `ws://${target}/status/404`,
  `${base}?status=503`,
  'ws://127.0.0.1:1/',
  `ws://user:pass@${target}/ws/echo`,
]);

function next() {
  const url = urls.shift();
  if (url === undefined) return;
  const lines = [];
  const ws = new WebSocket(url);
  ws.onopen = () => {
    lines.push('open');
    if (url.includes('after=1')) ws.send('a');
  };
  ws.onmessage = (e) => lines.push(`message ${e.data}`);
  ws.onerror = (e) => lines.push(`error ${e.error}`);
  ws.onclose = (e) => {
    lines.push(`close ${e.code} ${JSON.stringify(e.reason)} ${ws.readyState}`);
    console.log(url, lines.join(' | '));
    next();
  };
}

export default function () {
  next();
}
