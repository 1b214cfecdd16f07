//! AES in the modes of the Web Cryptography API.

use ::aes::{Aes128, Aes192, Aes256};
use aes_gcm::AesGcm;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit, StreamCipher};

use crate::Error;

/// Bytes of a block, of the vector of CBC and of the counter of CTR.
pub const BLOCK_BYTES: usize = 16;
/// Bytes of the nonce of GCM.
pub const NONCE_BYTES: usize = 12;
/// Bytes of a whole tag of GCM.
const TAG_BYTES: usize = 16;

/// Runs `$body` with `$cipher` standing for AES with keys as long as `$key`.
macro_rules! with_aes {
    ($key:expr, $cipher:ident => $body:expr) => {
        match $key.len() {
            16 => {
                type $cipher = Aes128;
                $body
            }
            24 => {
                type $cipher = Aes192;
                $body
            }
            32 => {
                type $cipher = Aes256;
                $body
            }
            _ => Err(Error::operation("could not create cipher")),
        }
    };
}

fn bad_key<E>(_: E) -> Error {
    Error::operation("could not create cipher")
}

/// CBC with PKCS #7 padding.
///
/// # Errors
/// The key is not of 16, 24 or 32 bytes, the vector not of 16.
pub fn cbc_encrypt(key: &[u8], iv: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    if iv.len() != BLOCK_BYTES {
        return Err(Error::operation("iv length is not 16 bytes"));
    }
    with_aes!(key, A => {
        let cipher = cbc::Encryptor::<A>::new_from_slices(key, iv).map_err(bad_key)?;
        Ok(cipher.encrypt_padded_vec::<Pkcs7>(plain))
    })
}

/// The reverse.
///
/// # Errors
/// As above, or the padding is wrong.
pub fn cbc_decrypt(key: &[u8], iv: &[u8], coded: &[u8]) -> Result<Vec<u8>, Error> {
    if iv.len() != BLOCK_BYTES {
        return Err(Error::operation("iv length is invalid, should be 16 bytes"));
    }
    with_aes!(key, A => {
        let cipher = cbc::Decryptor::<A>::new_from_slices(key, iv).map_err(bad_key)?;
        cipher
            .decrypt_padded_vec::<Pkcs7>(coded)
            .map_err(|_| Error::operation("invalid padding"))
    })
}

/// CTR, in both directions, with the whole block as counter.
///
/// # Errors
/// The key is not of 16, 24 or 32 bytes, the counter not of 16.
pub fn ctr(key: &[u8], counter: &[u8], data: &[u8]) -> Result<Vec<u8>, Error> {
    if counter.len() != BLOCK_BYTES {
        return Err(Error::operation("counter length is not 16 bytes"));
    }
    with_aes!(key, A => {
        let mut cipher = ctr::Ctr128BE::<A>::new_from_slices(key, counter).map_err(bad_key)?;
        let mut out = data.to_vec();
        cipher
            .try_apply_keystream(&mut out)
            .map_err(|_| Error::operation("the counter would wrap"))?;
        Ok(out)
    })
}

/// GCM: the cipher text, then the first `tag_bytes` of the tag.
///
/// # Errors
/// The key is not of 16, 24 or 32 bytes, the nonce not of 12.
pub fn gcm_encrypt(
    key: &[u8],
    nonce: &[u8],
    more: &[u8],
    tag_bytes: usize,
    plain: &[u8],
) -> Result<Vec<u8>, Error> {
    let (mut out, tag) = gcm_seal(key, nonce, more, plain)?;
    out.extend_from_slice(&tag[..tag_bytes.min(TAG_BYTES)]);
    Ok(out)
}

