// One socket an iteration, MESSAGES echoes over it, one after the other: with k6/ws, or (API=websockets) with the
// WebSocket class.
import { check } from 'k6';
import ws from 'k6/ws';
import { WebSocket } from 'k6/websockets';

const url = __ENV.TARGET;
const messages = Number(__ENV.MESSAGES || 1000);
const text = '{"kind":"quote","id":12345}';

export const options = { vus: Number(__ENV.VUS || 50), duration: __ENV.DURATION || '5s' };

function blocking() {
  let n = 0;
  const res = ws.connect(url, (socket) => {
    socket.on('open', () => socket.send(text));
    socket.on('message', (data) => {
      if (data !== text) throw new Error(`not what was sent: ${data}`);
      n += 1;
      if (n < messages) socket.send(text);
      else socket.close(1000);
    });
  });
  check(res, { 'all came back': (r) => r.status === 101 && n === messages });
}

function events() {
  let n = 0;
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send(text);
  socket.onmessage = (event) => {
    if (event.data !== text) throw new Error(`not what was sent: ${event.data}`);
    n += 1;
    if (n < messages) socket.send(text);
    else socket.close(1000);
  };
  socket.onclose = () => check(null, { 'all came back': () => n === messages });
}

export default __ENV.API === 'websockets' ? events : blocking;
