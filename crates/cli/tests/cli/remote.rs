//! Modules from the network: fetched, cached, locked.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::program::{Folder, Program};

/// A server of texts by path, over TLS. It lives as long as the test's process.
struct Server {
    url: String,
    texts: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
    certificate: String,
}

impl Server {
    fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("https://localhost:{}", listener.local_addr().unwrap().port()),
            texts: Arc::default(),
            asked: Arc::default(),
            certificate: made.cert.pem(),
        };
        let (texts, asked, config) = (server.texts.clone(), server.asked.clone(), Arc::new(config));
        let body = move || {
            for stream in listener.incoming().flatten() {
                // Who breaks off a handshake is the subject of a test, too.
                let _ = answer(stream, &config, &texts, &asked);
            }
        };
        rt::thread::start("modules", body).unwrap();
        server
    }

    fn serve(&self, path: &str, text: &str) -> &Self {
        self.texts.lock().unwrap().insert(path.to_owned(), text.to_owned());
        self
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// A run that trusts this server.
    fn run(&self, folder: &Folder, words: &[&str]) -> Program {
        folder.write("ca.pem", &self.certificate);
        let file = folder.path().join("ca.pem");
        let mut all = vec!["run", "--quiet", "--no-record", "--log-format", "raw"];
        all.extend(words);
        folder.squall(&all).env("SSL_CERT_FILE", file.to_str().unwrap())
    }
}

fn answer(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    texts: &Mutex<HashMap<String, String>>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        asked.lock().unwrap().push(target.clone());
        let path = target.split('?').next().unwrap_or_default();
        let text = texts.lock().unwrap().get(path).cloned();
        let response = match text {
            Some(to) if to.starts_with("-> ") => {
                format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", &to[3..])
            }
            Some(text) => {
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
            }
            None => "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope".to_owned(),
        };
        stream.get_mut().write_all(response.as_bytes())?;
        stream.get_mut().flush()?;
    }
}

/// An address where nobody listens.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn remote_modules_are_fetched_with_what_they_import() {
    let server = Server::start();
    server
        .serve("/lib/a.ts", "import { b } from './b.js';\nexport const a: string = 'a' + b;\n")
        .serve("/lib/b.js", "-> /moved/b.js")
        .serve("/moved/b.js", "export const b = 'b';\n");
    let folder = Folder::new();
    let url = &server.url;
    folder.write(
        "t.js",
        &format!("import {{ a }} from '{url}/lib/a.ts';\nexport default function () {{ console.log(a); a.x.y; }}\n"),
    );
    server.run(&folder, &["t.js"]).run().expect_code(0).expect_stderr("ab\n");
    assert_eq!(server.asked(), ["/lib/a.ts?_k6=1", "/lib/b.js?_k6=1", "/moved/b.js"]);
    server.serve(
        "/t.js",
        "export default function () { console.log('remote'); throw new Error('here'); }",
    );
    let script = format!("{url}/t.js");
    server
        .run(&folder, &[&script])
        .run()
        .expect_code(0)
        .expect_stderr("remote\n")
        .expect_stderr(&format!("at default ({script}:1:59("));
}

#[test]
fn what_cannot_be_fetched_is_told_in_the_words_of_k6() {
    let server = Server::start();
    let (url, closed) = (&server.url, nobody());
    server.serve("/insecure.js", "-> http://127.0.0.1:1/x.js").serve("/loop.js", "-> /loop.js");
    for (specifier, why) in [
        (format!("{url}/none.js"), format!("not found: {url}/none.js")),
        (format!("{url}/insecure.js"), "is not secure".to_owned()),
        (format!("{url}/loop.js"), "stopped after 10 redirects".to_owned()),
        (format!("https://127.0.0.1:{closed}/x.js"), "connect: connection refused".to_owned()),
    ] {
        let folder = Folder::new();
        folder.write("t.js", &format!("import '{specifier}';\nexport default () => {{}};\n"));
        server
            .run(&folder, &["t.js"])
            .run()
            .expect_code(107)
            .expect_stderr(&format!(
                "The moduleSpecifier \"{specifier}\" couldn't be retrieved from the resolved url \"{specifier}\". Error : \""
            ))
            .expect_stderr(&why);
    }
    // A certificate that nobody vouches for.
    let folder = Folder::new();
    server.serve("/x.js", "export default () => {};");
    folder.write("t.js", &format!("import '{url}/x.js';\nexport default () => {{}};\n"));
    let words = ["run", "--quiet", "--no-record", "t.js"];
    folder.squall(&words).run().expect_code(107).expect_stderr("x509: ");
    let words = ["run", "--quiet", "--no-record", "--insecure-skip-tls-verify", "t.js"];
    folder.squall(&words).run().expect_code(0);
}

