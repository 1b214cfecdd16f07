//! NTLM version 2 (MS-NLMP 2.2.1, 3.3.2): the messages of k6's library, byte for byte but for the
//! nonce and the time.

use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest as _, Md4};
use md5::Md5;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
/// TARGET_INFO, 56, 128, UNICODE, EXTENDED_SESSIONSECURITY, NTLM, ALWAYS_SIGN.
const FLAGS: u32 = 0xa088_8201;
const UNICODE: u32 = 1;
const LM_KEY: u32 = 1 << 7;
const KEY_EXCHANGE: u32 = 1 << 30;
const VERSION: u32 = 1 << 25;
/// Windows counts 100 ns from 1601.
const UNIX_IN_FILETIME: u64 = 116_444_736_000_000_000;
/// A challenge is a few hundred bytes; more is not looked at.
const MAX_CHALLENGE_BYTES: usize = 64 << 10;

/// The first message: what we can do.
pub fn negotiate() -> Vec<u8> {
    let mut out = Vec::with_capacity(40);
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&1u32.to_le_bytes());
    out.extend_from_slice(&FLAGS.to_le_bytes());
    // Domain and workstation: none, at the end.
    for _ in 0..2 {
        out.extend_from_slice(&[0, 0, 0, 0, 40, 0, 0, 0]);
    }
    // Windows 7, as the library says.
    out.extend_from_slice(&[6, 1, 0xb1, 0x1d, 0, 0, 0, 15]);
    out
}

/// Who logs on, and what makes the answer unlike any other.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// `name`, `name@domain` or `DOMAIN\name`.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
    /// Bytes nobody can guess.
    pub nonce: [u8; 8],
    /// Now, for servers that do not say what time it is. Nanoseconds since 1970.
    pub unix_ns: u64,
}

/// The last message: the answer to the server's challenge. `None` if that is no challenge, or one
/// that wants what is not supported (version 1, the exchange of keys).
pub fn authenticate(challenge: &[u8], identity: &Identity<'_>) -> Option<Vec<u8>> {
    if identity.user.is_empty() && identity.password.is_empty() {
        return None;
    }
    let challenge = Challenge::read(challenge)?;
    if challenge.flags & (LM_KEY | KEY_EXCHANGE) != 0 || challenge.flags & UNICODE == 0 {
        return None;
    }
    let (domain, user) = match identity.user.split_once('\\') {
        Some((domain, user)) => (domain, user),
        None => ("", identity.user),
    };
    let key = Md4::digest(utf16(identity.password));
    let key = hmac(&key, &[&utf16(&format!("{}{domain}", user.to_uppercase()))]);
    let now = (identity.unix_ns / 100 + UNIX_IN_FILETIME).to_le_bytes();
    let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
    blob.extend_from_slice(challenge.timestamp.unwrap_or(&now));
    blob.extend_from_slice(&identity.nonce);
    blob.extend_from_slice(&[0; 4]);
    blob.extend_from_slice(challenge.target_info);
    blob.extend_from_slice(&[0; 4]);
    let mut nt = hmac(&key, &[challenge.nonce, &blob]).to_vec();
    nt.extend_from_slice(&blob);
    let mut lm = Vec::new();
    if challenge.target_info.is_empty() {
        lm.extend_from_slice(&hmac(&key, &[challenge.nonce, &identity.nonce]));
        lm.extend_from_slice(&identity.nonce);
    }
    message(&[&lm, &nt, &utf16(domain), &utf16(user), &[]], challenge.flags & !VERSION)
}

/// An AUTHENTICATE message; `None` if a field is longer than its length can say.
fn message(fields: &[&[u8]; 5], flags: u32) -> Option<Vec<u8>> {
    const HEAD_BYTES: usize = 64;
    let mut out = Vec::with_capacity(HEAD_BYTES + 256);
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&3u32.to_le_bytes());
    let mut at = HEAD_BYTES as u32;
    for field in fields {
        let length = u16::try_from(field.len()).ok()?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&at.to_le_bytes());
        at += u32::from(length);
    }
    // The session key: none.
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&flags.to_le_bytes());
    for field in fields {
        out.extend_from_slice(field);
    }
    Some(out)
}

/// A CHALLENGE message (2.2.1.2), as far as it is needed.
struct Challenge<'a> {
    flags: u32,
    nonce: &'a [u8; 8],
    /// The attributes as they came; empty if there are none.
    target_info: &'a [u8],
    timestamp: Option<&'a [u8; 8]>,
}

