//! HTTP of the program itself, beside the test's: modules, secrets. On a thread and a core of its own, as whoever asks may
//! be on a core that runs the script.

use std::future::Future;
use std::sync::Arc;

use net::dns::{Resolver, ResolverOptions};
use net::http::{Client, ClientConfig};
use net::proxy::Proxies;
use net::tls::{TlsConfig, TlsOptions, Verify};

use crate::environment;

/// How the program's own requests go.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// The proxies of the environment.
    pub(crate) proxies: Proxies,
    /// Any certificate is accepted.
    pub(crate) insecure: bool,
    /// Largest body of an answer, bytes.
    pub(crate) max_body_bytes: u64,
}

impl Way {
    /// A client, for the core it is made on.
    ///
    /// # Errors
    /// What can't be set up.
    pub(crate) fn client(&self) -> Result<Client, String> {
        let mut tls = TlsOptions::new();
        if self.insecure {
            tls.verify = Verify::Skip;
        }
        let tls = TlsConfig::new(&tls).map_err(|error| error.to_string())?;
        let resolver = Resolver::new(&ResolverOptions::new()).map_err(|error| error.to_string())?;
        let mut config = ClientConfig::new(Arc::new(resolver), Arc::new(tls));
        config.limits.max_body_bytes = self.max_body_bytes;
        config.proxies = self.proxies.clone();
        Ok(Client::new(Arc::new(config), None))
    }
}

/// Runs what `make` gives to its end, on a thread called `name`.
///
/// # Errors
/// There is no thread to be had, or what ran on it failed.
pub(crate) fn run<T, F>(name: &str, make: impl FnOnce() -> F + Send + 'static) -> Result<T, String>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let worker = rt::thread::start(name, move || {
        let mut core =
            rt::Core::new(rt::CoreConfig { spin: false }).map_err(|error| error.to_string())?;
        Ok(core.block_on(make()))
    });
    let worker = worker.map_err(|error| error.to_string())?;
    worker.join().unwrap_or_else(|_| Err("the download failed".to_owned()))
}

/// The proxies of the environment, as Go's clients read them.
pub(crate) fn proxies() -> Proxies {
    let any = |upper: &str, lower: &str| {
        environment::option_var(upper)
            .or_else(|| environment::option_var(lower))
            .unwrap_or_default()
    };
    // A web server's child may find a header of the request under this name: Go refuses it there.
    let http = match environment::option_var("REQUEST_METHOD") {
        Some(_) => String::new(),
        None => any("HTTP_PROXY", "http_proxy"),
    };
    Proxies::new(&http, &any("HTTPS_PROXY", "https_proxy"), &any("NO_PROXY", "no_proxy"))
}
