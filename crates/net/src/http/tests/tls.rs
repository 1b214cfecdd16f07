//! TLS against a `rustls` server on the same core.

use std::io::{Read, Write};
use std::rc::Rc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::server::{OK, Peer};
use super::*;
use crate::error::code;
use crate::tls::{ClientCert, TlsVersion, Verify};

pub(super) struct Identity {
    cert: CertificateDer<'static>,
    cert_pem: String,
    key: Vec<u8>,
    key_pem: String,
}

pub(super) fn identity(
    names: &[&str],
    change: impl FnOnce(&mut rcgen::CertificateParams),
) -> Identity {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    change(&mut params);
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    Identity {
        cert: cert.der().clone(),
        cert_pem: cert.pem(),
        key: key.serialize_der(),
        key_pem: key.serialize_pem(),
    }
}

pub(super) fn server_config(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Identity>,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.cert.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                .build()
                .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(identity.key.clone()).unwrap();
    Arc::new(builder.with_single_cert(vec![identity.cert.clone()], key).unwrap())
}

/// Answers requests over TLS.
pub(super) fn serve(config: &Arc<ServerConfig>, answer: &'static [u8]) -> Server {
    let config = config.clone();
    Server::start(move |peer| handle(peer, ServerConnection::new(config.clone()).unwrap(), answer))
}

pub(super) async fn handle(mut peer: Peer, mut session: ServerConnection, answer: &'static [u8]) {
    let mut plain = Vec::new();
    loop {
        while session.wants_write() {
            let mut out = Vec::new();
            session.write_tls(&mut out).unwrap();
            if !peer.send(&out).await {
                return;
            }
        }
        let mut wire = [0; 16 << 10];
        let n = peer.read(&mut wire).await;
        if n == 0 {
            return;
        }
        let mut rest = &wire[..n];
        let mut piece = [0; 16 << 10];
        while !rest.is_empty() {
            session.read_tls(&mut rest).unwrap();
            if session.process_new_packets().is_err() {
                let mut alert = Vec::new();
                let _ = session.write_tls(&mut alert);
                peer.send(&alert).await;
                return;
            }
            while let Ok(n @ 1..) = session.reader().read(&mut piece) {
                plain.extend_from_slice(&piece[..n]);
            }
        }
        while let Some(end) = plain.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&plain[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let end = end + 4 + length.map_or(0, |n| n.parse::<usize>().unwrap());
            if plain.len() < end {
                break;
            }
            plain.drain(..end);
            session.writer().write_all(answer).unwrap();
        }
    }
}

