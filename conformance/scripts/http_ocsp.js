//! What a server staples to its certificate, as scripts and the tag `ocsp_status` show it.
//! args: --insecure-skip-tls-verify --system-tags=name,ocsp_status,tls_version,status,group
//! secure
//! cut: data_sent data_received
import http from 'k6/http';

const names = ['good', 'revoked', 'revoked-why', 'unknown', 'broken', 'none'];
const port = __ENV.SECURE.split(':')[1];
const hosts = {};
for (const name of names) hosts[`${name}.test:${port}`] = __ENV.SECURE;

export const options = { hosts };

export default function () {
  for (const name of names) {
    const { ocsp } = http.get(`https://${name}.test:${port}/echo`, { tags: { name } });
    console.log(name, Object.keys(ocsp).sort().map((key) => `${key}=${ocsp[key]}`).join(' '));
  }
}
