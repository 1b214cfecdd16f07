//! Gates: looking until what a plan waits for answers.

use std::net::{TcpStream, ToSocketAddrs};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use net::dns::{Resolver, ResolverOptions};
use net::grpc::frame::PREFIX_BYTES;
use net::grpc::{Channel, ChannelConfig, Code, Metadata, Unary};
use net::http::{Client, ClientConfig, Request};
use net::stream::Traffic;
use net::tls::{TlsConfig, TlsOptions, Verify};
use plan::suite::{Gate, Readiness};

/// How long a gate is waited for unless the plan says otherwise.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// The longest one look may take.
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// Longest body that is looked through, bytes.
const MAX_BODY_BYTES: u64 = 16 << 20;
/// `grpc.health.v1.HealthCheckResponse.SERVING`.
const SERVING: u8 = 1;

/// How long a gate is waited for, and the pause between looks.
pub(crate) fn patience(gate: &Gate) -> (Duration, Duration) {
    (gate.deadline.map_or(DEADLINE, |time| time.0), gate.every.map_or(EVERY, |time| time.0))
}

/// Looks once at what a gate waits for; a rollout is somebody else's to look at.
///
/// # Errors
/// Why it is not ready yet, in a few words.
pub(crate) fn look(readiness: &Readiness<'_>, left: Duration) -> Result<(), String> {
    let limit = left.clamp(Duration::from_millis(1), LONGEST_LOOK);
    match *readiness {
        Readiness::Tcp { address } => tcp(address, limit),
        Readiness::Url { url, status, contains, insecure } => {
            let (url, contains) = (url.to_owned(), contains.map(str::to_owned));
            on_a_core(move || async move {
                http(&url, status, contains.as_deref(), insecure, limit).await
            })
        }
        Readiness::Grpc { address, service } => {
            let (address, service) = (address.to_owned(), service.to_owned());
            on_a_core(move || async move { health(&address, &service, limit).await })
        }
        Readiness::Rollout { .. } => Err("nobody here knows rollouts".to_owned()),
    }
}

/// Runs a future on a core of its own: whoever asks is an ordinary thread.
fn on_a_core<F>(make: impl FnOnce() -> F + Send + 'static) -> Result<(), String>
where
    F: Future<Output = Result<(), String>>,
{
    let worker = rt::thread::start("squall-gate", move || {
        let mut core = rt::Core::new(rt::CoreConfig { spin: false }).map_err(|e| e.to_string())?;
        core.block_on(make())
    });
    let worker = worker.map_err(|error| error.to_string())?;
    worker.join().unwrap_or_else(|_| Err("the look itself failed".to_owned()))
}

fn tcp(address: &str, limit: Duration) -> Result<(), String> {
    let found = address.to_socket_addrs().map_err(|error| plain(&error))?;
    let mut last = "the name has no address".to_owned();
    for socket in found {
        match TcpStream::connect_timeout(&socket, limit) {
            Ok(_) => return Ok(()),
            Err(error) => last = plain(&error),
        }
    }
    Err(last)
}

/// `connection refused`, without the number behind it.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

fn client(insecure: bool) -> Result<Client, String> {
    let mut tls = TlsOptions::new();
    if insecure {
        tls.verify = Verify::Skip;
    }
    let tls = TlsConfig::new(&tls).map_err(|error| error.to_string())?;
    let resolver = Resolver::new(&ResolverOptions::new()).map_err(|error| error.to_string())?;
    let mut config = ClientConfig::new(Arc::new(resolver), Arc::new(tls));
    config.limits.max_body_bytes = MAX_BODY_BYTES;
    Ok(Client::new(Arc::new(config), None))
}

async fn http(
    url: &str,
    status: Option<u32>,
    contains: Option<&str>,
    insecure: bool,
    limit: Duration,
) -> Result<(), String> {
    let request = Request::get(url).map_err(|error| error.to_string())?;
    let exchange = client(insecure)?.send(&request, Some(rt::now() + limit)).await;
    let response = exchange.result.map_err(|error| error.to_string())?;
    let seen = u32::from(response.status);
    let is_wanted = match status {
        Some(status) => seen == status,
        None => (200..400).contains(&seen),
    };
    if !is_wanted {
        return Err(format!("status {seen}"));
    }
    match contains {
        Some(text) if !String::from_utf8_lossy(response.body()).contains(text) => {
            Err(format!("its body does not contain {text:?}"))
        }
        _ => Ok(()),
    }
}

async fn health(address: &str, service: &str, limit: Duration) -> Result<(), String> {
    let deadline = rt::now() + limit;
    let resolver = Resolver::new(&ResolverOptions::new()).map_err(|error| error.to_string())?;
    let config = ChannelConfig {
        target: address.to_owned(),
        resolver: Arc::new(resolver),
        tls: None,
        authority: None,
        user_agent: String::new(),
        local: None,
        max_receive_bytes: 1 << 20,
        max_send_bytes: 1 << 20,
    };
    let channel = Channel::connect(config, Rc::new(Traffic::default()), deadline).await?;
    let endpoint =
        channel.endpoint("/grpc.health.v1.Health/Check").map_err(|status| status.message)?;
    // HealthCheckRequest: field 1, the service's name.
    let mut message = vec![0; PREFIX_BYTES];
    if !service.is_empty() {
        let length = u8::try_from(service.len()).map_err(|_| "the service's name is too long")?;
        message.extend([0x0a, length]);
        message.extend_from_slice(service.as_bytes());
    }
    let metadata = Metadata::new();
    let call =
        Unary { endpoint: &endpoint, message, metadata: &metadata, deadline: Some(deadline) };
    let reply = channel.unary(call).await;
    channel.close();
    // A server without the health service answers all the same.
    if reply.status.code == Code::UNIMPLEMENTED && service.is_empty() {
        return Ok(());
    }
    if reply.status.code != Code::OK {
        return Err(format!("{}: {}", reply.status.code.name(), reply.status.message));
    }
    match reply.message.as_deref() {
        // HealthCheckResponse: field 1, the state.
        Some([0x08, SERVING]) => Ok(()),
        _ => Err("its health service does not say SERVING".to_owned()),
    }
}
