//! k6/ws: wrong arguments, and functions that throw.
//! cut: data_sent data_received
import ws from 'k6/ws';

const url = `ws://${__ENV.TARGET}/ws/echo`;

function attempt(label, f) {
  try {
    console.log(label, f());
  } catch (e) {
    console.log(label, 'threw', String(e));
  }
}

function within(label, f) {
  attempt(label, () => {
    const seen = [];
    const res = ws.connect(url, (socket) => {
      socket.on('close', (code) => seen.push(code));
      socket.on('error', (e) => seen.push(e.error()));
      try {
        f(socket);
      } catch (e) {
        console.log(label, 'inside', String(e));
      }
      socket.close();
    });
    return `${res.status} ${seen.join()}`;
  });
}

try {
  ws.connect(url, () => {});
} catch (e) {
  console.log('init', String(e).split('\n')[0]);
}

export default function () {
  attempt('no arguments', () => ws.connect());
  attempt('no function', () => ws.connect(url));
  attempt('object', () => ws.connect(url, {}));
  attempt('four', () => ws.connect(url, {}, () => {}, 1));
  within('timeout 0', (s) => s.setTimeout(() => {}, 0));
  within('timeout none', (s) => s.setTimeout(() => {}));
  within('timeout -1.5', (s) => s.setTimeout(() => {}, -1.5));
  within('interval 0', (s) => s.setInterval(() => {}, 0));
  within('binary none', (s) => s.sendBinary());
  within('binary null', (s) => s.sendBinary(null));
  within('binary undefined', (s) => s.sendBinary(undefined));
  within('binary string', (s) => s.sendBinary('text'));
  within('binary array', (s) => s.sendBinary([1]));
  within('binary view', (s) => s.sendBinary(new Uint8Array(2)));
  within('send number', (s) => s.send(5));
  within('send nothing', (s) => s.send());
  within('close string', (s) => s.close('1000'));
  within('close twice', (s) => {
    s.close(1000);
    s.close(1001);
  });
  for (const where of ['setup', 'open', 'message', 'timeout', 'close']) {
    attempt(`throws in ${where}`, () => {
      ws.connect(url, (socket) => {
        socket.on('close', (code) => {
          console.log('closed', code);
          if (where === 'close') throw new Error('in close');
        });
        socket.on('open', () => {
          if (where === 'open') throw new Error('in open');
          socket.send('x');
        });
        socket.on('message', () => {
          if (where === 'message') throw new Error('in message');
          if (where === 'timeout') socket.setTimeout(() => { throw new Error('in timeout'); }, 1);
          else socket.close();
        });
        if (where === 'setup') throw new Error('in setup');
      });
      return 'returned';
    });
  }
}
