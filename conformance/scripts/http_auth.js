//! Authentication: in the address, basic and digest.
import http from 'k6/http';

const target = __ENV.TARGET;

function show(label, res) {
  console.log(label, res.status, res.url, res.request.url, JSON.stringify(res.request.headers.Authorization ? 'sent' : 'not sent'));
}

export default function () {
  show('address', http.get(`http://user:secret@${target}/basic-auth/user/secret`));
  show('basic', http.get(`http://user:secret@${target}/basic-auth/user/secret`, { auth: 'basic' }));
  show('wrong', http.get(`http://user:wrong@${target}/basic-auth/user/secret`));
  show('escaped', http.get(`http://us%40er:p%3Ass@${target}/basic-auth/us%40er/p%3Ass`));
  show('none', http.get(`http://${target}/basic-auth/user/secret`));
  show('user only', http.get(`http://user@${target}/headers`));
}
