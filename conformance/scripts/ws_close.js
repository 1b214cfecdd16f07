//! k6/ws: how the server ends it.
//! cut: data_sent data_received
import ws from 'k6/ws';

const base = `ws://${__ENV.TARGET}/ws/echo`;

export default function () {
  for (const query of [
    'close=1000', 'close=1001&reason=bye', 'close=1011&reason=on+fire&after=1', 'close=1002', 'close=1009', 'close=3000&reason=x',
    'close=4999', 'close=1012', 'drop=1&after=1', 'close=999', 'close=1005', 'close=1006', 'close=5000',
    'garbage=1', 'garbage=masked', 'garbage=control', 'garbage=continuation', 'garbage=close', 'garbage=utf8',
  ]) {
    const lines = [];
    const res = ws.connect(`${base}?${query}`, (socket) => {
      socket.on('open', () => {
        lines.push('open');
        if (query.includes('after=1')) socket.send('a');
      });
      socket.on('message', (data) => {
        lines.push(`message ${data}`);
        if (query === 'garbage=utf8') socket.close(1000);
      });
      socket.on('error', (e) => lines.push(`error ${e.error()}`));
      socket.on('close', (code) => lines.push(`close ${code}`));
    });
    console.log(query, res.status, lines.join(' | '));
  }
}
