//! `rustls`'s errors in k6's numbers and Go's words.

use jiff::SignedDuration;
use jiff::civil::DateTime;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error};

use crate::error::{NetError, code};

/// Why a handshake or a protected stream failed.
#[cold]
pub(super) fn explain(error: &Error, host: &str) -> NetError {
    match error {
        Error::InvalidCertificate(reason) => certificate(reason, host),
        Error::AlertReceived(alert) => {
            NetError::new(code::NON_TCP, format!("remote error: tls: {}", alert_text(*alert)))
        }
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => not_tls(),
        Error::PeerIncompatible(reason) => {
            NetError::new(code::TLS, format!("tls: peer is incompatible: {reason:?}"))
        }
        other => NetError::new(code::TLS, format!("tls: {other}")),
    }
}

/// The peer does not speak TLS.
#[cold]
pub(super) fn not_tls() -> NetError {
    NetError::new(code::TLS_RECORD, "tls: first record does not look like a TLS handshake")
}

fn certificate(reason: &CertificateError, host: &str) -> NetError {
    let detailed = |code: u16, message: &'static str, detail: String| {
        NetError::new(code, message)
            .with_detail(format!("tls: failed to verify certificate: x509: {detail}"))
    };
    match reason {
        CertificateError::NotValidForName => detailed(
            code::HOSTNAME_MISMATCH,
            MISMATCH,
            format!("certificate is not valid for {host}"),
        ),
        CertificateError::NotValidForNameContext { expected, presented } => {
            detailed(code::HOSTNAME_MISMATCH, MISMATCH, mismatch(expected, presented))
        }
        CertificateError::ExpiredContext { time, not_after } => validity(&format!(
            "current time {} is after {}",
            rfc3339(time.as_secs()),
            rfc3339(not_after.as_secs())
        )),
        CertificateError::NotValidYetContext { time, not_before } => validity(&format!(
            "current time {} is before {}",
            rfc3339(time.as_secs()),
            rfc3339(not_before.as_secs())
        )),
        CertificateError::Expired => validity("it has expired"),
        CertificateError::NotValidYet => validity("it is not valid yet"),
        CertificateError::UnknownIssuer => detailed(
            code::UNKNOWN_AUTHORITY,
            "x509: unknown authority",
            "certificate signed by unknown authority".into(),
        ),
        other => {
            let text = format!("x509: {other}");
            let detail = format!("tls: failed to verify certificate: {text}");
            NetError::new(code::GENERIC, text).with_detail(detail)
        }
    }
}

const MISMATCH: &str = "x509: certificate doesn't match hostname";

fn mismatch(expected: &ServerName<'_>, presented: &[String]) -> String {
    let name = expected.to_str();
    // webpki lists names as `DnsName("a.test")` and `IpAddress(…)`.
    let inner = |kind: &str| -> Vec<&str> {
        presented
            .iter()
            .filter_map(|p| p.strip_prefix(kind)?.strip_prefix("(\"")?.strip_suffix("\")"))
            .collect()
    };
    match expected {
        ServerName::IpAddress(_) if !presented.iter().any(|p| p.starts_with("IpAddress")) => {
            format!("cannot validate certificate for {name} because it doesn't contain any IP SANs")
        }
        _ => {
            let names = inner("DnsName");
            if names.is_empty() {
                format!("certificate is not valid for any names, but wanted to match {name}")
            } else {
                format!("certificate is valid for {}, not {name}", names.join(", "))
            }
        }
    }
}

fn validity(reason: &str) -> NetError {
    let text = format!("x509: certificate has expired or is not yet valid: {reason}");
    let detail = format!("tls: failed to verify certificate: {text}");
    NetError::new(code::GENERIC, text).with_detail(detail)
}

/// Unix seconds as `2026-11-21T00:49:04Z`; what lies beyond the year 9999 as its end, which in certificates means never.
fn rfc3339(unix_s: u64) -> String {
    let since = SignedDuration::from_secs(i64::try_from(unix_s).unwrap_or(i64::MAX));
    let time = DateTime::constant(1970, 1, 1, 0, 0, 0, 0).saturating_add(since);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What Go calls an alert.
fn alert_text(alert: AlertDescription) -> String {
    use AlertDescription as A;
    match alert {
        A::CloseNotify => "close notify",
        A::UnexpectedMessage => "unexpected message",
        A::BadRecordMac => "bad record MAC",
        A::DecryptionFailed => "decryption failed",
        A::RecordOverflow => "record overflow",
        A::DecompressionFailure => "decompression failure",
        A::HandshakeFailure => "handshake failure",
        A::BadCertificate => "bad certificate",
        A::UnsupportedCertificate => "unsupported certificate",
        A::CertificateRevoked => "revoked certificate",
        A::CertificateExpired => "expired certificate",
        A::CertificateUnknown => "unknown certificate",
        A::IllegalParameter => "illegal parameter",
        A::UnknownCA => "unknown certificate authority",
        A::AccessDenied => "access denied",
        A::DecodeError => "error decoding message",
        A::DecryptError => "error decrypting message",
        A::ExportRestriction => "export restriction",
        A::ProtocolVersion => "protocol version not supported",
        A::InsufficientSecurity => "insufficient security level",
        A::InternalError => "internal error",
        A::InappropriateFallback => "inappropriate fallback",
        A::UserCanceled => "user canceled",
        A::NoRenegotiation => "no renegotiation",
        A::MissingExtension => "missing extension",
        A::UnsupportedExtension => "unsupported extension",
        A::CertificateUnobtainable => "certificate unobtainable",
        A::UnrecognisedName => "unrecognized name",
        A::BadCertificateStatusResponse => "bad certificate status response",
        A::BadCertificateHashValue => "bad certificate hash value",
        A::UnknownPSKIdentity => "unknown PSK identity",
        A::CertificateRequired => "certificate required",
        A::NoApplicationProtocol => "no application protocol",
        other => return format!("alert({})", u8::from(other)),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_in_go() {
        for (unix_s, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_222_144, "2026-11-21T00:49:04Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(unix_s), text);
        }
    }

    #[test]
    fn an_alert_has_gos_words() {
        let error = explain(&Error::AlertReceived(AlertDescription::HandshakeFailure), "h");
        assert_eq!((error.code, &*error.message), (1010, "remote error: tls: handshake failure"));
    }
}
