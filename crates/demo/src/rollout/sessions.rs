//! Session login: whoever names a test user and the password gets a session, as a cookie and as a bearer token.
//!
//! A session's key carries its own proof, so that any number of them costs no memory.

use super::required;
use crate::answer::Answer;
use crate::auth::hex_md5;
use crate::reader::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// The seed's three test users.
const USERS: [&str; 3] = ["loadtest_user", "cab_approver", "publisher_user"];
/// Users of a burst bring a name of their own each; they exist as soon as they log in.
const BURST_USERS: &str = "burst_user_";
/// Every user's.
const PASSWORD: &str = "test123";
const COOKIE: &str = "sessionid";

/// Who has logged in how often.
pub(super) struct Sessions {
    opened: u64,
}

impl Sessions {
    pub(super) fn new() -> Sessions {
        Sessions { opened: 0 }
    }

    /// `POST /api/v1/auth/login/` with `username` (or `email`) and `password`.
    pub(super) fn login(&mut self, fields: &Map<String, Value>, out: &mut Answer) {
        let name = if fields.contains_key("username") { "username" } else { "email" };
        let (user, password) = match (required(fields, name), required(fields, "password")) {
            (Ok(user), Ok(password)) => (user, password),
            (Err(detail), _) | (_, Err(detail)) => return out.error(400, &detail),
        };
        if !is_user(user) || password != PASSWORD {
            return out.error(401, "Invalid username or password");
        }
        self.opened += 1;
        let key = key(self.opened, user);
        let csrf = hex_md5(format!("squall demo csrf {key}").as_bytes());
        out.json(&json!({ "user": { "username": user }, "session_id": key, "token": key }));
        out.header("Set-Cookie", &format!("csrftoken={csrf}; Path=/; SameSite=Lax"));
        out.header("Set-Cookie", &format!("{COOKIE}={key}; HttpOnly; Path=/; SameSite=Lax"));
    }

    /// Takes the cookies back.
    pub(super) fn logout(out: &mut Answer) {
        out.json(&json!({ "message": "Logged out" }));
        for name in ["csrftoken", COOKIE] {
            let gone = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/";
            out.header("Set-Cookie", &format!("{name}=; {gone}"));
        }
    }
}

fn is_user(name: &str) -> bool {
    USERS.contains(&name) || name.starts_with(BURST_USERS)
}

/// `NUMBER.USER.PROOF`, all of it characters that cookies and headers carry as they are.
fn key(number: u64, user: &str) -> String {
    let proof = hex_md5(format!("squall demo session {number} of {user}").as_bytes());
    format!("{number:x}.{}.{proof}", URL_SAFE_NO_PAD.encode(user))
}

fn user_of_key(key: &str) -> Option<String> {
    let mut parts = key.split('.');
    let number = u64::from_str_radix(parts.next()?, 16).ok()?;
    let user = String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?;
    (self::key(number, &user) == key).then_some(user)
}

/// Whose session a request carries: in its cookie, else as a bearer token.
pub(super) fn user_of(request: &Request<'_>) -> Option<String> {
    let in_cookie = request
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
        .find_map(|(_, value)| session_in(std::str::from_utf8(value).ok()?));
    let bearer = || request.header("authorization")?.strip_prefix("Bearer ");
    in_cookie.and_then(user_of_key).or_else(|| bearer().and_then(user_of_key))
}

fn session_in(cookies: &str) -> Option<&str> {
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::super::object;
    use super::*;

    #[test]
    fn test_users_get_a_session_and_nobody_else() {
        let mut sessions = Sessions::new();
        for (credentials, status) in [
            (json!({ "username": "loadtest_user", "password": "test123" }), 200),
            (json!({ "email": "cab_approver", "password": "test123" }), 200),
            (json!({ "username": "publisher_user", "password": "test123" }), 200),
            (json!({ "username": "burst_user_0a1b2c3d", "password": "test123" }), 200),
            (json!({ "username": "loadtest_user", "password": "test124" }), 401),
            (json!({ "username": "somebody", "password": "test123" }), 401),
            (json!({ "username": "loadtest_user" }), 400),
            (json!({ "password": "test123" }), 400),
            (json!({ "username": 7, "password": "test123" }), 400),
        ] {
            let mut answer = Answer::new();
            sessions.login(&object(credentials.clone()), &mut answer);
            assert_eq!(answer.status, status, "{credentials}");
            let headers = String::from_utf8(answer.headers).unwrap();
            assert_eq!(headers.contains("sessionid="), status == 200, "{headers}");
        }
    }

    #[test]
    fn keys_prove_themselves() {
        let key = key(26, "loadtest_user");
        assert_eq!(user_of_key(&key).as_deref(), Some("loadtest_user"));
        for wrong in ["", "1a", &key[1..], &key.replacen("1a.", "1b.", 1), &format!("{key}x")] {
            assert_eq!(user_of_key(wrong), None, "{wrong}");
        }
        assert_eq!(session_in("csrftoken=x; sessionid=y; z=1"), Some("y"));
        assert_eq!(session_in("mysessionid=y"), None);
    }
}
