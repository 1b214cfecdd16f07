//! The target over TLS: a front that takes connections with a certificate of its own and passes their bytes on.

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long one direction is waited for before the other gets its turn.
const TURN: Duration = Duration::from_millis(2);

/// A running front. It ends with the process.
pub(crate) struct Front {
    pub(crate) addr: SocketAddr,
    /// The certificate, in PEM.
    pub(crate) certificate: String,
}

/// Starts a front of `target` on 127.0.0.1.
pub(crate) fn start(target: SocketAddr) -> Front {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let config = config.clone();
            std::thread::spawn(move || {
                // A client that ends the connection, or does not trust it, is no concern of ours.
                let _ = pass(client, config, target);
            });
        }
    });
    Front { addr, certificate: certificate.pem() }
}

fn pass(client: TcpStream, config: Arc<ServerConfig>, target: SocketAddr) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut client = StreamOwned::new(connection, client);
    while client.conn.is_handshaking() {
        client.conn.complete_io(&mut client.sock)?;
    }
    let mut target = TcpStream::connect(target)?;
    client.sock.set_read_timeout(Some(TURN))?;
    target.set_read_timeout(Some(TURN))?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if let Some(n) = read(&mut client, &mut buffer)? {
            if n == 0 {
                return Ok(());
            }
            target.write_all(&buffer[..n])?;
        }
        if let Some(n) = read(&mut target, &mut buffer)? {
            if n == 0 {
                client.conn.send_close_notify();
                return client.flush();
            }
            client.write_all(&buffer[..n])?;
            client.flush()?;
        }
    }
}

/// `None` when nothing came in its turn.
fn read(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match from.read(buffer) {
        Ok(n) => Ok(Some(n)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
