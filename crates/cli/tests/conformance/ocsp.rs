//! OCSP responses (RFC 6960) as the server of `secure.rs` staples them: one for each name that a client may ask for.

/// Responses by the name of the server they are stapled to. Nobody has signed them, which nobody looks at.
pub(crate) fn responses() -> [(&'static str, Vec<u8>); 5] {
    let reason = tlv(0xa0, &[tlv(0x0a, &[vec![1]])]);
    let now = || moment("20240229120000Z");
    [
        ("good.test", response(&tlv(0x80, &[]), Some("20340307120000Z"))),
        ("revoked.test", response(&tlv(0xa1, &[now(), reason]), Some("20340307120000Z"))),
        ("revoked-why.test", response(&tlv(0xa1, &[now()]), None)),
        ("unknown.test", response(&tlv(0x82, &[]), None)),
        ("broken.test", b"no response".to_vec()),
    ]
}

/// An element around others.
fn tlv(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        len @ 0..0x80 => out.push(len as u8),
        len @ 0x80..0x100 => out.extend([0x81, len as u8]),
        len => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend(content);
    out
}

fn moment(text: &str) -> Vec<u8> {
    tlv(0x18, &[text.into()])
}

fn response(status: &[u8], next: Option<&str>) -> Vec<u8> {
    const SHA1: [u8; 7] = [0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a];
    const SHA256_WITH_RSA: [u8; 11] =
        [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    const BASIC: [u8; 11] = [0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
    let hash = || tlv(0x04, &[vec![7; 20]]);
    let algorithm = |oid: &[u8]| tlv(0x30, &[oid.to_vec(), vec![0x05, 0]]);
    let which = tlv(0x30, &[algorithm(&SHA1), hash(), hash(), tlv(0x02, &[vec![5]])]);
    let mut answer = vec![which, status.to_vec(), moment("20240229120000Z")];
    answer.extend(next.map(|next| tlv(0xa0, &[moment(next)])));
    let answers = tlv(0x30, &[tlv(0x30, &answer)]);
    let data = tlv(0x30, &[tlv(0xa2, &[hash()]), moment("20240301000001Z"), answers]);
    let signature = tlv(0x03, &[vec![0; 257]]);
    let basic = tlv(0x30, &[data, algorithm(&SHA256_WITH_RSA), signature]);
    let held = tlv(0x30, &[BASIC.to_vec(), tlv(0x04, &[basic])]);
    tlv(0x30, &[tlv(0x0a, &[vec![0]]), tlv(0xa0, &[held])])
}
