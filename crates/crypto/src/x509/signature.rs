//! Go's names of signature algorithms.

use crate::der::{self, INTEGER, OID, Reader, SEQUENCE, explicit};

const UNKNOWN: &str = "UnknownSignatureAlgorithm";

/// The name for the content of an `AlgorithmIdentifier`.
pub(super) fn name(content: &[u8]) -> &'static str {
    let mut identifier = Reader::new(content);
    let id = identifier.content(OID).and_then(der::oid_text);
    match id.as_deref() {
        Some("1.2.840.113549.1.1.4") => "MD5-RSA",
        Some("1.2.840.113549.1.1.5" | "1.3.14.3.2.29") => "SHA1-RSA",
        Some("1.2.840.113549.1.1.10") => pss(&mut identifier).unwrap_or(UNKNOWN),
        Some("1.2.840.113549.1.1.11") => "SHA256-RSA",
        Some("1.2.840.113549.1.1.12") => "SHA384-RSA",
        Some("1.2.840.113549.1.1.13") => "SHA512-RSA",
        Some("1.2.840.10040.4.3") => "DSA-SHA1",
        Some("2.16.840.1.101.3.4.3.2") => "DSA-SHA256",
        Some("1.2.840.10045.4.1") => "ECDSA-SHA1",
        Some("1.2.840.10045.4.3.2") => "ECDSA-SHA256",
        Some("1.2.840.10045.4.3.3") => "ECDSA-SHA384",
        Some("1.2.840.10045.4.3.4") => "ECDSA-SHA512",
        Some("1.3.101.112") => "Ed25519",
        _ => UNKNOWN,
    }
}

/// RSASSA-PSS is known only with one hash for all, and a salt as long as the hash.
fn pss(identifier: &mut Reader<'_>) -> Option<&'static str> {
    const MGF1: &str = "1.2.840.113549.1.1.8";
    let mut parameters = identifier.inside(SEQUENCE)?;
    let hash = parameters.inside(explicit(0))?.inside(SEQUENCE)?.content(OID)?;
    let mut mask = parameters.inside(explicit(1))?.inside(SEQUENCE)?;
    if der::oid_text(mask.content(OID)?)? != MGF1 || mask.inside(SEQUENCE)?.content(OID)? != hash {
        return None;
    }
    let salt = parameters.inside(explicit(2))?.content(INTEGER)?;
    match (der::oid_text(hash)?.as_str(), salt) {
        ("2.16.840.1.101.3.4.2.1", [32]) => Some("SHA256-RSAPSS"),
        ("2.16.840.1.101.3.4.2.2", [48]) => Some("SHA384-RSAPSS"),
        ("2.16.840.1.101.3.4.2.3", [64]) => Some("SHA512-RSAPSS"),
        _ => None,
    }
}
