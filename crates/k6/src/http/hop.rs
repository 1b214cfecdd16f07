//! What Go's client carries from one hop of a redirect to the next, and what it keeps back.

use std::borrow::Cow;

use base64::Engine as _;
use net::http::{Headers, Request};
use net::url::{Scheme, Url};

/// What goes along with a redirect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carry {
    /// The next host is not to see what the script told the first.
    pub strips_secrets: bool,
    /// The body goes along.
    pub keeps_body: bool,
    /// The `Location` names no host, so that a `Host` of the script's stays.
    pub is_relative: bool,
}

/// Copies the first request's headers to the next hop as Go's client does.
pub(super) fn copy_headers(from: &Headers, to: &mut Headers, carry: Carry) {
    const SECRET: [&str; 6] = [
        "Authorization",
        "Www-Authenticate",
        "Cookie",
        "Cookie2",
        "Proxy-Authorization",
        "Proxy-Authenticate",
    ];
    const OF_BODY: [&str; 4] =
        ["Content-Encoding", "Content-Language", "Content-Location", "Content-Type"];
    for (name, value) in from.iter() {
        let is_secret = carry.strips_secrets && SECRET.contains(&name);
        let is_of_body = !carry.keeps_body && OF_BODY.contains(&name);
        // k6 makes the Cookie header anew for each hop.
        if !is_secret && !is_of_body && name != "Cookie" {
            let _ = to.add(name, value);
        }
    }
    if carry.is_relative
        && let Some(host) = from.host()
    {
        let _ = to.add("Host", host.as_bytes());
    }
}

/// Adds basic authentication from the URL's user info unless the request brings its own.
pub(super) fn authorize(request: &mut Request) {
    if request.headers.get("authorization").is_some() {
        return;
    }
    if let Some((user, password)) = request.url.user_info() {
        let plain = format!("{user}:{}", password.unwrap_or_default());
        let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(plain));
        let _ = request.headers.add("Authorization", value.as_bytes());
    }
}

/// Whether a host may see what was meant for `parent`.
pub(super) fn is_same_or_subdomain(parent: &str, host: &str) -> bool {
    let (parent, host) = (parent.to_ascii_lowercase(), host.to_ascii_lowercase());
    parent == host
        || (!host.contains([':', '%'])
            && host.strip_suffix(&parent).is_some_and(|rest| rest.ends_with('.')))
}

/// What a `Referer` says: the last URL without user info; nothing from https to http.
pub(super) fn referer(last: &Url, next: &Url) -> Option<String> {
    if last.scheme() == Scheme::Https && next.scheme() == Scheme::Http {
        return None;
    }
    Some(replace_user(last, ""))
}

/// The URL as Go's errors show it.
pub(super) fn without_password(url: &Url) -> Cow<'_, str> {
    match url.user_info() {
        Some((_, Some(_))) => {
            let text = url.as_str();
            let user = text
                .split("//")
                .nth(1)
                .and_then(|rest| rest.split([':', '@']).next())
                .unwrap_or_default();
            Cow::Owned(replace_user(url, &format!("{user}:***@")))
        }
        _ => Cow::Borrowed(url.as_str()),
    }
}

pub(super) fn replace_user(url: &Url, user: &str) -> String {
    let text = url.as_str();
    if url.user_info().is_none() {
        return text.to_owned();
    }
    let start = text.find("//").map_or(0, |at| at + 2);
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    let host = text[start..end].rfind('@').map_or(start, |at| start + at + 1);
    [&text[..start], user, &text[host..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn referers_and_errors_hide_the_password() {
        let with_user = url("http://u:p%40@h:1/a?b#c");
        assert_eq!(referer(&with_user, &url("http://x/")).as_deref(), Some("http://h:1/a?b#c"));
        assert_eq!(without_password(&with_user), "http://u:***@h:1/a?b#c");
        assert_eq!(without_password(&url("http://u@h/")), "http://u@h/");
        assert_eq!(referer(&url("https://h/"), &url("http://h/")), None);
    }

    #[test]
    fn secrets_go_to_the_same_host_and_below_it_only() {
        for (parent, host, may) in [
            ("foo.com", "foo.com", true),
            ("foo.com", "sub.Foo.com", true),
            ("foo.com", "evilfoo.com", false),
            ("sub.foo.com", "foo.com", false),
            ("::1", "::1", true),
        ] {
            assert_eq!(is_same_or_subdomain(parent, host), may, "{parent} {host}");
        }
    }

    #[test]
    fn headers_of_a_dropped_body_and_secrets_stay_behind() {
        let mut from = Headers::new();
        for name in ["Authorization", "Content-Type", "Cookie", "X-A", "Host"] {
            from.add(name, b"v").unwrap();
        }
        let names = |carry| {
            let mut to = Headers::new();
            copy_headers(&from, &mut to, carry);
            let mut names: Vec<String> = to.iter().map(|(name, _)| name.to_owned()).collect();
            names.extend(to.host().map(|_| "Host".to_owned()));
            names.join(" ")
        };
        let all = Carry { strips_secrets: false, keeps_body: true, is_relative: true };
        assert_eq!(names(all), "Authorization Content-Type X-A Host");
        assert_eq!(
            names(Carry { strips_secrets: true, keeps_body: false, is_relative: false }),
            "X-A"
        );
    }
}