fn gcm_seal(
    key: &[u8],
    nonce: &[u8],
    more: &[u8],
    plain: &[u8],
) -> Result<(Vec<u8>, [u8; TAG_BYTES]), Error> {
    let nonce: &[u8; NONCE_BYTES] = nonce.try_into().map_err(|_| Error {
        name: "NotSupportedError",
        text: "only 12 bytes long iv are supported".to_owned(),
    })?;
    with_aes!(key, A => {
        let cipher = AesGcm::<A, U12>::new_from_slice(key).map_err(bad_key)?;
        let mut out = plain.to_vec();
        let tag = cipher
            .encrypt_inout_detached(&(*nonce).into(), more, out.as_mut_slice().into())
            .map_err(|_| Error::operation("plaintext length is too long"))?;
        Ok((out, tag.into()))
    })
}

/// The reverse.
///
/// # Errors
/// As above, or the tag is not that of the text.
pub fn gcm_decrypt(
    key: &[u8],
    nonce: &[u8],
    more: &[u8],
    tag_bytes: usize,
    coded: &[u8],
) -> Result<Vec<u8>, Error> {
    let Some(len) = coded.len().checked_sub(tag_bytes) else {
        return Err(Error::operation("ciphertext is too short"));
    };
    let (text, given) = coded.split_at(len);
    // What is encrypted with the key stream twice is plain again, and its tag is the one to expect.
    let (plain, _) = gcm_seal(key, nonce, more, text)?;
    let (_, tag) = gcm_seal(key, nonce, more, &plain)?;
    // Every byte is looked at, so that the time does not tell where they differ.
    let differing = tag.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
    if differing != 0 || tag_bytes > TAG_BYTES {
        return Err(Error::operation("could not decrypt ciphertext"));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn modes_give_what_openssl_gives() {
        // printf 'hello world' | openssl enc -aes-{128,192,256}-{cbc,ctr} -K 00… -iv 0102…10
        let iv: Vec<u8> = (1..=16).collect();
        for (bytes, cbc, stream) in [
            (16, "81d818fb6b9056bbae805f0d534c41ca", "0dfa46d3aa9c706789fa83"),
            (24, "06640aad703c5e4948fd3419f4c74727", "191496e27fd625229bb2d6"),
            (32, "ba6973d52bd6a52259d7b6f347aceb2e", "d2006b1581ff77fc43fb7d"),
        ] {
            let key = vec![0; bytes];
            let coded = cbc_encrypt(&key, &iv, b"hello world").unwrap();
            assert_eq!(hex(&coded), cbc);
            assert_eq!(cbc_decrypt(&key, &iv, &coded).unwrap(), b"hello world");
            assert_eq!(hex(&ctr(&key, &iv, b"hello world").unwrap()), stream);
        }
    }

    #[test]
    fn gcm_follows_the_test_cases_of_its_authors() {
        // Case 2 of McGrew and Viega.
        let zero = gcm_encrypt(&[0; 16], &[0; 12], b"", 16, &[0; 16]).unwrap();
        assert_eq!(hex(&zero), "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf");
        let (key, nonce) = ([7; 24], [9; 12]);
        for tag_bytes in 12..=16 {
            let coded = gcm_encrypt(&key, &nonce, b"more", tag_bytes, b"text").unwrap();
            assert_eq!(coded.len(), 4 + tag_bytes);
            assert_eq!(gcm_decrypt(&key, &nonce, b"more", tag_bytes, &coded).unwrap(), b"text");
            assert!(gcm_decrypt(&key, &nonce, b"less", tag_bytes, &coded).is_err());
            for i in 0..coded.len() {
                let mut damaged = coded.clone();
                damaged[i] ^= 1;
                assert!(gcm_decrypt(&key, &nonce, b"more", tag_bytes, &damaged).is_err());
            }
        }
    }

    #[test]
    fn wrong_sizes_are_errors() {
        assert!(cbc_encrypt(&[0; 15], &[0; 16], b"").is_err());
        assert!(cbc_encrypt(&[0; 16], &[0; 15], b"").is_err());
        assert!(cbc_decrypt(&[0; 16], &[0; 16], b"short").is_err());
        assert!(cbc_decrypt(&[0; 16], &[0; 16], b"").is_err());
        assert!(ctr(&[0; 16], &[0; 12], b"").is_err());
        assert!(gcm_decrypt(&[0; 16], &[0; 12], b"", 16, b"short").is_err());
    }
}
