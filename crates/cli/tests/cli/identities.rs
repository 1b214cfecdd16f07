//! Calls of `k6/http` with a proxy or certificates of their own.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::program::Folder;

/// A certificate that speaks for itself.
struct Certificate {
    der: CertificateDer<'static>,
    pem: String,
    key: rcgen::KeyPair,
}

impl Certificate {
    fn new(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        Self { der: made.cert.der().clone(), pem: made.cert.pem(), key: made.signing_key }
    }
}

/// A server that says which of `clients` asks, or `nobody`, and how many requests came on the connection. The connection
/// number stands in front. It lives as long as the test's process.
fn server(identity: &Certificate, clients: Vec<CertificateDer<'static>>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    clients.iter().for_each(|client| roots.add(client.clone()).unwrap());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.der.clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let body = move || {
        for (number, stream) in (1..).zip(listener.incoming().flatten()) {
            let (config, clients) = (config.clone(), clients.clone());
            let body = move || answer(stream, config, &clients, number);
            rt::thread::start("connection", body).unwrap();
        }
    };
    rt::thread::start("identities", body).unwrap();
    port
}

fn answer(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    clients: &[CertificateDer<'static>],
    number: u32,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let shown = stream.get_ref().conn.peer_certificates().and_then(|chain| chain.first());
        let who = shown.and_then(|shown| clients.iter().position(|client| client == shown));
        let who = who.map_or_else(|| "nobody".to_owned(), |place| place.to_string());
        let target = head.split(' ').nth(1).unwrap_or_default();
        let body = format!("{number}: {who} asks for {target}");
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.get_mut().write_all(text.as_bytes())?;
        stream.get_mut().flush()?;
    }
}

#[test]
fn a_call_shows_its_own_certificate_on_a_connection_of_its_own() {
    let (own, one, two) =
        (Certificate::new("localhost"), Certificate::new("one"), Certificate::new("two"));
    let port = server(&own, vec![one.der.clone(), two.der.clone()]);
    let folder = Folder::new();
    for (name, certificate) in [("one", &one), ("two", &two)] {
        folder.write(&format!("{name}.pem"), &certificate.pem);
        folder.write(&format!("{name}.key"), &certificate.key.serialize_pem());
    }
    folder.write("own.pem", &own.pem);
    folder.write(
        "t.js",
        &format!(
            "import http from 'k6/http';
             const identity = (name) => ({{ cert: open(name + '.pem'), key: open(name + '.key'), cacerts: own }});
             const own = open('own.pem'), one = identity('one'), two = identity('two');
             const url = 'https://localhost:{port}/';
             export default function () {{
               for (const tls of [one, two, one, {{ cacerts: own }}, two, {{ cacerts: [own] }}]) console.log(http.get(url, {{ tls }}).body);
               const untrusted = http.get(url);
               console.log(untrusted.error_code, untrusted.body);
               const broken = http.get(url, {{ tls: {{ cert: 'x', key: 'y' }} }});
               console.log(broken.status, broken.error);
               console.log(http.get(url, {{ tls: {{ cert: 5 }} }}).error);
             }}"
        ),
    );
    folder
        .squall(&["run", "--quiet", "--no-record", "--log-format", "raw", "t.js"])
        .run()
        .expect_code(0)
        .expect_stderr(
            "1: 0 asks for /\n2: 1 asks for /\n1: 0 asks for /\n3: nobody asks for /\n2: 1 asks for /\n3: nobody asks for /\n",
        )
        .expect_stderr("1310 null\n")
        .expect_stderr("0 client certificate 0: ")
        .expect_stderr("invalid tls cert value: ");
}

#[test]
fn a_call_goes_through_its_own_proxy_or_none() {
    let proxy = Certificate::new("localhost");
    let port = server(&proxy, vec![proxy.der.clone()]);
    let target = demo::Target::start(demo::TargetConfig::on_free_port()).unwrap();
    let url = target.url();
    let folder = Folder::new();
    folder.write(
        "t.js",
        &format!(
            "import http from 'k6/http';
             export const options = {{ insecureSkipTLSVerify: true }};
             const proxy = 'https://localhost:{port}';
             export default function () {{
               for (let i = 0; i < 2; i++) console.log(http.get('http://elsewhere.test/a', {{ proxy }}).body);
               console.log(http.get('{url}/get', {{ proxy: null }}).status, http.get('{url}/get', {{ proxy: '' }}).status);
               console.log(http.get('http://elsewhere.test/a').error_code);
               console.log(http.get('http://elsewhere.test/a', {{ proxy: 'http://' }}).error);
               console.log(http.get('http://elsewhere.test/a', {{ proxy: 5 }}).error);
               const both = http.batch([['GET', '{url}/get', null, {{ proxy }}], ['GET', '{url}/get', null, {{ proxy: null }}]]);
               console.log(both[0].body.includes('asks for {url}/get'), both[1].json().method);
             }}"
        ),
    );
    folder
        .squall(&["run", "--quiet", "--no-record", "--log-format", "raw", "t.js"])
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .run()
        .expect_code(0)
        .expect_stderr("1: nobody asks for http://elsewhere.test/a\n1: nobody asks for http://elsewhere.test/a\n200 200\n")
        .expect_stderr("1200\n")
        .expect_stderr("invalid proxy: \"http://\"\n")
        .expect_stderr("invalid proxy: it is of type int64\n")
        .expect_stderr("true GET\n");
}
