//! `/basic-auth/:user/:pass` (RFC 7617) and `/digest-auth/:qop/:user/:pass` (RFC 7616, MD5).

use crate::answer::Answer;
use crate::percent::{self, Plus};
use crate::reader::Request;
use crate::route::Route;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::json;
use std::collections::HashMap;

/// Without a space: real k6 panics on a digest challenge whose realm has one.
const REALM: &str = "squall";
/// Fixed, so that two clients can be compared byte for byte; nothing here needs protecting.
const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";

/// Answers one of the two endpoints.
pub(crate) fn answer(request: &Request<'_>, route: Route, answer: &mut Answer) {
    let (path, _) = request.path_and_query();
    let parts: Vec<_> =
        route.variables(path).split('/').map(|part| percent::decode(part, Plus::IsPlus)).collect();
    match parts.as_slice() {
        [user, pass] => basic(request, user, pass, answer),
        [qop, user, pass] => digest(request, qop, user, pass, answer),
        _ => answer.error(404, "not found"),
    }
}

fn basic(request: &Request<'_>, user: &str, pass: &str, answer: &mut Answer) {
    let want = format!("Basic {}", STANDARD.encode(format!("{user}:{pass}")));
    if request.header("authorization") == Some(want.as_str()) {
        answer.json(&json!({ "authenticated": true, "user": user }));
    } else {
        answer.error(401, "unauthorized");
        answer.header("WWW-Authenticate", &format!("Basic realm=\"{REALM}\""));
    }
}

fn digest(request: &Request<'_>, qop: &str, user: &str, pass: &str, answer: &mut Answer) {
    if qop != "auth" {
        return answer.error(400, "the only quality of protection here is `auth`");
    }
    let method = String::from_utf8_lossy(request.method());
    let accepted = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Digest "))
        .is_some_and(|value| {
            is_digest_valid(&fields(value), &method, request.target(), user, pass)
        });
    if accepted {
        answer.json(&json!({ "authenticated": true, "user": user }));
    } else {
        answer.error(401, "unauthorized");
        let challenge = format!(
            "Digest realm=\"{REALM}\", nonce=\"{NONCE}\", qop=\"auth\", opaque=\"squall\", \
             algorithm=MD5, stale=FALSE"
        );
        answer.header("WWW-Authenticate", &challenge);
    }
}

/// RFC 7616 3.4.1 with MD5, with and without `qop`.
fn is_digest_valid(
    fields: &HashMap<String, String>,
    method: &str,
    target: &str,
    user: &str,
    pass: &str,
) -> bool {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if field("username") != user || field("nonce") != NONCE || field("uri") != target {
        return false;
    }
    let ha1 = hex_md5(format!("{user}:{REALM}:{pass}").as_bytes());
    let ha2 = hex_md5(format!("{method}:{target}").as_bytes());
    let want = if field("qop") == "auth" {
        format!("{ha1}:{NONCE}:{}:{}:auth:{ha2}", field("nc"), field("cnonce"))
    } else {
        format!("{ha1}:{NONCE}:{ha2}")
    };
    field("response") == hex_md5(want.as_bytes())
}

/// `a="b", c=d` as a map.
fn fields(value: &str) -> HashMap<String, String> {
    let mut out = HashMap::new();
    let mut rest = value;
    while let Some((name, after)) = rest.split_once('=') {
        let (text, tail) = match after.strip_prefix('"') {
            Some(inner) => inner.split_once('"').unwrap_or((inner, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        out.insert(name.trim_matches([' ', ',']).to_ascii_lowercase(), text.trim().to_owned());
        rest = tail;
    }
    out
}

/// MD5 in lower-case hexadecimal.
pub(crate) fn hex_md5(data: &[u8]) -> String {
    Md5::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_fields_come_apart() {
        let got = fields(r#"username="u, v", qop=auth, nc=00000001, uri="/a?b=c""#);
        let want = [("username", "u, v"), ("qop", "auth"), ("nc", "00000001"), ("uri", "/a?b=c")];
        assert_eq!(got.len(), want.len());
        for (name, value) in want {
            assert_eq!(got[name], value);
        }
    }

    #[test]
    fn digests_are_checked_against_the_rfc() {
        let mut auth = HashMap::new();
        let mut set = |name: &str, value: String| auth.insert(name.to_owned(), value);
        set("username", "u".into());
        set("nonce", NONCE.into());
        set("uri", "/t".into());
        set("qop", "auth".into());
        set("nc", "00000001".into());
        set("cnonce", "c".into());
        let (ha1, ha2) = (hex_md5(format!("u:{REALM}:p").as_bytes()), hex_md5(b"GET:/t"));
        set("response", hex_md5(format!("{ha1}:{NONCE}:00000001:c:auth:{ha2}").as_bytes()));
        assert!(is_digest_valid(&auth, "GET", "/t", "u", "p"));
        assert!(!is_digest_valid(&auth, "POST", "/t", "u", "p"));
        assert!(!is_digest_valid(&auth, "GET", "/t", "u", "q"));
        assert!(!is_digest_valid(&HashMap::new(), "GET", "/t", "", "p"));
    }

    #[test]
    fn md5_is_md5() {
        assert_eq!(hex_md5(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }
}
