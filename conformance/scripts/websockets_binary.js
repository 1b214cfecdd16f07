//! k6/websockets: what can be sent besides texts, and what comes back.
//! cut: data_sent data_received
import { WebSocket, Blob } from 'k6/websockets';

const url = `ws://${__ENV.TARGET}/ws/echo`;
const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);

const messages = [
  ['a blob', () => new Blob(['text', bytes])],
  ['an empty blob', () => new Blob([])],
  ['a part of a blob', () => new Blob(['0123456789']).slice(2, 5)],
  ['a view', () => new DataView(bytes.buffer)],
  ['a part of a view', () => new DataView(bytes.buffer, 2, 3)],
  ['16 bits', () => new Uint16Array(bytes.buffer, 2, 2)],
  ['floats', () => new Float32Array([1.5, -2])],
  ['clamped', () => new Uint8ClampedArray([300, -1, 7])],
  ['a text', () => 'a text'],
];

const refused = [
  ['a number', 5],
  ['nothing', undefined],
  ['null', null],
  ['an array', [1, 2]],
  ['an object', {}],
  ['a flag', true],
];

export default function () {
  const ws = new WebSocket(url);
  ws.binaryType = 'arraybuffer';
  let step = 0;
  const next = () => {
    while (step < messages.length) {
      try {
        return ws.send(messages[step][1]());
      } catch (e) {
        console.log(messages[step][0], String(e));
        step += 1;
      }
    }
    ws.close();
  };
  ws.onopen = () => {
    for (const [name, value] of refused) {
      try {
        ws.send(value);
        console.log(name, 'was sent');
      } catch (e) {
        console.log(name, String(e));
      }
    }
    next();
  };
  ws.onmessage = ({ data }) => {
    const shown = typeof data === 'string' ? data : Array.from(new Uint8Array(data)).join();
    console.log(messages[step][0], typeof data, shown);
    step += 1;
    next();
  };
  ws.onerror = (e) => console.log('error', e.error);
}
