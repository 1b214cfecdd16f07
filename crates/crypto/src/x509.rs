//! X.509 certificates (RFC 5280): what `k6/crypto/x509` tells of them, with the texts of Go's parser for mistakes.

mod name;
mod pem;
mod signature;

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::der::{
    self, BIT_STRING, BOOLEAN, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE,
    explicit,
};
pub use name::{Attribute, Name};
pub use pem::decode as decode_pem;

/// Why something is no certificate; the text is Go's, without its `x509: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("x509: {0}")]
pub struct Malformed(pub String);

fn malformed(what: &str) -> Malformed {
    Malformed(format!("malformed {what}"))
}

/// A certificate, as far as scripts can ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is for.
    pub subject: Name,
    /// Who signed it.
    pub issuer: Name,
    /// Valid from, RFC 3339 in UTC.
    pub not_before: String,
    /// Valid until, RFC 3339 in UTC.
    pub not_after: String,
    /// Alternative names: DNS names, mail addresses, IP addresses, URIs.
    pub alt_names: Vec<String>,
    /// Go's name of the signature algorithm, `UnknownSignatureAlgorithm` for others.
    pub signature_algorithm: String,
    /// SHA-1 of the certificate.
    pub fingerprint: Vec<u8>,
    /// The key it is for; `None` for algorithms scripts can't look at.
    pub public_key: Option<PublicKey>,
}

/// A public key of a certificate. Numbers are big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Modulus and exponent.
    Rsa {
        /// Modulus.
        n: Vec<u8>,
        /// Public exponent.
        e: u64,
    },
    /// A point on a curve.
    Ecdsa {
        /// Abscissa.
        x: Vec<u8>,
        /// Ordinate.
        y: Vec<u8>,
        /// The curve, as `P-256`.
        curve: &'static str,
    },
    /// Domain parameters and public value.
    Dsa {
        /// Prime modulus.
        p: Vec<u8>,
        /// Prime divisor.
        q: Vec<u8>,
        /// Generator.
        g: Vec<u8>,
        /// Public value.
        y: Vec<u8>,
    },
}

/// Reads a certificate, DER.
///
/// # Errors
/// Go's text.
pub fn parse(bytes: &[u8]) -> Result<Certificate, Malformed> {
    let mut input = Reader::new(bytes);
    let whole = input.element(SEQUENCE).ok_or_else(|| malformed("certificate"))?;
    if !input.is_empty() {
        return Err(Malformed("trailing data".to_owned()));
    }
    let mut outer = Reader::new(whole.content);
    let mut tbs = outer.inside(SEQUENCE).ok_or_else(|| malformed("tbs certificate"))?;
    let version = version(&mut tbs)?;
    let serial = tbs.content(INTEGER).ok_or_else(|| malformed("serial number"))?;
    if serial.first().is_some_and(|byte| byte & 0x80 != 0) {
        return Err(Malformed("negative serial number".to_owned()));
    }
    let algorithm =
        tbs.element(SEQUENCE).ok_or_else(|| malformed("signature algorithm identifier"))?;
    let outside = outer.element(SEQUENCE).ok_or_else(|| malformed("algorithm identifier"))?;
    if outside.whole != algorithm.whole {
        let text = "inner and outer signature algorithm identifiers don't match";
        return Err(Malformed(text.to_owned()));
    }
    let issuer = name::read(&mut tbs)?;
    let mut validity = tbs.inside(SEQUENCE).ok_or_else(|| malformed("validity"))?;
    let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
    let subject = name::read(&mut tbs)?;
    let public_key = public_key(&mut tbs)?;
    let mut alt_names = Vec::new();
    if version > 1 {
        for id in [1, 2] {
            let _ = tbs.element(0x80 | id);
        }
        if let Some(mut extensions) = tbs.inside(explicit(3)) {
            alt_names = alternative_names(&mut extensions)?;
        }
    }
    outer.content(BIT_STRING).ok_or_else(|| malformed("signature"))?;
    Ok(Certificate {
        subject,
        issuer,
        not_before,
        not_after,
        alt_names,
        signature_algorithm: signature::name(algorithm.content).to_owned(),
        fingerprint: crate::hash::Hash::Sha1.digest(bytes),
        public_key,
    })
}

