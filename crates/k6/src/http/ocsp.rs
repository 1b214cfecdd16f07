//! `res.ocsp`: what the response said that the server stapled to its certificate.

use crypto::ocsp::{Response, Status};
use net::tls::TlsInfo;

use crate::js::{Ctx, JsResult, Val};

/// k6's words for the state of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OcspStatus {
    Good,
    Revoked,
    /// Also where nothing was stapled, or nothing that can be read.
    Unknown,
}

impl OcspStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            OcspStatus::Good => "good",
            OcspStatus::Revoked => "revoked",
            OcspStatus::Unknown => "unknown",
        }
    }
}

/// What is told to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ocsp {
    pub status: OcspStatus,
    response: Option<Response>,
}

/// Reads what came with a connection.
pub(super) fn read(tls: &TlsInfo) -> Ocsp {
    let response = tls.ocsp.as_deref().and_then(crypto::ocsp::parse);
    let status = match response.map(|response| response.status) {
        Some(Status::Good) => OcspStatus::Good,
        Some(Status::Revoked { .. }) => OcspStatus::Revoked,
        Some(Status::Unknown) | None => OcspStatus::Unknown,
    };
    Ocsp { status, response }
}

/// k6's words for RFC 5280's numbers; there is no 7.
fn reason(number: u8) -> &'static str {
    match number {
        0 => "unspecified",
        1 => "key_compromise",
        2 => "ca_compromise",
        3 => "affiliation_changed",
        4 => "superseded",
        5 => "cessation_of_operation",
        6 => "certificate_hold",
        8 => "remove_from_crl",
        9 => "privilege_withdrawn",
        10 => "aa_compromise",
        _ => "",
    }
}

/// The object of a response; without TLS all of it is empty.
pub(super) fn object(cx: Ctx, tls: Option<&TlsInfo>) -> JsResult<Val> {
    let ocsp = tls.map(read);
    let response = ocsp.and_then(|ocsp| ocsp.response);
    let (revoked_at, why) = match response.map(|response| response.status) {
        Some(Status::Revoked { at, reason: number }) => (at, reason(number)),
        Some(_) => (GO_ZERO, reason(0)),
        None => (0, ""),
    };
    let object = cx.object()?;
    for (name, seconds) in [
        (c"produced_at", response.map_or(0, |response| response.produced_at)),
        (c"this_update", response.map_or(0, |response| response.this_update)),
        (c"next_update", response.map_or(0, |r| r.next_update.unwrap_or(GO_ZERO))),
        (c"revoked_at", revoked_at),
    ] {
        object.set_str(cx, name, cx.number(seconds as f64))?;
    }
    object.set_str(cx, c"revocation_reason", cx.string(why)?)?;
    let status = ocsp.map_or("", |ocsp| ocsp.status.as_str());
    object.set_str(cx, c"status", cx.string(status)?)?;
    Ok(object)
}

/// What Go's time without a value is in Unix seconds.
const GO_ZERO: i64 = -62_135_596_800;
