//! Keys on NIST's curves: ECDSA (FIPS 186-5) and ECDH, and the forms the keys come in.

use crate::der::{self, INTEGER, OCTET_STRING, Reader, SEQUENCE, element, explicit};
use crate::pkcs8::{self, Envelope};
use crate::{Error, RandomError, random};

/// A curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Curve {
    P256,
    P384,
    P521,
}

/// Runs `$body` with `$m` standing for the crate of the curve.
macro_rules! on_curve {
    ($curve:expr, $m:ident => $body:expr) => {
        match $curve {
            Curve::P256 => {
                use p256 as $m;
                $body
            }
            Curve::P384 => {
                use p384 as $m;
                $body
            }
            Curve::P521 => {
                use p521 as $m;
                $body
            }
        }
    };
}

impl Curve {
    /// By its name in the Web Cryptography API.
    pub fn of(name: &str) -> Option<Curve> {
        [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| curve.name() == name)
    }

    /// `P-256`, …
    pub fn name(self) -> &'static str {
        match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
        }
    }

    /// Bytes of a coordinate, of a private key, of half a signature.
    pub fn bytes(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// The content of its object identifier.
    fn id(self) -> &'static [u8] {
        match self {
            Curve::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
            Curve::P384 => &[0x2b, 0x81, 4, 0, 0x22],
            Curve::P521 => &[0x2b, 0x81, 4, 0, 0x23],
        }
    }

    fn of_id(id: &[u8]) -> Option<Curve> {
        [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| curve.id() == id)
    }
}

/// A public key: a point that is on its curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    curve: Curve,
    /// SEC 1, uncompressed.
    point: Vec<u8>,
}

/// A private key.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    public: PublicKey,
    /// The number, as long as the curve's coordinates.
    secret: Vec<u8>,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", self.public.curve.name())
    }
}

impl PublicKey {
    /// Of a point, SEC 1.
    pub fn from_point(curve: Curve, point: &[u8]) -> Option<PublicKey> {
        let is_on_curve = on_curve!(curve, m => m::PublicKey::from_sec1_bytes(point).is_ok());
        let is_uncompressed = point.first() == Some(&4) && point.len() == 1 + 2 * curve.bytes();
        (is_uncompressed && is_on_curve).then(|| PublicKey { curve, point: point.to_vec() })
    }

    /// Of its coordinates, big-endian.
    pub fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Option<PublicKey> {
        let point = [vec![4], padded(curve, x)?, padded(curve, y)?].concat();
        PublicKey::from_point(curve, &point)
    }

    /// From SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// It is none, or of another kind.
    pub fn from_spki(bytes: &[u8]) -> Result<PublicKey, Error> {
        let bad = || Error::data("unable to import EC public key data: x509: malformed public key");
        let envelope = pkcs8::public(bytes).ok_or_else(bad)?;
        if envelope.algorithm != pkcs8::EC {
            return Err(Error::data("a public key is not an ECDSA key"));
        }
        let curve = envelope.parameter.and_then(Curve::of_id).ok_or_else(|| {
            Error::data("unable to import EC public key data: x509: unsupported elliptic curve")
        })?;
        PublicKey::from_point(curve, envelope.key).ok_or_else(bad)
    }

    /// As SubjectPublicKeyInfo.
    pub fn to_spki(&self) -> Vec<u8> {
        let (algorithm, parameter) = (pkcs8::EC, Some(self.curve.id()));
        Envelope { algorithm, parameter, key: &self.point }.to_public()
    }

    /// The curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The point, SEC 1, uncompressed.
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// Both coordinates, big-endian, as long as the curve's.
    pub fn coordinates(&self) -> (&[u8], &[u8]) {
        self.point[1..].split_at(self.curve.bytes())
    }

    /// Whether `signature` (both halves, one after the other) is one of the hash.
    pub fn verify(&self, hash: &[u8], signature: &[u8]) -> bool {
        on_curve!(self.curve, m => {
            let key = m::PublicKey::from_sec1_bytes(&self.point);
            let signature = m::ecdsa::Signature::from_slice(signature);
            match (key, signature) {
                (Ok(key), Ok(signature)) => {
                    ecdsa::hazmat::verify_prehashed(&key.to_projective(), hash, &signature).is_ok()
                }
                _ => false,
            }
        })
    }
}