/// 1, 2 or 3.
fn version(tbs: &mut Reader<'_>) -> Result<u8, Malformed> {
    let Some(mut inside) = tbs.inside(explicit(0)) else { return Ok(1) };
    match inside.unsigned() {
        Some([]) => Ok(1),
        Some([n @ 1..=2]) => Ok(n + 1),
        Some(_) => Err(Malformed("invalid version".to_owned())),
        None => Err(malformed("version")),
    }
}

/// `UTCTime` or `GeneralizedTime` as RFC 3339.
fn time(validity: &mut Reader<'_>) -> Result<String, Malformed> {
    const UTC_TIME: u8 = 0x17;
    let unsupported = || Malformed("unsupported time format".to_owned());
    let element = validity.any().ok_or_else(unsupported)?;
    let text = std::str::from_utf8(element.content).ok().filter(|text| text.is_ascii());
    let what = match element.tag {
        UTC_TIME => "UTCTime",
        GENERALIZED_TIME => "GeneralizedTime",
        _ => return Err(unsupported()),
    };
    let bad = || malformed(what);
    let digits = text.and_then(|text| text.strip_suffix('Z')).ok_or_else(bad)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let full = match (element.tag, digits.len()) {
        // Years from 50 on are of the last century (RFC 5280, 4.1.2.5.1).
        (UTC_TIME, 12 | 10) => {
            let century = if digits < "50" { "20" } else { "19" };
            format!("{century}{digits:0<12}")
        }
        (GENERALIZED_TIME, 14) => digits.to_owned(),
        _ => return Err(bad()),
    };
    let part = |at: usize| full.get(at..at + 2).and_then(|two| two.parse::<u8>().ok());
    let is_in = |at, range: std::ops::RangeInclusive<u8>| {
        part(at).is_some_and(|value| range.contains(&value))
    };
    if !(is_in(4, 1..=12)
        && is_in(6, 1..=31)
        && is_in(8, 0..=23)
        && is_in(10, 0..=59)
        && is_in(12, 0..=59))
    {
        return Err(bad());
    }
    Ok(format!(
        "{}-{}-{}T{}:{}:{}Z",
        &full[..4],
        &full[4..6],
        &full[6..8],
        &full[8..10],
        &full[10..12],
        &full[12..14]
    ))
}

fn public_key(tbs: &mut Reader<'_>) -> Result<Option<PublicKey>, Malformed> {
    let mut spki = tbs.inside(SEQUENCE).ok_or_else(|| malformed("spki"))?;
    let mut algorithm =
        spki.inside(SEQUENCE).ok_or_else(|| malformed("public key algorithm identifier"))?;
    let id = algorithm.content(OID).ok_or_else(|| malformed("algorithm identifier"))?;
    let key = spki.bits().ok_or_else(|| malformed("subjectPublicKey"))?;
    match der::oid_text(id).as_deref() {
        Some("1.2.840.113549.1.1.1") => rsa(key).map(Some),
        Some("1.2.840.10045.2.1") => ecdsa(&mut algorithm, key).map(Some),
        Some("1.2.840.10040.4.1") => dsa(&mut algorithm, key).map(Some),
        _ => Ok(None),
    }
}

fn rsa(key: &[u8]) -> Result<PublicKey, Malformed> {
    let bad = |what: &str| Malformed(format!("invalid RSA {what}"));
    let mut numbers = Reader::new(key).inside(SEQUENCE).ok_or_else(|| bad("public key"))?;
    let n = numbers.unsigned().ok_or_else(|| bad("modulus"))?;
    let e = numbers.unsigned().ok_or_else(|| bad("public exponent"))?;
    if n.is_empty() {
        return Err(Malformed("RSA modulus is not a positive number".to_owned()));
    }
    if e.is_empty() {
        return Err(Malformed("RSA public exponent is not a positive number".to_owned()));
    }
    if e.len() > 8 {
        return Err(bad("public exponent"));
    }
    let e = e.iter().fold(0, |e, byte| e << 8 | u64::from(*byte));
    Ok(PublicKey::Rsa { n: n.to_vec(), e })
}

