//! Any line is a cookie or none; what a jar takes of it goes back to where it came from as it came, and only until it expires.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::cookie::{Jar, SetCookie, Site};

fuzz_target!(|input: (&str, &str, &str, u32)| {
    let (line, host, path, now) = input;
    let Some(cookie) = SetCookie::parse(line) else { return };
    let (site, now) = (Site { tls: true, host, path }, i64::from(now));
    let mut jar = Jar::new();
    if jar.set(site, &cookie, now).is_err() {
        assert!(jar.is_empty());
        return;
    }
    for (name, value, quoted) in jar.cookies(site, now) {
        assert_eq!((name, value, quoted), (&*cookie.name, &*cookie.value, cookie.quoted));
        assert!(cookie.max_age >= 0 && (cookie.max_age > 0 || cookie.expires.is_none_or(|at| at > now)));
    }
    jar.remove(site, Some(&cookie.name), now);
    assert!(jar.cookies(site, now).is_empty());
});