#[test]
fn a_lock_holds_modules_to_what_they_were() {
    let server = Server::start();
    let url = format!("{}/a.js", server.url);
    let folder = Folder::new();
    folder.write(
        "t.js",
        &format!(
            "import {{ a }} from '{url}';\nexport default function () {{ console.log(a); }}\n"
        ),
    );
    server.serve("/a.js", "export const a = 'first';");
    server.run(&folder, &["--import-lock", "squall.lock", "t.js"]).run().expect_code(0);
    let lock = folder.read("squall.lock");
    assert!(lock.contains(&format!("\"{url}\": \"sha256-")), "{lock}");
    server.asked();
    // The cache has what the lock names, and the lock beside the script is heeded without a flag.
    server.serve("/a.js", "export const a = 'second';");
    server.run(&folder, &["t.js"]).run().expect_code(0).expect_stderr("first\n");
    assert!(server.asked().is_empty());
    // Without the cache the server's answer is refused.
    std::fs::remove_dir_all(folder.path().join(".cache")).unwrap();
    server
        .run(&folder, &["t.js"])
        .run()
        .expect_code(107)
        .expect_stderr("its content has changed")
        .expect_stderr("squall.lock has sha256-");
    // Without the lock it is what the server says.
    std::fs::remove_file(folder.path().join("squall.lock")).unwrap();
    server.run(&folder, &["t.js"]).run().expect_code(0).expect_stderr("second\n");
    folder.write("squall.lock", "{ nope");
    server.run(&folder, &["t.js"]).run().expect_code(255).expect_stderr("import lock ");
}

#[test]
fn the_cache_serves_when_the_network_is_away() {
    let port = nobody();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let folder = Folder::new();
    let url = format!("http://127.0.0.1:{port}/a.js");
    folder.write(
        "t.js",
        &format!(
            "import {{ a }} from '{url}';\nexport default function () {{ console.log(a); }}\n"
        ),
    );
    let once = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        let text = "export const a = 'kept';";
        let answer = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    };
    let server = rt::thread::start("once", once).unwrap();
    let run =
        || folder.squall(&["run", "--quiet", "--no-record", "--log-format", "raw", "t.js"]).run();
    run().expect_code(0).expect_stderr("kept\n");
    server.join().unwrap();
    run()
        .expect_code(0)
        .expect_stderr("kept\n")
        .expect_stderr(&format!("{url} comes from the cache of an earlier run: "));
    // An archive has it inside.
    folder.squall(&["archive", "-O", "a.tar", "t.js"]).run().expect_code(0);
    std::fs::remove_dir_all(folder.path().join(".cache")).unwrap();
    folder
        .squall(&["run", "--quiet", "--no-record", "--log-format", "raw", "a.tar"])
        .run()
        .expect_code(0)
        .expect_stderr("kept\n");
}

/// Answers every request on a connection of its own with what `text` makes of its first line; tells the lines.
fn plain_server(text: impl Fn(&str) -> String + Send + 'static) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let body = move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap_or(0) > 0 {}
            let line = head.lines().next().unwrap_or_default().to_owned();
            let body = text(&head);
            seen.lock().unwrap().push(line);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    };
    rt::thread::start("plain", body).unwrap();
    (port, asked)
}

#[test]
fn remote_modules_come_through_the_proxy_of_the_environment() {
    let (port, asked) = plain_server(|_| "export const a = 'through the proxy';".to_owned());
    let folder = Folder::new();
    folder.write(
        "t.js",
        "import { a } from 'http://elsewhere.test/a.js';\nexport default function () { console.log(a); }\n",
    );
    folder
        .squall(&["run", "--quiet", "--no-record", "--log-format", "raw", "t.js"])
        .env("HTTP_PROXY", &format!("http://127.0.0.1:{port}"))
        .run()
        .expect_code(0)
        .expect_stderr("through the proxy\n");
    assert_eq!(*asked.lock().unwrap(), ["GET http://elsewhere.test/a.js?_k6=1 HTTP/1.1"]);
}

#[test]
fn secrets_come_from_a_web_service_and_are_asked_for_once() {
    let (port, asked) = plain_server(|head| {
        let token = head.lines().find_map(|line| line.strip_prefix("Authorization: "));
        format!("{{\"data\":{{\"value\":\"secret of {}\"}}}}", token.unwrap_or("nobody"))
    });
    let folder = Folder::new();
    folder.write(
        "t.js",
        "import secrets from 'k6/secrets';
         export const options = { vus: 2, iterations: 6 };
         export default async function () {
           const secret = await secrets.get('a b');
           console.log(secret.length, secret);
         }",
    );
    let source =
        format!("url=urlTemplate=http://127.0.0.1:{port}/s/{{key}},responsePath=data.value");
    folder
        .squall(&["run", "--quiet", "--no-record", "--log-format", "raw", "t.js"])
        .env("K6_SECRET_SOURCE", &source)
        .env("K6_SECRET_SOURCE_URL_HEADER_AUTHORIZATION", "Bearer x")
        .run()
        .expect_code(0)
        .expect_stderr("18 ***SECRET_REDACTED***\n");
    let asked = asked.lock().unwrap();
    // Two VUs may ask at the same moment, and nobody asks for what is known.
    assert!((1..=2).contains(&asked.len()), "{asked:?}");
    assert_eq!(asked[0], "GET /s/a%20b HTTP/1.1");
}