pub(super) const BOTH: &[&SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

fn secure_client(options: &TlsOptions) -> Client {
    Client::new(Arc::new(config(options)), None)
}

pub(super) fn trusting(identity: &Identity) -> TlsOptions {
    TlsOptions { extra_roots_pem: vec![identity.cert_pem.clone()], ..TlsOptions::new() }
}

fn request(server: &Server, host: &str) -> Request {
    Request::get(&format!("https://{host}:{}/", server.address.port())).unwrap()
}

#[test]
fn a_trusted_server_is_talked_to_over_a_kept_connection() {
    on_core(async {
        let id = identity(&["a.test"], |_| {});
        let server = serve(&server_config(&id, BOTH, None), OK);
        let client = secure_client(&trusting(&id));
        for i in 0..3 {
            let exchange = send(&client, &request(&server, "a.test")).await;
            let t = exchange.timings;
            assert_eq!(t.tls_handshaking > Duration::ZERO, i == 0);
            assert!(t.blocked >= t.connecting + t.tls_handshaking);
            let tls = exchange.tls.clone().unwrap();
            assert_eq!(
                (tls.version, tls.cipher_suite.as_str()),
                ("tls1.3", "TLS_AES_256_GCM_SHA384")
            );
            assert_eq!(exchange.reused, i > 0);
            if i == 0 {
                assert!(exchange.bytes_sent > 300 && exchange.bytes_received > 500);
            }
            assert_eq!(ok(exchange).body(), b"ok");
        }
        assert_eq!(server.accepted(), 1);
        assert_eq!(client.traffic(), server.bytes());
    });
}

#[test]
fn certificates_are_judged_as_k6_judges_them() {
    on_core(async {
        let fine = identity(&["a.test"], |_| {});
        let old = identity(&["a.test"], |params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 2, 1);
        });
        let authority = identity(&["a.test"], |params| {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        });
        let nothing = TlsOptions::new();
        let unknown = (1310, "x509: unknown authority");
        let mismatch = (1311, "x509: certificate doesn't match hostname");
        let expired = (1000, "x509: certificate has expired or is not yet valid: current time");
        for (id, options, host, (code, text)) in [
            (&fine, &nothing, "a.test", unknown),
            (&authority, &nothing, "a.test", unknown),
            (&fine, &nothing, "b.test", mismatch),
            (&fine, &nothing, "127.0.0.1", mismatch),
            (&fine, &trusting(&fine), "b.test", mismatch),
            (&old, &trusting(&old), "a.test", expired),
        ] {
            let server = serve(&server_config(id, BOTH, None), OK);
            let client = secure_client(options);
            let exchange = send(&client, &request(&server, host)).await;
            let (c, message) = failure(&exchange);
            assert!(c == code && message.starts_with(text), "{host}: {c} {message}");
            let detail = exchange.result.unwrap_err().detail().to_owned();
            assert!(detail.starts_with("tls: failed to verify certificate: x509: "), "{detail}");
            assert_eq!(exchange.timings.blocked, Duration::ZERO);
            assert!(exchange.timings.connecting > Duration::ZERO);

            let skip = TlsOptions { verify: Verify::Skip, ..TlsOptions::new() };
            ok(send(&secure_client(&skip), &request(&server, host)).await);
        }
    });
}

#[test]
fn texts_of_a_wrong_name_are_gos() {
    on_core(async {
        let id = identity(&["a.test", "c.test"], |_| {});
        let server = serve(&server_config(&id, BOTH, None), OK);
        let client = secure_client(&trusting(&id));
        for (host, text) in [
            ("b.test", "certificate is valid for a.test, c.test, not b.test"),
            (
                "127.0.0.1",
                "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
            ),
        ] {
            let exchange = send(&client, &request(&server, host)).await;
            let detail = exchange.result.unwrap_err().detail().to_owned();
            assert_eq!(detail, format!("tls: failed to verify certificate: x509: {text}"));
        }
    });
}

