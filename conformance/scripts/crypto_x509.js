//! k6/crypto/x509: certificates of several kinds, and what is none.
import x509 from 'k6/crypto/x509';
const t = (f) => { try { const r = f(); return JSON.stringify(r); } catch (e) { return 'THROW ' + String(e) + ' | ' + e.name; } };
const files = ['rsa', 'ec', 'ed', 'rsa1', 'pss', 'md5', 'ec5', 'eck'].map((n) => [n, open(`data/certificates/${n}.pem`)]);
export default function () {
console.log(Object.keys(x509).sort().join());
for (const [n, pem] of files) {
  console.log(n, t(() => x509.getAltNames(pem)), t(() => x509.getIssuer(pem)), t(() => x509.getSubject(pem)));
  console.log(n, t(() => { const c = x509.parse(pem); const k = c.publicKey; return [Object.keys(c).join(), c.subject, c.issuer, c.notBefore, c.notAfter, c.altNames, c.signatureAlgorithm, c.fingerPrint, Object.keys(k), k.algorithm, typeof k.key.n, String(k.key.n), k.key.e, k.key.x && String(k.key.x), Array.isArray(c.fingerPrint), Object.prototype.toString.call(c.fingerPrint)]; }));
}
for (const v of ['', 'x', undefined, null, 5, {}, [], new Uint8Array([1]), new ArrayBuffer(1), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', '-----BEGIN X-----\n!!\n-----END X-----\n', '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n', '-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n'])
  console.log(JSON.stringify(v), t(() => x509.parse(v)), t(() => x509.getSubject(v)), t(() => x509.getIssuer(v)), t(() => x509.getAltNames(v)));
console.log(t(() => x509.parse()));
}