/// A number with as many leading zeros as the curve's numbers have; `None` where it is too long.
fn padded(curve: Curve, number: &[u8]) -> Option<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    let missing = curve.bytes().checked_sub(number.len())?;
    Some([&vec![0; missing], number].concat())
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn generate(curve: Curve) -> Result<PrivateKey, RandomError> {
        loop {
            let mut secret = vec![0; curve.bytes()];
            random(&mut secret)?;
            if curve == Curve::P521 {
                // Numbers of 521 bits: most of 528 would be out of range.
                secret[0] &= 1;
            }
            if let Some(key) = PrivateKey::from_secret(curve, &secret) {
                return Ok(key);
            }
        }
    }

    /// Of its number, big-endian.
    pub fn from_secret(curve: Curve, secret: &[u8]) -> Option<PrivateKey> {
        let secret = padded(curve, secret)?;
        let point = on_curve!(curve, m => {
            m::SecretKey::from_slice(&secret).ok()?.public_key().to_sec1_bytes().to_vec()
        });
        Some(PrivateKey { public: PublicKey { curve, point }, secret })
    }

    /// From PKCS #8.
    ///
    /// # Errors
    /// It is none, or of another kind.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<PrivateKey, Error> {
        let bad =
            |why: &str| Error::data(format!("unable to import EC private key data: x509: {why}"));
        let envelope = pkcs8::private(bytes).ok_or_else(|| bad("malformed PKCS#8 key"))?;
        if envelope.algorithm != pkcs8::EC {
            return Err(Error::data("a private key is not an ECDSA key"));
        }
        let curve = envelope
            .parameter
            .and_then(Curve::of_id)
            .ok_or_else(|| bad("unknown elliptic curve"))?;
        let secret = Reader::new(envelope.key).inside(SEQUENCE).and_then(|mut key| {
            key.content(INTEGER)?;
            key.content(OCTET_STRING)
        });
        secret
            .and_then(|secret| PrivateKey::from_secret(curve, secret))
            .ok_or_else(|| bad("invalid elliptic curve private key value"))
    }

    /// As PKCS #8, with the public key inside, as Go and OpenSSL write it.
    pub fn to_pkcs8(&self) -> Vec<u8> {
        let key = der::around(
            SEQUENCE,
            &[
                der::integer(&[1]),
                element(OCTET_STRING, &self.secret),
                element(explicit(1), &der::bit_string(&self.public.point)),
            ],
        );
        let (algorithm, parameter) = (pkcs8::EC, Some(self.public.curve.id()));
        Envelope { algorithm, parameter, key: &key }.to_private()
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The number, big-endian, as long as the curve's coordinates.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Signs a hash: both halves, one after the other. The nonce is that of RFC 6979 with random bytes mixed in.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn sign(&self, hash: &[u8]) -> Result<Vec<u8>, Error> {
        let mut more = [0; 32];
        random(&mut more).map_err(|error| Error::operation(error.to_string()))?;
        on_curve!(self.public.curve, m => {
            let secret = m::SecretKey::from_slice(&self.secret)
                .map_err(|_| Error::operation("unable to sign data"))?
                .to_nonzero_scalar();
            let (signature, _) =
                ecdsa::hazmat::sign_prehashed_rfc6979::<_, sha2::Sha256>(&secret, hash, &more);
            Ok(signature.to_vec())
        })
    }

    /// The secret shared with the owner of another key on the same curve.
    pub fn agree(&self, other: &PublicKey) -> Option<Vec<u8>> {
        if other.curve != self.public.curve {
            return None;
        }
        on_curve!(self.public.curve, m => {
            let secret = m::SecretKey::from_slice(&self.secret).ok()?;
            let other = m::PublicKey::from_sec1_bytes(&other.point).ok()?;
            Some(secret.diffie_hellman(&other).raw_secret_bytes().to_vec())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;

    const CURVES: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

    #[test]
    fn keys_survive_every_form() {
        for curve in CURVES {
            let key = PrivateKey::generate(curve).unwrap();
            assert_eq!(PrivateKey::from_pkcs8(&key.to_pkcs8()).unwrap(), key);
            assert_eq!(PublicKey::from_spki(&key.public().to_spki()).unwrap(), *key.public());
            let (x, y) = key.public().coordinates();
            assert_eq!(PublicKey::from_coordinates(curve, x, y).as_ref(), Some(key.public()));
            assert_eq!(PrivateKey::from_secret(curve, key.secret()), Some(key));
        }
    }

    #[test]
    fn signatures_are_of_one_key_and_one_text() {
        for curve in CURVES {
            for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
                let key = PrivateKey::generate(curve).unwrap();
                let signature = key.sign(&hash.digest(b"text")).unwrap();
                assert_eq!(signature.len(), 2 * curve.bytes());
                assert!(key.public().verify(&hash.digest(b"text"), &signature));
                assert!(!key.public().verify(&hash.digest(b"other"), &signature));
                assert!(!key.public().verify(&hash.digest(b"text"), &signature[1..]));
            }
        }
    }

    #[test]
    fn two_agree_on_the_same_secret() {
        for curve in CURVES {
            let (a, b) =
                (PrivateKey::generate(curve).unwrap(), PrivateKey::generate(curve).unwrap());
            assert_eq!(a.agree(b.public()), b.agree(a.public()));
            assert_eq!(a.agree(b.public()).unwrap().len(), curve.bytes());
        }
        let other = PrivateKey::generate(Curve::P384).unwrap();
        assert_eq!(PrivateKey::generate(Curve::P256).unwrap().agree(other.public()), None);
    }

    #[test]
    fn what_is_no_key_is_an_error() {
        let key = PrivateKey::generate(Curve::P256).unwrap();
        for form in [key.to_pkcs8(), key.public().to_spki()] {
            for i in 0..form.len() {
                let _ = PrivateKey::from_pkcs8(&form[..i]).map(|_| panic!("cut at {i}"));
                let _ = PublicKey::from_spki(&form[..i]).map(|_| panic!("cut at {i}"));
            }
        }
        assert_eq!(PrivateKey::from_secret(Curve::P256, &[0; 32]), None);
        assert_eq!(PrivateKey::from_secret(Curve::P256, &[0xff; 32]), None);
        assert_eq!(PrivateKey::from_secret(Curve::P256, &[1; 33]), None);
        assert_eq!(PublicKey::from_coordinates(Curve::P256, &[1], &[1]), None);
    }
}
