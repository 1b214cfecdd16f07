//! k6/websockets: listeners that throw end the iteration.
//! args: --iterations 4
//! cut: data_sent data_received ws_session_duration
import { WebSocket } from 'k6/websockets';

export default function () {
  const ws = new WebSocket(`ws://${__ENV.TARGET}/ws/echo?ping=x`);
  ws.onopen = () => {
    console.log('open');
    if (__ITER === 0) throw new Error('in open');
    ws.send('x');
  };
  ws.onmessage = () => {
    console.log('message');
    if (__ITER === 1) throw new Error('in message');
    ws.close();
  };
  ws.onclose = () => {
    console.log('close');
    if (__ITER === 2) throw new Error('in close');
  };
}
