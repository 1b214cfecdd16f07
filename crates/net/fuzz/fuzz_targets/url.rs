//! Any text is a URL or refused, and what a URL prints is the same URL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::url::Url;

fuzz_target!(|input: (&str, &str)| {
    let Ok(url) = Url::parse(input.0) else { return };
    let _ = (url.host(), url.port(), url.user_info(), url.target(), url.masked(), url.host_header());
    let _ = url.join(input.1);
    assert_eq!(Url::parse(url.as_str()).map(|again| again.to_string()), Ok(url.to_string()));
});