impl<'a> Challenge<'a> {
    fn read(bytes: &'a [u8]) -> Option<Challenge<'a>> {
        if bytes.len() > MAX_CHALLENGE_BYTES
            || !bytes.starts_with(SIGNATURE)
            || u32_at(bytes, 8)? != 2
        {
            return None;
        }
        let target_info = field(bytes, 40)?;
        let mut timestamp = None;
        let mut rest = target_info;
        // Attributes: kind, length, value; the kind 0 ends them, 7 is the time.
        while !rest.is_empty() {
            let kind = u16_at(rest, 0)?;
            if kind == 0 {
                break;
            }
            let length = usize::from(u16_at(rest, 2)?);
            let value = rest.get(4..4 + length)?;
            if kind == 7 {
                timestamp = Some(value.try_into().ok()?);
            }
            rest = &rest[4 + length..];
            if rest.is_empty() {
                return None;
            }
        }
        // The target's name is not used, but must be inside of the message.
        field(bytes, 12)?;
        Some(Challenge {
            flags: u32_at(bytes, 20)?,
            nonce: bytes.get(24..32)?.try_into().ok()?,
            target_info,
            timestamp,
        })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// What the length and the offset at `at` point to.
fn field(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16_at(bytes, at)?);
    let start = u32_at(bytes, at + 4)? as usize;
    if length == 0 {
        return Some(&[]);
    }
    bytes.get(start..start.checked_add(length)?)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The values of MS-NLMP 4.2.1 and 4.2.4.
    const IDENTITY: Identity<'static> =
        Identity { user: "Domain\\User", password: "Password", nonce: [0xaa; 8], unix_ns: 0 };

    fn challenge(flags: u32, target_info: &[u8]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend_from_slice(&2u32.to_le_bytes());
        out.extend_from_slice(&[0, 0, 0, 0, 48, 0, 0, 0]);
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        out.extend_from_slice(&[0; 8]);
        let length = (target_info.len() as u16).to_le_bytes();
        out.extend_from_slice(&[length[0], length[1], length[0], length[1], 48, 0, 0, 0]);
        out.extend_from_slice(target_info);
        out
    }

    /// Domain name `Domain`, server name `Server`, the time 0, the end.
    fn target_info() -> Vec<u8> {
        let mut out = vec![2, 0, 12, 0];
        out.extend(utf16("Domain"));
        out.extend([1, 0, 12, 0]);
        out.extend(utf16("Server"));
        out.extend([7, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend([0; 4]);
        out
    }

    #[test]
    fn the_proof_is_that_of_the_specification() {
        // 4.2.4.2.2, whose attributes have no time: the time 0 is in the blob either way.
        let info: Vec<u8> = [&target_info()[..32], &[0; 4]].concat();
        let key = hmac(&Md4::digest(utf16("Password")), &[&utf16("USERDomain")]);
        assert_eq!(key[..4], [0x0c, 0x86, 0x8a, 0x40]);
        let blob = [&[1, 1, 0, 0, 0, 0, 0, 0], &[0; 8][..], &[0xaa; 8], &[0; 4], &info, &[0; 4]];
        let nonce = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        let proof = hmac(&key, &[&nonce, &blob.concat()]);
        assert_eq!(proof[..8], [0x68, 0xcd, 0x0a, 0xb8, 0x51, 0xe5, 0x1c, 0x96]);
        assert_eq!(proof[8..], [0xaa, 0xbc, 0x92, 0x7b, 0xeb, 0xef, 0x6a, 0x1c]);
    }

    #[test]
    fn the_first_message_is_k6s() {
        use std::fmt::Write as _;
        let mut hex = String::new();
        for byte in negotiate() {
            write!(hex, "{byte:02x}").unwrap();
        }
        assert_eq!(
            hex,
            "4e544c4d5353500001000000018288a0000000002800000000000000280000000601b11d0000000f"
        );
    }

    #[test]
    fn an_answer_has_its_fields_where_it_says() {
        let answer = authenticate(&challenge(0xa289_8205, &target_info()), &IDENTITY).unwrap();
        assert_eq!(&answer[..8], SIGNATURE);
        assert_eq!(u32_at(&answer, 8), Some(3));
        assert_eq!(field(&answer, 12), Some(&[][..]));
        let nt = field(&answer, 20).unwrap();
        assert_eq!(nt.len(), 16 + 28 + target_info().len() + 4);
        assert_eq!(field(&answer, 28), Some(&utf16("Domain")[..]));
        assert_eq!(field(&answer, 36), Some(&utf16("User")[..]));
        assert_eq!(u32_at(&answer, 60), Some(0xa289_8205 & !VERSION));
        // Without attributes there is an answer of the older kind beside it.
        let answer = authenticate(&challenge(UNICODE, &[]), &IDENTITY).unwrap();
        assert_eq!(field(&answer, 12).unwrap().len(), 24);
    }

    #[test]
    fn what_is_not_supported_is_not_answered() {
        for flags in [UNICODE | LM_KEY, UNICODE | KEY_EXCHANGE, 2] {
            assert_eq!(authenticate(&challenge(flags, &[]), &IDENTITY), None);
        }
        let nobody = Identity { user: "", password: "", ..IDENTITY };
        assert_eq!(authenticate(&challenge(UNICODE, &[]), &nobody), None);
        assert_eq!(authenticate(b"NTLMSSP\0", &IDENTITY), None);
        let mut cut = challenge(UNICODE, &target_info());
        cut.pop();
        assert_eq!(authenticate(&cut, &IDENTITY), None);
    }

    proptest! {
        #[test]
        fn no_challenge_is_a_panic(tail in proptest::collection::vec(any::<u8>(), 0..120)) {
            let mut bytes = SIGNATURE.to_vec();
            bytes.extend_from_slice(&2u32.to_le_bytes());
            bytes.extend_from_slice(&tail);
            let _ = authenticate(&bytes, &IDENTITY);
            let _ = authenticate(&tail, &IDENTITY);
        }
    }
}
