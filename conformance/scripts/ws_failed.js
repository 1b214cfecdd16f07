//! k6/ws: connections that do not come to be, with and without `throw`.
//! cut: data_sent data_received
//! case quiet:
//! case throws: --throw
import ws from 'k6/ws';

const target = __ENV.TARGET;

export default function () {
  for (const url of [
    `ws://${target}/status/404`,
    `ws://${target}/ws/echo?status=503`,
    `ws://${target}/get`,
    `ws://${target}/ws/nope`,
    `ws://${target}/stream/100`,
    'ws://127.0.0.1:1/',
    `http://${target}/ws/echo`,
    `ftp://${target}/`,
    'nothing',
    '',
    `ws://user:pass@${target}/ws/echo`,
    `ws://${target}/ws/echo?close=x`,
    `ws://${target}/get?close=before`,
    `ws://${target}/get?close=garbage`,
    `ws://${target}/get?close=mid-head`,
  ]) {
    try {
      const res = ws.connect(url, (socket) => {
        console.log('called', url);
        socket.close();
      });
      console.log(url, res.status, JSON.stringify(res.url), JSON.stringify(res.error), res.body.length);
    } catch (e) {
      console.log(url, e.name, String(e));
    }
  }
}
