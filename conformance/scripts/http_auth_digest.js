//! Digest authentication: the challenge is one request, the answer another.
//! order: any
import http from 'k6/http';

export default function () {
  const res = http.get(`http://user:secret@${__ENV.TARGET}/digest-auth/auth/user/secret`, { auth: 'digest' });
  console.log(res.status, res.json('authenticated'), res.url);
  const wrong = http.get(`http://user:wrong@${__ENV.TARGET}/digest-auth/auth/user/secret`, { auth: 'digest' });
  console.log(wrong.status);
}
