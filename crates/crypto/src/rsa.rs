//! RSA (RFC 8017): PKCS #1 v1.5 and PSS signatures, OAEP, and the forms the keys come in.

use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use ::rsa::{BoxedUint, Oaep, Pkcs1v15Sign, Pss};
use getrandom::SysRng;

use crate::Error;
use crate::der::{self, INTEGER, Reader, SEQUENCE};
use crate::hash::Hash;
use crate::pkcs8::{self, Envelope};

/// Sizes of keys that are made and read, bits: smaller ones are not safe, larger ones take minutes.
pub const BITS: std::ops::RangeInclusive<usize> = 1024..=8192;

/// Runs `$body` with `$d` standing for one of the hash functions that signatures know.
macro_rules! with_hash {
    ($hash:expr, $d:ident => $body:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $d = sha1::Sha1;
                $body
            }
            Hash::Sha384 => {
                type $d = sha2::Sha384;
                $body
            }
            Hash::Sha512 => {
                type $d = sha2::Sha512;
                $body
            }
            _ => {
                type $d = sha2::Sha256;
                $body
            }
        }
    };
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(::rsa::PublicKey);

/// A private key of two primes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateKey(::rsa::PrivateKey);

/// The numbers of a private key, big-endian, as JSON Web Keys have them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Numbers {
    pub n: Vec<u8>,
    pub e: Vec<u8>,
    pub d: Vec<u8>,
    pub p: Vec<u8>,
    pub q: Vec<u8>,
    pub dp: Vec<u8>,
    pub dq: Vec<u8>,
    pub qi: Vec<u8>,
}

fn number(bytes: &[u8]) -> BoxedUint {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    BoxedUint::from_be_slice_vartime(&bytes[zeros..])
}

fn bytes(number: &BoxedUint) -> Vec<u8> {
    number.to_be_bytes_trimmed_vartime().into_vec()
}

fn is_size_allowed(n: &[u8]) -> bool {
    n.len() <= BITS.end() / 8 + 1
}

impl PublicKey {
    /// Of modulus and exponent, big-endian.
    ///
    /// # Errors
    /// The numbers make no key.
    pub fn from_numbers(n: &[u8], e: &[u8]) -> Result<PublicKey, Error> {
        if !is_size_allowed(n) || e.len() > 8 {
            return Err(Error::data("invalid RSA public key"));
        }
        ::rsa::PublicKey::new(number(n), number(e))
            .map(PublicKey)
            .map_err(|error| Error::data(error.to_string()))
    }

    /// From SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// It is none, or of another kind.
    pub fn from_spki(input: &[u8]) -> Result<PublicKey, Error> {
        let bad =
            || Error::data("unable to import RSA public key data: x509: malformed public key");
        let envelope = pkcs8::public(input).ok_or_else(bad)?;
        if envelope.algorithm != pkcs8::RSA {
            return Err(Error::data("given CryptoKey is not a public RSA key"));
        }
        let mut numbers = Reader::new(envelope.key).inside(SEQUENCE).ok_or_else(bad)?;
        let mut next = || numbers.unsigned().ok_or_else(bad);
        PublicKey::from_numbers(next()?, next()?)
    }

    /// As SubjectPublicKeyInfo.
    pub fn to_spki(&self) -> Vec<u8> {
        let (n, e) = self.numbers();
        let key = der::around(SEQUENCE, &[der::integer(&n), der::integer(&e)]);
        Envelope { algorithm: pkcs8::RSA, parameter: None, key: &key }.to_public()
    }

