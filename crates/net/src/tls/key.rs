//! Private keys under a password, as OpenSSL wrote them before PKCS#8 and as k6 takes them: RFC 1421's headers, the key
//! derived with MD5. Weak, and there for compatibility only.

use aes::{Aes128, Aes192, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use md5::{Digest as _, Md5};

/// A block of AES, bytes.
const BLOCK_BYTES: usize = 16;

/// The PEM text of the key without its protection.
///
/// # Errors
/// In Go's words, where it has some: no PEM, not encrypted, an unknown cipher, a wrong password.
pub fn decrypt_key(pem: &str, password: &str) -> Result<String, String> {
    let block = Block::find(pem).ok_or("failed to decode PEM key")?;
    if block.kind == "ENCRYPTED PRIVATE KEY" {
        return Err("encrypted pkcs8 formatted key is not supported".to_owned());
    }
    let info = block.dek_info.ok_or("x509: no DEK-Info header in block")?;
    let (cipher, iv) = info.split_once(',').ok_or("x509: malformed DEK-Info header")?;
    let iv: [u8; BLOCK_BYTES] = unhex(iv.trim())
        .and_then(|iv| iv.try_into().ok())
        .ok_or_else(|| format!("x509: the cipher {cipher} with such an IV is not supported"))?;
    let sealed =
        BASE64.decode(&block.data).map_err(|error| format!("failed to decode PEM key: {error}"))?;
    let plain = match cipher.trim() {
        "AES-128-CBC" => open::<cbc::Decryptor<Aes128>>(&sealed, &derive(password, &iv, 16), &iv),
        "AES-192-CBC" => open::<cbc::Decryptor<Aes192>>(&sealed, &derive(password, &iv, 24), &iv),
        "AES-256-CBC" => open::<cbc::Decryptor<Aes256>>(&sealed, &derive(password, &iv, 32), &iv),
        other => {
            return Err(format!(
                "x509: keys encrypted with {other} are not supported: only AES-128-CBC, AES-192-CBC and AES-256-CBC are"
            ));
        }
    };
    let plain = plain.ok_or("x509: decryption password incorrect")?;
    let kind = block.kind;
    Ok(format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines(&BASE64.encode(plain))))
}

fn open<C: BlockModeDecrypt + KeyIvInit>(sealed: &[u8], key: &[u8], iv: &[u8]) -> Option<Vec<u8>> {
    C::new_from_slices(key, iv).ok()?.decrypt_padded_vec::<Pkcs7>(sealed).ok()
}

/// OpenSSL's EVP_BytesToKey with one round of MD5; the salt is the IV's first half.
fn derive(password: &str, iv: &[u8; BLOCK_BYTES], bytes: usize) -> Vec<u8> {
    let mut key = Vec::new();
    let mut last = Vec::new();
    while key.len() < bytes {
        let mut hash = Md5::new();
        hash.update(&last);
        hash.update(password.as_bytes());
        hash.update(&iv[..8]);
        last = hash.finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(bytes);
    key
}

/// The first block of a PEM text.
struct Block<'a> {
    kind: &'a str,
    dek_info: Option<&'a str>,
    data: String,
}

impl Block<'_> {
    fn find(pem: &str) -> Option<Block<'_>> {
        let mut lines = pem.lines().map(str::trim);
        let kind = lines.find_map(|l| l.strip_prefix("-----BEGIN ")?.strip_suffix("-----"))?;
        let mut block = Block { kind, dek_info: None, data: String::new() };
        for line in lines {
            if line.starts_with("-----END ") {
                return Some(block);
            }
            match line.split_once(':') {
                Some(("DEK-Info", info)) => block.dek_info = Some(info.trim()),
                Some(_) => {}
                None => block.data.push_str(line),
            }
        }
        None
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// In lines of 64 characters.
fn lines(base64: &str) -> String {
    let mut out = String::with_capacity(base64.len() + base64.len() / 64);
    for (at, c) in base64.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made for this test with `openssl ec -aes256`, password `secret`.
    const SEALED: &str = "-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,FB195F485A9725CF56D22EADD0C8C087

nW1CzcDUpknHGveUkFTqBAogZvrq/Ke9o9Ln6B0+0cOaFEj54u5p1RWlG6LUL58/
RFCJ23EZAzSry7ykjqsmh/9trrljSjC019+ZAyhb1aDCkiEghrgQKHf4/qsShxdu
cFD+w18CVEklOY64FL2mE/NYCHHUdKuK4JXvxqfYtdY=
-----END EC PRIVATE KEY-----
";

    #[test]
    fn what_openssl_sealed_opens_with_its_password_only() {
        let plain = decrypt_key(SEALED, "secret").unwrap();
        assert!(plain.starts_with("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIMLr5A7o8kZH9fib"));
        assert!(plain.ends_with("RP70QQqQBoQ==\n-----END EC PRIVATE KEY-----\n"), "{plain}");
        assert!(decrypt_key(SEALED, "wrong").is_err());
        let error = decrypt_key(&plain, "secret").unwrap_err();
        assert_eq!(error, "x509: no DEK-Info header in block");
        let des = SEALED.replace("AES-256-CBC", "DES-EDE3-CBC");
        assert!(decrypt_key(&des, "secret").unwrap_err().contains("DES-EDE3-CBC"));
        assert_eq!(decrypt_key("", "x").unwrap_err(), "failed to decode PEM key");
    }

    proptest! {
        #[test]
        fn no_key_is_a_panic(info in ".{0,50}", data in "[A-Za-z0-9+/=]{0,80}") {
            let pem = format!("-----BEGIN X-----\nDEK-Info: {info}\n{data}\n-----END X-----\n");
            let _ = decrypt_key(&pem, "p");
        }
    }
}
