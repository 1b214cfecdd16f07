//! k6/websockets: messages of all kinds, pings both ways, states, closing.
//! cut: data_sent data_received
import { WebSocket } from 'k6/websockets';

const url = `ws://${__ENV.TARGET}/ws/echo`;

function echo() {
  const ws = new WebSocket(url);
  console.log('made', ws.readyState, ws.url === url, ws.binaryType, ws.protocol === '', ws.bufferedAmount);
  ws.binaryType = 'arraybuffer';
  ws.onopen = (e) => {
    console.log('open', e.type, e.target === ws, typeof e.timestamp, ws.readyState);
    ws.send('one');
    console.log('buffered', ws.bufferedAmount);
  };
  let step = 0;
  ws.addEventListener('message', (e) => {
    step += 1;
    const data = typeof e.data === 'string' ? e.data : Array.from(new Uint8Array(e.data)).join();
    console.log('message', step, typeof e.data, data, e.origin === url, ws.bufferedAmount);
    switch (step) {
      case 1: return ws.send(new Uint8Array([1, 2, 3]).buffer);
      case 2: return ws.send(new Uint8Array([4, 5, 6]));
      case 3: return ws.send(new Uint8Array([7, 8, 9, 10]).subarray(1, 3));
      default: return ws.ping();
    }
  });
  ws.onpong = (e) => {
    console.log(e.type);
    ws.close();
    console.log('closing', ws.readyState);
    ws.close();
  };
  ws.onclose = (e) => {
    console.log('close', e.code, JSON.stringify(e.reason), ws.readyState);
    blobs();
  };
  ws.onerror = (e) => console.log('error', e.error);
}

function blobs() {
  const ws = new WebSocket(`${url}?ping=x&fragments=2`);
  // Whether the server's ping or the opening is told first is left to chance.
  let awaited = 2;
  const begin = () => {
    awaited -= 1;
    if (awaited === 0) ws.send(new Uint8Array([104, 105]).buffer);
  };
  ws.onping = () => {
    console.log('ping');
    begin();
  };
  ws.onopen = begin;
  ws.onmessage = async (e) => {
    console.log('blob', e.data.size, e.data.type === '', await e.data.text());
    ws.close(3001, 'enough');
  };
  ws.onclose = (e) => {
    console.log('close', e.code, JSON.stringify(e.reason));
    subprotocol();
  };
}

function subprotocol() {
  const ws = new WebSocket(url, ['chat', 'other'], {
    headers: { 'X-Mine': 'a' },
    tags: { mine: 'yes', name: 'a name' },
    compression: 'deflate',
  });
  ws.addEventListener('open', () => {
    console.log(ws.protocol, ws.extensions.join());
    ws.send('the same again, the same again, the same again');
  });
  ws.addEventListener('message', (e) => {
    console.log(e.data);
    ws.close(1000);
  });
  ws.addEventListener('close', () => console.log('done'));
}

export default function () {
  echo();
}
