//! Hash functions by name, whole or in pieces, plain or keyed (HMAC, RFC 2104).

use digest::{Digest, KeyInit, Mac};
use hmac::Hmac;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Hash {
    Md4,
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Ripemd160,
}

/// Runs `$body` with `$d` standing for the type of the hash function `$hash`.
macro_rules! with_digest {
    ($hash:expr, $d:ident => $body:expr) => {
        match $hash {
            $crate::hash::Hash::Md4 => {
                type $d = md4::Md4;
                $body
            }
            $crate::hash::Hash::Md5 => {
                type $d = md5::Md5;
                $body
            }
            $crate::hash::Hash::Sha1 => {
                type $d = sha1::Sha1;
                $body
            }
            $crate::hash::Hash::Sha256 => {
                type $d = sha2::Sha256;
                $body
            }
            $crate::hash::Hash::Sha384 => {
                type $d = sha2::Sha384;
                $body
            }
            $crate::hash::Hash::Sha512 => {
                type $d = sha2::Sha512;
                $body
            }
            $crate::hash::Hash::Sha512_224 => {
                type $d = sha2::Sha512_224;
                $body
            }
            $crate::hash::Hash::Sha512_256 => {
                type $d = sha2::Sha512_256;
                $body
            }
            $crate::hash::Hash::Ripemd160 => {
                type $d = ripemd::Ripemd160;
                $body
            }
        }
    };
}

impl Hash {
    /// By the name `k6/crypto` gives it.
    pub fn of_k6(name: &str) -> Option<Hash> {
        Some(match name {
            "md4" => Hash::Md4,
            "md5" => Hash::Md5,
            "sha1" => Hash::Sha1,
            "sha256" => Hash::Sha256,
            "sha384" => Hash::Sha384,
            "sha512" => Hash::Sha512,
            "sha512_224" => Hash::Sha512_224,
            "sha512_256" => Hash::Sha512_256,
            "ripemd160" => Hash::Ripemd160,
            _ => return None,
        })
    }

    /// By the name the Web Cryptography API gives it.
    pub fn of_web(name: &str) -> Option<Hash> {
        Some(match name {
            "SHA-1" => Hash::Sha1,
            "SHA-256" => Hash::Sha256,
            "SHA-384" => Hash::Sha384,
            "SHA-512" => Hash::Sha512,
            _ => return None,
        })
    }

    /// The size of the blocks it works on, bytes: what an HMAC key has where nothing else is said.
    pub fn block_bytes(self) -> usize {
        use digest::common::BlockSizeUser;
        with_digest!(self, D => D::block_size())
    }

    /// PBKDF2 with HMAC (RFC 8018): fills `out`.
    pub fn pbkdf2(self, password: &[u8], salt: &[u8], rounds: u32, out: &mut [u8]) {
        with_digest!(self, D => pbkdf2::pbkdf2_hmac::<D>(password, salt, rounds, out));
    }

    /// The hash of `data`.
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        with_digest!(self, D => D::digest(data).to_vec())
    }

    /// The HMAC of `data`.
    pub fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let mut hasher = self.keyed(key);
        hasher.update(data);
        hasher.sum()
    }

    /// A hash in pieces.
    pub fn hasher(self) -> Hasher {
        with_digest!(self, D => Hasher(Box::new(Plain(D::new()))))
    }

    /// An HMAC in pieces.
    pub fn keyed(self, key: &[u8]) -> Hasher {
        with_digest!(self, D => {
            let mac = <Hmac<D> as KeyInit>::new_from_slice(key);
            Hasher(Box::new(Keyed(mac.expect("HMAC takes keys of any length"))))
        })
    }
}

/// A hash or HMAC that is fed in pieces.
pub struct Hasher(Box<dyn State>);

impl Hasher {
    /// Takes more bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The value over all bytes so far; more may follow.
    pub fn sum(&self) -> Vec<u8> {
        self.0.sum()
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher")
    }
}

trait State {
    fn update(&mut self, data: &[u8]);
    fn sum(&self) -> Vec<u8>;
}

struct Plain<D>(D);
struct Keyed<M>(M);

impl<D: Digest + Clone> State for Plain<D> {
    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.0, data);
    }
    fn sum(&self) -> Vec<u8> {
        self.0.clone().finalize().to_vec()
    }
}

impl<M: Mac + Clone> State for Keyed<M> {
    fn update(&mut self, data: &[u8]) {
        Mac::update(&mut self.0, data);
    }
    fn sum(&self) -> Vec<u8> {
        self.0.clone().finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn hashes_are_those_of_their_standards() {
        // Printed by coreutils and OpenSSL for `hello world`.
        for (name, expect) in [
            ("md4", "aa010fbc1d14c795d86ef98c95479d17"),
            ("md5", "5eb63bbbe01eeed093cb22bb8f5acdc3"),
            ("sha1", "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"),
            ("sha256", "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"),
            ("sha512_224", "22e0d52336f64a998085078b05a6e37b26f8120f43bf4db4c43a64ee"),
            ("ripemd160", "98c615784ccb5fe5936fbc0cbe9dfdb408d92f0f"),
        ] {
            let hash = Hash::of_k6(name).unwrap();
            assert_eq!(hex(&hash.digest(b"hello world")), expect, "{name}");
            let mut hasher = hash.hasher();
            hasher.update(b"hello ");
            hasher.sum();
            hasher.update(b"world");
            assert_eq!(hex(&hasher.sum()), expect, "{name} in pieces");
        }
        assert_eq!(Hash::of_k6("sha3"), None);
    }

    #[test]
    fn hmac_follows_rfc_4231() {
        let key = [0x0b; 20];
        assert_eq!(
            hex(&Hash::Sha256.hmac(&key, b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        let long = [0xaa; 131];
        let data = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(&Hash::Sha256.hmac(&long, data)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
