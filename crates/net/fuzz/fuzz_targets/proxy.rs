//! Any values of the environment are proxies or none, and so is each decision.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::proxy::Proxies;
use net::url::Url;

fuzz_target!(|input: (&str, &str, &str)| {
    let proxies = Proxies::new(input.0, input.0, input.1);
    let Ok(url) = Url::parse(input.2) else { return };
    let Ok(port) = url.port() else { return };
    let _ = proxies.of(&url, port).map(|proxy| proxy.authorization());
});