    /// Modulus and exponent, big-endian.
    pub fn numbers(&self) -> (Vec<u8>, Vec<u8>) {
        (bytes(self.0.n()), bytes(self.0.e()))
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> usize {
        self.0.n().bit_width_vartime() as usize
    }

    /// Whether it is a PKCS #1 v1.5 signature of the hash.
    pub fn verify(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        with_hash!(hash, D => self.0.verify(Pkcs1v15Sign::new::<D>(), digest, signature).is_ok())
    }

    /// Whether it is a PSS signature of the hash with a salt of that length, bytes.
    pub fn verify_pss(&self, hash: Hash, salt: usize, digest: &[u8], signature: &[u8]) -> bool {
        with_hash!(hash, D => {
            self.0.verify(Pss::<D>::new_with_salt(salt), digest, signature).is_ok()
        })
    }

    /// Encrypts with OAEP.
    ///
    /// # Errors
    /// The message is too long for the key.
    pub fn encrypt(&self, hash: Hash, label: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
        with_hash!(hash, D => {
            let padding = Oaep::<D>::new_with_label(label.to_vec());
            self.0.encrypt(&mut SysRng, padding, plain)
        })
        .map_err(|_| {
            Error::operation(
                "could not encrypt data: crypto/rsa: message too long for RSA key size",
            )
        })
    }
}

impl PrivateKey {
    /// A new key; takes a second and more for large ones.
    ///
    /// # Errors
    /// The size is not within [`BITS`], or the exponent is none.
    pub fn generate(bits: usize, exponent: u64) -> Result<PrivateKey, Error> {
        // No prime fits an even exponent: looking for one would not end.
        if !BITS.contains(&bits) || exponent < 3 || exponent.is_multiple_of(2) {
            return Err(Error::operation("could not generate RSA key pair"));
        }
        ::rsa::PrivateKey::new_with_exp(&mut SysRng, bits, exponent.into())
            .map(PrivateKey)
            .map_err(|error| Error::operation(format!("could not generate RSA key pair: {error}")))
    }

    /// Of its numbers; those that follow from others are not looked at.
    ///
    /// # Errors
    /// They make no key.
    pub fn from_numbers(numbers: &Numbers) -> Result<PrivateKey, Error> {
        let Numbers { n, e, d, p, q, .. } = numbers;
        if [n, d, p, q].into_iter().any(|number| !is_size_allowed(number)) || e.len() > 8 {
            return Err(Error::data("invalid RSA private key"));
        }
        let primes = vec![number(p), number(q)];
        ::rsa::PrivateKey::from_components(number(n), number(e), number(d), primes)
            .map(PrivateKey)
            .map_err(|error| Error::data(error.to_string()))
    }

    /// From PKCS #8.
    ///
    /// # Errors
    /// It is none, or of another kind.
    pub fn from_pkcs8(input: &[u8]) -> Result<PrivateKey, Error> {
        let bad =
            || Error::data("unable to import RSA private key data: x509: malformed PKCS#8 key");
        let envelope = pkcs8::private(input).ok_or_else(bad)?;
        if envelope.algorithm != pkcs8::RSA {
            return Err(Error::data("given CryptoKey is not a private RSA key"));
        }
        let mut key = Reader::new(envelope.key).inside(SEQUENCE).ok_or_else(bad)?;
        key.content(INTEGER).ok_or_else(bad)?;
        let mut next = || key.unsigned().map(<[u8]>::to_vec).ok_or_else(bad);
        let (n, e, d, p, q) = (next()?, next()?, next()?, next()?, next()?);
        PrivateKey::from_numbers(&Numbers { n, e, d, p, q, ..Numbers::default() })
    }

    /// As PKCS #8.
    pub fn to_pkcs8(&self) -> Vec<u8> {
        let Numbers { n, e, d, p, q, dp, dq, qi } = self.numbers();
        let mut parts = vec![der::integer(&[])];
        parts.extend([n, e, d, p, q, dp, dq, qi].iter().map(|number| der::integer(number)));
        let key = der::around(SEQUENCE, &parts);
        Envelope { algorithm: pkcs8::RSA, parameter: None, key: &key }.to_private()
    }

    /// All its numbers.
    pub fn numbers(&self) -> Numbers {
        let key = &self.0;
        let of = |number: Option<&BoxedUint>| number.map(bytes).unwrap_or_default();
        Numbers {
            n: bytes(key.n()),
            e: bytes(key.e()),
            d: bytes(key.d()),
            p: key.primes().first().map(|p| bytes(p)).unwrap_or_default(),
            q: key.primes().get(1).map(|q| bytes(q)).unwrap_or_default(),
            dp: of(key.dp()),
            dq: of(key.dq()),
            qi: of(key.crt_coefficient().as_ref()),
        }
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.to_public_key())
    }

    /// A PKCS #1 v1.5 signature of the hash.
    ///
    /// # Errors
    /// The key is too short for the hash.
    pub fn sign(&self, hash: Hash, digest: &[u8]) -> Result<Vec<u8>, Error> {
        with_hash!(hash, D => {
            self.0.sign_with_rng(&mut SysRng, Pkcs1v15Sign::new::<D>(), digest)
        })
        .map_err(|error| Error::operation(format!("could not sign data: {error}")))
    }

