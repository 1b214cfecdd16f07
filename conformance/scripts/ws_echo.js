//! k6/ws: messages of both kinds, pings both ways, timers, closing, what connect() returns.
//! cut: data_sent data_received
import ws from 'k6/ws';
import { check } from 'k6';

const url = `ws://${__ENV.TARGET}/ws/echo`;

export default function () {
  const res = ws.connect(url, (socket) => {
    socket.on('open', () => {
      console.log('open');
      socket.send('one');
    });
    socket.on('message', (data) => {
      console.log('message', typeof data, data);
      if (data === 'one') {
        socket.sendBinary(new Uint8Array([1, 2, 3]).buffer);
      } else if (data === 'two') {
        socket.ping();
      } else if (data === 'é😀') {
        socket.close();
      }
    });
    socket.on('binaryMessage', (data) => {
      console.log('binary', data instanceof ArrayBuffer, Array.from(new Uint8Array(data)).join());
      socket.send('two');
    });
    socket.on('pong', () => {
      console.log('pong');
      let ticks = 0;
      socket.setInterval(() => {
        ticks += 1;
        console.log('tick', ticks);
        if (ticks === 2) {
          socket.setTimeout(() => socket.send('é😀'), 5);
        }
      }, 30);
    });
    socket.on('close', (code) => console.log('close', code));
    socket.on('error', (e) => console.log('error', e.error()));
    socket.on('nonsense', () => console.log('never'));
    socket.on('open', 'not a function');
    socket.on('close', () => console.log('close again'));
  });
  console.log('url', res.url === url, 'status', res.status, JSON.stringify(res.error), JSON.stringify(res.body));
  console.log(res.headers.Upgrade, res.headers.Connection, typeof res.headers['Sec-Websocket-Accept']);
  check(res, { 'status is 101': (r) => r && r.status === 101 });

  // A ping of the server, messages that are there before the handlers run, many sends in one handler.
  ws.connect(`${url}?ping=hello&send=3`, (socket) => {
    const seen = [];
    socket.on('ping', () => seen.push('ping'));
    socket.on('message', (data) => {
      seen.push(data);
      if (data === '2') {
        for (let i = 0; i < 5; i++) socket.send(`x${i}`);
      }
      if (data === 'x4') socket.close(1000);
    });
    socket.on('close', (code) => console.log(seen.join(), code));
  });

  // Long messages, in frames and not.
  ws.connect(`${url}?fragments=3`, (socket) => {
    const long = 'abcdefghij'.repeat(20000);
    socket.on('open', () => socket.send(long));
    socket.on('message', (data) => {
      console.log('long', data === long, data.length);
      if (data.length > 1) socket.send('');
      else socket.close(4123);
    });
    socket.on('close', (code) => console.log('close', code));
  });

  // Sent before it is open, closed in the function itself.
  const early = ws.connect(url, (socket) => {
    socket.on('open', () => console.log('open although closed'));
    socket.on('close', (code) => console.log('close', code));
    socket.on('error', (e) => console.log('error', e.error(), String(e)));
    socket.send('early');
    socket.close(3000);
    socket.send('late');
    socket.ping();
  });
  console.log(early.status);
}