#[test]
fn versions_and_suites_can_be_chosen() {
    on_core(async {
        let id = identity(&["a.test"], |_| {});
        let old_only = server_config(&id, &[&rustls::version::TLS12], None);
        let skip = TlsOptions { verify: Verify::Skip, ..TlsOptions::new() };
        let server = serve(&old_only, OK);
        let chosen = TlsOptions {
            cipher_suites: Some(vec!["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".into()]),
            ..skip.clone()
        };
        let exchange = send(&secure_client(&chosen), &request(&server, "a.test")).await;
        let tls = exchange.tls.clone().unwrap();
        assert_eq!(
            (tls.version, tls.cipher_suite.as_str()),
            ("tls1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
        );
        ok(exchange);
        let new_only = TlsOptions { min_version: Some(TlsVersion::Tls13), ..skip };
        let exchange = send(&secure_client(&new_only), &request(&server, "a.test")).await;
        assert_eq!(
            failure(&exchange),
            (code::NON_TCP, "remote error: tls: protocol version not supported".into())
        );
    });
}

#[test]
fn a_server_that_does_not_speak_tls_is_told_apart() {
    on_core(async {
        for (answer, expected) in [
            (
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                (1301, "tls: first record does not look like a TLS handshake"),
            ),
            ("garbagegarbage", (1301, "tls: first record does not look like a TLS handshake")),
            ("\x15\x03\x03\x00\x02\x02\x28", (1010, "remote error: tls: handshake failure")),
            ("", (1000, "EOF")),
        ] {
            let server = Server::start(move |mut peer| async move {
                peer.read(&mut [0; 4096]).await;
                peer.send(answer.as_bytes()).await;
            });
            let client = secure_client(&TlsOptions::new());
            let exchange = send(&client, &request(&server, "127.0.0.1")).await;
            let (code, text) = expected;
            assert_eq!(failure(&exchange), (code, text.into()), "{answer:?}");
        }
    });
}

#[test]
fn a_client_certificate_is_shown_to_servers_that_ask() {
    on_core(async {
        let (id, me) = (identity(&["a.test"], |_| {}), identity(&["me.test"], |_| {}));
        let server = serve(&server_config(&id, BOTH, Some(&me)), OK);
        let mut options = trusting(&id);
        let exchange = send(&secure_client(&options), &request(&server, "a.test")).await;
        assert_eq!(
            failure(&exchange),
            (code::NON_TCP, "remote error: tls: certificate required".into())
        );
        options.client_certs =
            vec![ClientCert { cert_pem: me.cert_pem.clone(), key_pem: me.key_pem.clone() }];
        ok(send(&secure_client(&options), &request(&server, "a.test")).await);
    });
}

#[test]
fn settings_that_cannot_be_are_named() {
    let me = identity(&["me.test"], |_| {});
    let cert = |cert_pem: &str, key_pem: &str| TlsOptions {
        client_certs: vec![ClientCert { cert_pem: cert_pem.into(), key_pem: key_pem.into() }],
        ..TlsOptions::new()
    };
    let suites =
        |name: &str| TlsOptions { cipher_suites: Some(vec![name.into()]), ..TlsOptions::new() };
    let versions =
        |min, max| TlsOptions { min_version: min, max_version: max, ..TlsOptions::new() };
    use TlsVersion::{Tls10, Tls11, Tls12, Tls13};
    for (options, text) in [
        (suites("nope"), "unknown cipher suite 'nope'"),
        (suites("TLS_RSA_WITH_AES_128_CBC_SHA"), "'TLS_RSA_WITH_AES_128_CBC_SHA' is not supported"),
        (versions(Some(Tls10), Some(Tls11)), "TLS version tls1.1 is not supported"),
        (versions(Some(Tls13), Some(Tls12)), "the minimum tls1.3 is above the maximum tls1.2"),
        (cert("no pem", &me.key_pem), "client certificate 0: no certificate in the PEM text"),
        (cert(&me.cert_pem, "no pem"), "client certificate 0: private key"),
        (
            cert(&me.cert_pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
            "encrypted private keys are not supported",
        ),
    ] {
        let error = TlsConfig::new(&options).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let bent = TlsConfig::new(&versions(Some(Tls10), None)).unwrap();
    assert_eq!(bent.warnings().len(), 1);
    assert!(TlsConfig::new(&suites("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305")).is_ok());
}

#[test]
fn large_bodies_cross_tls_both_ways() {
    on_core(async {
        let id = identity(&["a.test"], |_| {});
        static ANSWER: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n".to_vec();
            answer.resize(answer.len() + 3_000_000, b'z');
            answer
        });
        let config = server_config(&id, BOTH, None);
        let server = Server::start(move |peer| {
            let mut session = ServerConnection::new(config.clone()).unwrap();
            session.set_buffer_limit(None);
            handle(peer, session, &ANSWER)
        });
        let client = Rc::new(secure_client(&trusting(&id)));
        let mut post = request(&server, "a.test");
        post.method = Method::Post;
        post.body = Body::Bytes(vec![b'x'; 2_000_000]);
        let exchange = send(&client, &post).await;
        assert_eq!(ok(exchange).body().len(), 3_000_000);
    });
}