    /// A PSS signature of the hash with a salt of that length, bytes.
    ///
    /// # Errors
    /// The key is too short for hash and salt.
    pub fn sign_pss(&self, hash: Hash, salt: usize, digest: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |why: &str| Error::operation(format!("could not sign data: {why}"));
        if salt > BITS.end() / 8 {
            return Err(failed("crypto/rsa: message too long for RSA key size"));
        }
        with_hash!(hash, D => {
            self.0.sign_with_rng(&mut SysRng, Pss::<D>::new_with_salt(salt), digest)
        })
        .map_err(|_| failed("crypto/rsa: message too long for RSA key size"))
    }

    /// Decrypts OAEP.
    ///
    /// # Errors
    /// It was encrypted otherwise.
    pub fn decrypt(&self, hash: Hash, label: &[u8], coded: &[u8]) -> Result<Vec<u8>, Error> {
        with_hash!(hash, D => {
            let padding = Oaep::<D>::new_with_label(label.to_vec());
            self.0.decrypt_blinded(&mut SysRng, padding, coded)
        })
        .map_err(|_| Error::operation("could not decrypt data: crypto/rsa: decryption error"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::decode_pem;

    fn key() -> PrivateKey {
        let pem = include_str!("../tests/data/rsa.key");
        PrivateKey::from_pkcs8(&decode_pem(pem.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn keys_survive_every_form() {
        let key = key();
        let pem = decode_pem(include_bytes!("../tests/data/rsa.key")).unwrap();
        assert_eq!(key.to_pkcs8(), pem, "OpenSSL writes it so");
        assert_eq!(PrivateKey::from_numbers(&key.numbers()).unwrap(), key);
        assert_eq!(PublicKey::from_spki(&key.public().to_spki()).unwrap(), key.public());
        assert_eq!(key.public().bits(), 2048);
    }

    #[test]
    fn signatures_are_of_one_text() {
        let key = key();
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let (digest, other) = (hash.digest(b"text"), hash.digest(b"other"));
            let signature = key.sign(hash, &digest).unwrap();
            assert!(key.public().verify(hash, &digest, &signature));
            assert!(!key.public().verify(hash, &other, &signature));
            let signature = key.sign_pss(hash, 20, &digest).unwrap();
            assert!(key.public().verify_pss(hash, 20, &digest, &signature));
            assert!(!key.public().verify_pss(hash, 21, &digest, &signature));
            assert!(!key.public().verify_pss(hash, 20, &other, &signature));
        }
        assert!(key.sign_pss(Hash::Sha512, 4000, &[0; 64]).is_err());
        assert!(key.sign_pss(Hash::Sha512, 250, &[0; 64]).is_err());
    }

    #[test]
    fn oaep_takes_hash_and_label_into_account() {
        let key = key();
        let coded = key.public().encrypt(Hash::Sha256, b"label", b"secret").unwrap();
        assert_eq!(key.decrypt(Hash::Sha256, b"label", &coded).unwrap(), b"secret");
        assert!(key.decrypt(Hash::Sha256, b"", &coded).is_err());
        assert!(key.decrypt(Hash::Sha1, b"label", &coded).is_err());
        assert!(key.public().encrypt(Hash::Sha256, b"", &[0; 300]).is_err());
    }

    #[test]
    fn new_keys_have_the_size_that_was_asked_for() {
        let key = PrivateKey::generate(1024, 65537).unwrap();
        assert_eq!(key.public().bits(), 1024);
        assert!(PrivateKey::generate(512, 65537).is_err());
        assert!(PrivateKey::generate(1 << 20, 65537).is_err());
        assert!(PrivateKey::generate(1024, 2).is_err());
    }

    #[test]
    fn what_is_no_key_is_an_error() {
        let key = key();
        for form in [key.to_pkcs8(), key.public().to_spki()] {
            for i in (0..form.len()).step_by(7) {
                assert!(PrivateKey::from_pkcs8(&form[..i]).is_err(), "cut at {i}");
                assert!(PublicKey::from_spki(&form[..i]).is_err(), "cut at {i}");
            }
        }
        assert!(PublicKey::from_numbers(&[], &[3]).is_err());
        assert!(PublicKey::from_numbers(&[2; 256], &[3]).is_err());
        assert!(PrivateKey::from_numbers(&Numbers::default()).is_err());
    }
}
