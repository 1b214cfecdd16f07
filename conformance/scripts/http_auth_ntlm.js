//! NTLM against a server that does not offer it: the first answer is the last, and it may be a 401.
import http from 'k6/http';

export default function () {
  const host = __ENV.TARGET;
  const refused = http.get(`http://user:secret@${host}/basic-auth/user/secret`, { auth: 'ntlm' });
  console.log(refused.status, refused.url, JSON.stringify(refused.request.headers));
  const open = http.post(`http://user:secret@${host}/post`, 'body', { auth: 'ntlm' });
  console.log(open.status, open.json('data'));
  console.log(http.get(`http://${host}/get`, { auth: 'ntlm' }).status);
}
