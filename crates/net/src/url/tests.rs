use super::*;
use proptest::prelude::*;

#[track_caller]
fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn parts_of_an_ordinary_url() {
    let u = url("http://user:p%40ss@Example.test:8080/a/b?x=[1]|{\"}#frag");
    assert_eq!(u.scheme(), Scheme::Http);
    assert_eq!(u.host(), "Example.test");
    assert_eq!(u.host_header(), "Example.test:8080");
    assert_eq!(u.port(), Ok(8080));
    assert_eq!(u.user_info(), Some(("user".into(), Some("p@ss".into()))));
    assert_eq!((u.path(), u.query(), u.fragment()), ("/a/b", Some("x=[1]|{\"}"), Some("frag")));
    assert_eq!(u.target(), "/a/b?x=[1]|{\"}");
    assert_eq!(u.masked(), "http://****:****@Example.test:8080/a/b?x=[1]|{\"}#frag");
}

#[test]
fn what_k6_sends_and_prints() {
    // (written, URL as printed, request target, Host header): measured with k6 2.2.
    for (written, printed, target, host) in [
        ("http://h:1/a b?c d#frag", "http://h:1/a%20b?c d#frag", "/a%20b?c d", "h:1"),
        ("http://h:1/é", "http://h:1/%C3%A9", "/%C3%A9", "h:1"),
        ("http://h:1?x=1", "http://h:1?x=1", "/?x=1", "h:1"),
        ("HTTP://OTHER.test/0", "http://OTHER.test/0", "/0", "OTHER.test"),
        ("http://[::1]:81/x", "http://[::1]:81/x", "/x", "[::1]:81"),
        ("http://h:/", "http://h:/", "/", "h"),
        ("http://h", "http://h", "/", "h"),
        ("http://h/a%2Fb", "http://h/a%2Fb", "/a%2Fb", "h"),
    ] {
        let u = url(written);
        assert_eq!((u.as_str(), &*u.target(), &*u.host_header()), (printed, target, host));
    }
    assert_eq!(url("http://[::1]:81/x").host(), "::1");
    assert_eq!(url("http://bücher.test/").host(), "xn--bcher-kva.test");
    assert_eq!(url("http://bücher.test:81/").host_header(), "xn--bcher-kva.test:81");
}

#[test]
fn refused_urls_have_gos_words() {
    for (text, error) in [
        ("http://a b/", r#"parse "http://a b/": invalid character " " in host name"#),
        ("http://h:abc/", r#"parse "http://h:abc/": invalid port ":abc" after host"#),
        ("http://%zz/", r#"parse "http://%zz/": invalid URL escape "%zz""#),
        ("http://h/%zz", r#"parse "http://h/%zz": invalid URL escape "%zz""#),
        (":x", r#"parse ":x": missing protocol scheme"#),
        ("http://h/\n", r#"parse "http://h/\n": net/url: invalid control character in URL"#),
    ] {
        assert_eq!(Url::parse(text).unwrap_err().to_string(), error);
    }
    let error = NetError::from(Url::parse("http://a b/").unwrap_err());
    assert_eq!(error.code, 1020);
}

use crate::error::NetError;

#[test]
fn urls_that_parse_and_cannot_be_requested() {
    for (text, scheme) in [("foo", ""), ("", ""), ("//x", ""), ("ftp://x/", "ftp")] {
        let u = url(text);
        assert_eq!((u.scheme(), u.scheme_str()), (Scheme::Other, scheme));
    }
    assert_eq!(url("http://").host(), "");
    assert_eq!(url("http://h:99999/").port(), Err(99999));
}

#[test]
fn references_resolve_after_rfc_3986() {
    let base = url("http://u@h:1/b/c/d;p?q#f");
    for (reference, expected) in [
        ("g", "http://u@h:1/b/c/g"),
        ("./g", "http://u@h:1/b/c/g"),
        ("g/", "http://u@h:1/b/c/g/"),
        ("/g", "http://u@h:1/g"),
        ("//g", "http://g"),
        ("?y", "http://u@h:1/b/c/d;p?y"),
        ("g?y", "http://u@h:1/b/c/g?y"),
        ("#s", "http://u@h:1/b/c/d;p?q#s"),
        ("", "http://u@h:1/b/c/d;p?q"),
        (".", "http://u@h:1/b/c/"),
        ("..", "http://u@h:1/b/"),
        ("../g", "http://u@h:1/b/g"),
        ("../../../g", "http://u@h:1/g"),
        ("https://x/y", "https://x/y"),
    ] {
        assert_eq!(base.join(reference).unwrap().as_str(), expected, "{reference}");
    }
    assert_eq!(url("http://h").join("x").unwrap().as_str(), "http://h/x");
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused(text in ".{0,60}", reference in ".{0,40}") {
        if let Ok(u) = Url::parse(&text) {
            let _ = (u.host(), u.port(), u.user_info(), u.target(), u.query(), u.fragment());
            let _ = (u.masked(), u.host_header(), u.join(&reference));
            // What was printed parses to itself.
            let again = Url::parse(u.as_str());
            prop_assert_eq!(again.map(|a| a.as_str().to_owned()), Ok(u.as_str().to_owned()));
        }
    }

    #[test]
    fn url_like_text_parses_or_is_refused(text in "(https?:)?(//)?[a-z0-9.:@\\[\\]%é]{0,20}[/?#a-z%0-9 .]{0,30}") {
        if let Ok(u) = Url::parse(&text) {
            let _ = (u.host(), u.port(), u.user_info(), u.target(), u.masked(), u.host_header());
        }
    }
}
