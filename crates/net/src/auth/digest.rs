//! Digest authentication with MD5, as k6 does it.

use md5::{Digest as _, Md5};

/// A challenge's parameters that are looked at; longer challenges are cut.
const MAX_PARAMETERS: usize = 32;

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The request's method.
    pub method: &'a str,
    /// Path and query as they are sent.
    pub uri: &'a str,
    /// The body of the response that brought the challenge: k6 hashes it for `auth-int`.
    pub entity: &'a [u8],
    /// The user's name.
    pub user: &'a str,
    /// The user's password.
    pub password: &'a str,
    /// The client's nonce: 32 hexadecimal digits nobody can guess.
    pub cnonce: &'a str,
}

/// The value of `Authorization` that answers a `WWW-Authenticate`. As in k6, the hash is MD5
/// whatever the challenge says, the count of uses is 1, and a challenge that lacks what it should
/// have is answered all the same. k6 panics on a realm with a blank; this does not.
pub fn authorization(challenge: &str, asked: &Asked<'_>) -> String {
    let challenge = parameters(challenge);
    let get = |name: &str| {
        challenge.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    };
    let (realm, nonce) = (get("realm").unwrap_or_default(), get("nonce").unwrap_or_default());
    let offered = get("qop").unwrap_or_default();
    let offers = |what: &str| offered.split(',').any(|q| q.trim().eq_ignore_ascii_case(what));
    let qop = match () {
        () if offers("auth") => Some("auth"),
        () if offers("auth-int") => Some("auth-int"),
        () => None,
    };
    let Asked { method, uri, entity, user, password, cnonce } = *asked;
    let ha1 = md5(&[user, ":", realm, ":", password]);
    let ha2 = match qop {
        Some("auth-int") => md5(&[method, ":", uri, ":", &hex(&Md5::digest(entity))]),
        _ => md5(&[method, ":", uri]),
    };
    let response = match qop {
        Some(qop) => md5(&[&ha1, ":", nonce, ":", COUNT, ":", cnonce, ":", qop, ":", &ha2]),
        None => md5(&[&ha1, ":", nonce, ":", &ha2]),
    };
    let mut out = String::from("Digest ");
    for (name, value) in
        [("username", user), ("realm", realm), ("nonce", nonce), ("uri", uri), ("cnonce", cnonce)]
    {
        out.push_str(&format!("{name}=\"{}\", ", escaped(value)));
    }
    if let Some(qop) = qop {
        out.push_str(&format!("qop={qop}, "));
    }
    out.push_str(&format!("nc={COUNT}, response=\"{response}\""));
    // Whatever else the server said is said back: `opaque`, `algorithm`, and what is no business of ours.
    const SAID: [&str; 8] =
        ["username", "realm", "nonce", "uri", "cnonce", "qop", "nc", "response"];
    for (name, value) in &challenge {
        if !SAID.iter().any(|said| name.eq_ignore_ascii_case(said)) && is_name(name) {
            out.push_str(&format!(", {name}=\"{}\"", escaped(value)));
        }
    }
    out
}

const COUNT: &str = "00000001";

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What may stand between quotes; control characters go, as no header may have them.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn md5(parts: &[&str]) -> String {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `Digest a="b", c=d` as pairs. Takes whatever comes: what is no parameter is skipped.
fn parameters(challenge: &str) -> Vec<(String, String)> {
    let challenge = challenge.trim_start();
    let mut rest = challenge.split_once(' ').map_or("", |(_scheme, rest)| rest);
    let mut found = Vec::new();
    while found.len() < MAX_PARAMETERS {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((name, after)) = rest.split_once('=') else { break };
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        found.push((name.trim().to_owned(), value));
        rest = tail;
    }
    found
}

/// A quoted string after its first quote, and what follows its last.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MUFASA: Asked<'static> = Asked {
        method: "GET",
        uri: "/dir/index.html",
        entity: b"",
        user: "Mufasa",
        password: "Circle Of Life",
        cnonce: "0a4f113b",
    };

    #[test]
    fn the_example_of_rfc_2617_comes_out() {
        let challenge = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        assert_eq!(
            authorization(challenge, &MUFASA),
            "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", \
             cnonce=\"0a4f113b\", qop=auth, nc=00000001, \
             response=\"6629fae49393a05397450978507c4ef1\", \
             opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""
        );
    }

    #[test]
    fn what_k6_answered_without_and_with_a_quality_of_protection() {
        let asked = Asked {
            uri: "/d?x=1",
            user: "u",
            password: "p",
            cnonce: "b85115602ed840ba7655b21eb1f43a45",
            ..MUFASA
        };
        let challenge =
            "Digest realm=\"sq\", nonce=\"abc\", qop=\"auth\", opaque=\"o\", algorithm=MD5";
        let answer = authorization(challenge, &asked);
        assert!(answer.contains("response=\"3fe3d14c20523fbd444278b28dc41462\""), "{answer}");
        assert!(answer.ends_with("opaque=\"o\", algorithm=\"MD5\""), "{answer}");
        let empty = authorization("", &asked);
        assert!(empty.starts_with("Digest username=\"u\", realm=\"\", nonce=\"\""), "{empty}");
        assert!(!empty.contains("qop"));
    }

    #[test]
    fn parameters_have_blanks_commas_and_escapes() {
        let found = parameters("Digest realm=\"a, \\\"b\\\" c\" , nonce=x=y,stale , qop = \"auth");
        let found: Vec<_> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(found[..2], [("realm", "a, \"b\" c"), ("nonce", "x=y")]);
        assert_eq!(found.last().unwrap().1, "auth");
    }

    proptest! {
        #[test]
        fn no_challenge_is_a_panic_or_an_invalid_header(challenge in ".{0,200}") {
            let answer = authorization(&challenge, &MUFASA);
            prop_assert!(answer.starts_with("Digest "));
            prop_assert!(!answer.chars().any(char::is_control));
        }
    }
}