fn ecdsa(algorithm: &mut Reader<'_>, key: &[u8]) -> Result<PublicKey, Malformed> {
    let id =
        algorithm.content(OID).ok_or_else(|| Malformed("invalid ECDSA parameters".to_owned()))?;
    let (curve, bytes) = match der::oid_text(id).as_deref() {
        Some("1.3.132.0.33") => ("P-224", 28),
        Some("1.2.840.10045.3.1.7") => ("P-256", 32),
        Some("1.3.132.0.34") => ("P-384", 48),
        Some("1.3.132.0.35") => ("P-521", 66),
        _ => return Err(Malformed("unsupported elliptic curve".to_owned())),
    };
    match key.split_first() {
        Some((4, point)) if point.len() == 2 * bytes => {
            let (x, y) = point.split_at(bytes);
            Ok(PublicKey::Ecdsa { x: x.to_vec(), y: y.to_vec(), curve })
        }
        _ => Err(Malformed("failed to unmarshal elliptic curve point".to_owned())),
    }
}

fn dsa(algorithm: &mut Reader<'_>, key: &[u8]) -> Result<PublicKey, Malformed> {
    let bad = || Malformed("invalid DSA parameters".to_owned());
    let y = Reader::new(key)
        .unsigned()
        .ok_or_else(|| Malformed("invalid DSA public key".to_owned()))?;
    let mut numbers = algorithm.inside(SEQUENCE).ok_or_else(bad)?;
    let mut number = || numbers.unsigned().map(<[u8]>::to_vec).ok_or_else(bad);
    let (p, q, g) = (number()?, number()?, number()?);
    Ok(PublicKey::Dsa { p, q, g, y: y.to_vec() })
}

/// Names of the extension `subjectAltName` in Go's order: DNS, mail, IP, URI.
fn alternative_names(extensions: &mut Reader<'_>) -> Result<Vec<String>, Malformed> {
    let bad = || malformed("extensions");
    let mut list = extensions.inside(SEQUENCE).ok_or_else(bad)?;
    while !list.is_empty() {
        let bad = || malformed("extension");
        let mut extension = list.inside(SEQUENCE).ok_or_else(bad)?;
        let id = extension.content(OID).ok_or_else(bad)?;
        let _ = extension.content(BOOLEAN);
        let value = extension.content(OCTET_STRING).ok_or_else(bad)?;
        if der::oid_text(id).as_deref() == Some("2.5.29.17") {
            return general_names(value);
        }
    }
    Ok(Vec::new())
}

fn general_names(value: &[u8]) -> Result<Vec<String>, Malformed> {
    let bad = || Malformed("invalid subject alternative names".to_owned());
    let mut list = Reader::new(value).inside(SEQUENCE).ok_or_else(bad)?;
    let (mut dns, mut mail, mut ip, mut uri) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    while !list.is_empty() {
        let element = list.any().ok_or_else(bad)?;
        let (kind, names) = match element.tag {
            0x81 => ("rfc822Name", &mut mail),
            0x82 => ("dNSName", &mut dns),
            0x86 => ("uniformResourceIdentifier", &mut uri),
            0x87 => {
                ip.push(address(element.content)?);
                continue;
            }
            _ => continue,
        };
        match std::str::from_utf8(element.content) {
            Ok(text) if text.is_ascii() => names.push(text.to_owned()),
            _ => return Err(Malformed(format!("SAN {kind} is malformed"))),
        }
    }
    dns.extend(mail.into_iter().chain(ip).chain(uri));
    Ok(dns)
}

fn address(bytes: &[u8]) -> Result<String, Malformed> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes)
        .map_err(|_| Malformed(format!("cannot parse IP address of length {}", bytes.len())))?;
    let address = Ipv6Addr::from(sixteen);
    Ok(address.to_ipv4_mapped().map_or_else(|| address.to_string(), |four| four.to_string()))
}

#[cfg(test)]
mod tests;
