//! k6/websockets: wrong arguments, listeners, states.
//! cut: data_sent data_received
import { WebSocket } from 'k6/websockets';

const url = `ws://${__ENV.TARGET}/ws/echo`;

function attempt(label, f) {
  try {
    console.log(label, f());
  } catch (e) {
    console.log(label, 'threw', String(e));
  }
}

export default function () {
  attempt('no url', () => new WebSocket());
  attempt('null', () => new WebSocket(null));
  attempt('http', () => new WebSocket(`http://${__ENV.TARGET}/`));
  attempt('fragment', () => new WebSocket(`${url}#part`));
  attempt('malformed', () => new WebSocket('ws://a b/'));
  attempt('option', () => new WebSocket(url, null, { nonsense: 1 }));
  attempt('compression', () => new WebSocket(url, null, { compression: 'gzip' }));
  attempt('tags', () => new WebSocket(url, null, { tags: { a: [] } }));
  const ws = new WebSocket(url, null, {});
  attempt('too early', () => ws.send('x'));
  attempt('ping too early', () => ws.ping());
  attempt('binaryType', () => { ws.binaryType = 'text'; });
  attempt('onmessage', () => { ws.onmessage = 5; });
  attempt('listener', () => ws.addEventListener('message', null));
  attempt('unknown event', () => ws.addEventListener('nonsense', () => {}));
  const order = [];
  ws.addEventListener('open', () => order.push('first'));
  ws.onopen = () => order.push('replaced');
  ws.onopen = () => order.push('property');
  ws.onclose = () => order.push('never');
  ws.onclose = null;
  ws.addEventListener('open', () => {
    console.log(order.join());
    attempt('number', () => ws.send(5));
    attempt('object', () => ws.send({}));
    attempt('code', () => ws.close(1001));
    attempt('code 2', () => ws.close(5000));
    attempt('reason', () => ws.close(1000, 'x'.repeat(124)));
    console.log(ws.readyState);
    attempt('close', () => ws.close(4000, 'because'));
    attempt('too late', () => ws.send('x'));
  });
  ws.addEventListener('close', (e) => {
    console.log(e.code, e.reason, order.length);
    attempt('after', () => ws.send('x'));
    attempt('close after', () => ws.close());
  });
}
