//! `httpDebug`: requests and responses in the log.

use net::http::{Request, Response};

use super::VuHttp;
use super::exchange::Call;
use super::fields::text;
use super::settings::Debug;
use crate::host::VuHost;
use crate::log::Level;

/// The fields of one call's debug lines.
#[derive(Debug, Clone)]
pub(super) struct DebugFields(Vec<(&'static str, String)>);

impl DebugFields {
    /// The fields of a call made now.
    pub(super) fn new(host: &VuHost) -> Self {
        let mut fields = vec![
            ("source", "http-debug".to_owned()),
            ("request_id", request_id()),
            ("vu", host.id_in_instance.to_string()),
            ("iter", host.iterations.get().saturating_sub(1).to_string()),
            ("group", host.tags.borrow().group().to_owned()),
        ];
        if let Some(scenario) = host.tags.borrow().get("scenario") {
            fields.push(("scenario", scenario.to_owned()));
        }
        Self(fields)
    }
}

/// Looks like a UUID of version 4, as k6's.
fn request_id() -> String {
    let hex = random_hex(32);
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// Random hexadecimal digits, to tell things apart (not to keep secrets).
pub(super) fn random_hex(digits: usize) -> String {
    use std::hash::{BuildHasher, Hasher};
    let mut out = String::with_capacity(digits + 16);
    let seeds = std::collections::hash_map::RandomState::new();
    let mut block = rt::unix_nanos();
    while out.len() < digits {
        let mut hasher = seeds.build_hasher();
        hasher.write_u64(block);
        block = hasher.finish();
        out.push_str(&format!("{block:016x}"));
    }
    out.truncate(digits);
    out
}

impl VuHttp {
    pub(super) fn debug_request(&self, call: &Call, request: &Request) {
        let (Some(level), Some(fields)) = (self.settings.debug, &call.debug) else { return };
        let mut out = format!("Request:\n{} {} HTTP/1.1\n", request.method, request.url.target());
        let host = request.headers.host().map_or_else(|| request.url.host_header(), Into::into);
        out.push_str(&format!("Host: {host}\n"));
        let line = |name: &str, value: &[u8]| format!("{name}: {}\n", text(value));
        let (agents, others): (Vec<_>, Vec<_>) =
            request.headers.iter().partition(|(name, _)| *name == "User-Agent");
        out.extend(agents.into_iter().map(|(name, value)| line(name, value)));
        match request.body.length() {
            Some(0) => {}
            Some(length) => out.push_str(&format!("Content-Length: {length}\n")),
            None => out.push_str("Transfer-Encoding: chunked\n"),
        }
        out.extend(others.into_iter().map(|(name, value)| line(name, value)));
        out.push('\n');
        if level == Debug::Full {
            out.push_str(&text(request.body.as_bytes().unwrap_or_default()));
        }
        out.push('\n');
        self.log(Level::Info, out, fields.0.clone());
    }

    pub(super) fn debug_response(&self, call: &Call, response: &Response) {
        let (Some(level), Some(fields)) = (self.settings.debug, &call.debug) else { return };
        let mut out =
            format!("Response:\n{} {}\n", response.version.as_str(), response.status_text());
        // Go's dump puts framing first and sorts the rest.
        let is_framing = |name: &str| matches!(name, "Content-Length" | "Transfer-Encoding");
        let mut headers: Vec<_> = response
            .headers()
            .map(|(name, value)| (net::http::canonical_name(name), text(value)))
            .collect();
        headers.sort_by(|a, b| is_framing(&b.0).cmp(&is_framing(&a.0)).then_with(|| a.0.cmp(&b.0)));
        out.extend(headers.iter().map(|(name, value)| format!("{name}: {value}\n")));
        out.push('\n');
        if level == Debug::Full {
            out.push_str(&text(response.body()));
        }
        out.push('\n');
        self.log(Level::Info, out, fields.0.clone());
    }
}
