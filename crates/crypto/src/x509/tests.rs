use super::*;

fn certificate(pem: &str) -> Result<Certificate, Malformed> {
    parse(&decode_pem(pem.as_bytes()).unwrap())
}

#[test]
fn a_certificate_tells_what_openssl_put_into_it() {
    let c = certificate(include_str!("../../tests/data/rsa.pem")).unwrap();
    assert_eq!(c.subject.common_name(), "example.test");
    assert_eq!(c.subject.country(), "ZZ");
    assert_eq!(c.subject.street(), "Main 1");
    assert_eq!(c.subject.postal_code(), "1234");
    assert_eq!(c.subject.units().collect::<Vec<_>>(), ["Unit A", "Unit B"]);
    assert_eq!(c.issuer.organization(), "Org & Co");
    assert_eq!(c.subject.0[7].id, "1.2.840.113549.1.9.1");
    assert_eq!(
        c.alt_names,
        ["example.test", "*.example.test", "x@y.z", "127.0.0.1", "::1", "https://a.b/c?d=e"]
    );
    assert_eq!(c.signature_algorithm, "SHA256-RSA");
    assert_eq!(c.fingerprint.len(), 20);
    assert!(matches!(c.public_key, Some(PublicKey::Rsa { n, e: 65537 }) if n.len() == 256));
}

#[test]
fn other_keys_are_told_apart() {
    let c = certificate(include_str!("../../tests/data/ec.pem")).unwrap();
    assert_eq!(c.signature_algorithm, "ECDSA-SHA384");
    assert!(c.not_after.starts_with("2109-"));
    assert!(matches!(c.public_key, Some(PublicKey::Ecdsa { curve: "P-256", .. })));
    let c = certificate(include_str!("../../tests/data/ed.pem")).unwrap();
    assert_eq!((c.signature_algorithm.as_str(), c.public_key), ("Ed25519", None));
    let error = certificate(include_str!("../../tests/data/eck.pem")).unwrap_err();
    assert_eq!(error.to_string(), "x509: unsupported elliptic curve");
}

/// Cut or flipped at any byte, a certificate is an error or another certificate, never a panic.
#[test]
fn damage_is_an_error() {
    for pem in [include_str!("../../tests/data/rsa.pem"), include_str!("../../tests/data/ec.pem")] {
        let bytes = decode_pem(pem.as_bytes()).unwrap();
        for i in 0..bytes.len() {
            assert!(parse(&bytes[..i]).is_err(), "cut at {i}");
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[i] ^= flip;
                let _ = parse(&damaged);
            }
        }
    }
    assert_eq!(parse(&[0x30, 0]).unwrap_err().0, "malformed tbs certificate");
    assert_eq!(parse(&[]).unwrap_err().0, "malformed certificate");
}
