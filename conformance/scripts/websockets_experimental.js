//! k6/experimental/websockets is the same with a warning; system tags, several sockets at once.
//! order: any
//! cut: data_sent data_received
//! case plain:
//! case tags: --system-tags url,status,subproto,name,group
import { WebSocket } from 'k6/experimental/websockets';

export default function () {
  for (let n = 0; n < 3; n++) {
    const ws = new WebSocket(`ws://${__ENV.TARGET}/ws/echo?n=${n}`, 'proto');
    ws.onopen = () => ws.send(`hello ${n}`);
    ws.onmessage = (e) => {
      console.log(e.data);
      ws.close();
    };
  }
}
