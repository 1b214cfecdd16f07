//! The envelopes of keys: PKCS #8 (RFC 5958) for private ones, SubjectPublicKeyInfo (RFC 5280) for public ones.

use crate::der::{self, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, element};

pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

/// What an envelope says and holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    /// Identifier of the algorithm.
    pub algorithm: &'a [u8],
    /// Identifier that is its parameter: the curve.
    pub parameter: Option<&'a [u8]>,
    /// The key in the form of its algorithm.
    pub key: &'a [u8],
}

fn identifier<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    let mut identifier = reader.inside(SEQUENCE)?;
    Some((identifier.content(OID)?, identifier.content(OID)))
}

/// Reads `PrivateKeyInfo`.
pub(crate) fn private(bytes: &[u8]) -> Option<Envelope<'_>> {
    let mut info = Reader::new(bytes).inside(SEQUENCE)?;
    info.content(INTEGER)?;
    let (algorithm, parameter) = identifier(&mut info)?;
    Some(Envelope { algorithm, parameter, key: info.content(OCTET_STRING)? })
}

/// Reads `SubjectPublicKeyInfo`.
pub(crate) fn public(bytes: &[u8]) -> Option<Envelope<'_>> {
    let mut input = Reader::new(bytes);
    let mut info = input.inside(SEQUENCE)?;
    let (algorithm, parameter) = identifier(&mut info)?;
    let key = info.bits()?;
    input.is_empty().then_some(Envelope { algorithm, parameter, key })
}

/// `AlgorithmIdentifier`; without a parameter it is RSA's `NULL`.
fn algorithm_identifier(algorithm: &[u8], parameter: Option<&[u8]>) -> Vec<u8> {
    const NULL: u8 = 5;
    let parameter = parameter.map_or_else(|| element(NULL, &[]), |id| element(OID, id));
    der::around(SEQUENCE, &[element(OID, algorithm), parameter])
}

impl Envelope<'_> {
    /// As `PrivateKeyInfo`.
    pub(crate) fn to_private(&self) -> Vec<u8> {
        der::around(
            SEQUENCE,
            &[
                der::integer(&[]),
                algorithm_identifier(self.algorithm, self.parameter),
                element(OCTET_STRING, self.key),
            ],
        )
    }

    /// As `SubjectPublicKeyInfo`.
    pub(crate) fn to_public(&self) -> Vec<u8> {
        der::around(
            SEQUENCE,
            &[algorithm_identifier(self.algorithm, self.parameter), der::bit_string(self.key)],
        )
    }
}
