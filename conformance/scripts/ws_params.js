//! k6/ws: headers, cookies, tags, compression, subprotocols, system tags.
//! cut: data_sent data_received
//! case plain:
//! case tags: --system-tags url,status,subproto,name,group,scenario
//! case no_tags: --system-tags group
import ws from 'k6/ws';
import http from 'k6/http';
import { group } from 'k6';

const url = `ws://${__ENV.TARGET}/ws/echo`;

function talk(params, more = '') {
  const seen = [];
  const res = ws.connect(`${url}${more}`, params, (socket) => {
    socket.on('open', () => socket.send('the same again, the same again, the same again'));
    socket.on('message', (data) => {
      seen.push(data);
      socket.close(1000);
    });
    socket.on('close', (code) => seen.push(code));
    socket.on('error', (e) => seen.push(e.error()));
  });
  const h = res.headers;
  console.log(res.status, h['Sec-Websocket-Protocol'], h['Sec-Websocket-Extensions'], seen.join(' | '));
}

export default function () {
  talk(null);
  talk(undefined);
  talk({ headers: { 'x-mine': 'a', 'X-Number': 5, 'User-Agent': 'me', Origin: 'http://o', 'Sec-WebSocket-Protocol': 'chat, other' } });
  talk({ tags: { mine: 'yes', n: 1, url: 'overridden', name: 'a name' }, unknown: 1 });
  talk({ compression: 'deflate' });
  talk({ compression: '' });
  talk({ compression: 'deflate' }, '?deflate=0');
  talk({ compression: 'deflate' }, '?fragments=4');
  const jar = http.cookieJar();
  jar.set(`http://${__ENV.TARGET}/`, 'a', '1');
  talk({});
  const other = new http.CookieJar();
  other.set(`http://${__ENV.TARGET}/`, 'b', '2');
  talk({ jar: other });
  talk({ jar: null, headers: null, tags: null });
  talk({ headers: { Cookie: 'c=3' } });
  group('inner', () => talk({}));
  for (const params of [
    { compression: 'gzip' },
    { tags: { a: {} } },
  ]) {
    try {
      talk(params);
    } catch (e) {
      console.log(String(e));
    }
  }
}
