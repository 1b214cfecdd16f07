//! Which cluster, and how to get in.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::config::{Config, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};

/// How long a connection to the API server may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Readings of the server's clock that wait for the probe.
const MAX_READINGS: usize = 256;

/// Which cluster is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The kubeconfig's path; without one `KUBECONFIG`, `~/.kube/config`, or the pod this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The context; without one the current one.
    pub context: Option<String>,
    /// The namespace; without one the context's.
    pub namespace: Option<String>,
}

/// Why no cluster could be chosen; nothing was sent yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is neither a kubeconfig nor a service account.
    #[error("no Kubernetes cluster is configured: {0}, and this is no pod")]
    Nowhere(String),
    /// It runs in a pod, whose service account is not what it should be.
    #[error("the service account of this pod can't be used: {0}")]
    InPod(String),
    /// The kubeconfig can't be read.
    #[error("the kubeconfig can't be used: {0}")]
    Kubeconfig(String),
    /// There is no such context.
    #[error("the kubeconfig has no context {wanted:?}; it has {known}")]
    Context {
        /// The one that was asked for.
        wanted: String,
        /// Those there are.
        known: String,
    },
    /// The login or the certificates can't be used.
    #[error("the kubeconfig's login can't be used: {0}")]
    Login(String),
}

/// What the server's clock showed between two moments of ours, unix nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) server: u64,
}

/// A cluster and a namespace of it. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
    server: String,
    readings: Arc<Mutex<Vec<Reading>>>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Chooses a cluster; nothing is sent yet. Called within a tokio runtime, which the connections belong to.
    ///
    /// # Errors
    /// There is no such cluster, or no way to log in.
    pub async fn choose(access: &Access) -> Result<Self, AccessError> {
        let mut config = config(access).await?;
        config.connect_timeout = Some(CONNECT);
        // Whoever asks retries, and says so.
        config.default_retry = false;
        // A proxy of the environment is not for what listens on this machine.
        let is_local = |host: &str| matches!(host, "127.0.0.1" | "[::1]" | "localhost");
        if config.cluster_url.host().is_some_and(is_local) {
            config.proxy_url = None;
        }
        let namespace =
            access.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = Client::try_from(config).map_err(|error| AccessError::Login(chain(&error)))?;
        Ok(Self { client, namespace, server, readings: Arc::default() })
    }

    /// The namespace that is meant.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The API server's URL.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The same cluster, another namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(crate) fn read_clock(&self, reading: Reading) {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.len() < MAX_READINGS {
            readings.push(reading);
        }
    }

    /// The readings of the server's clock since the last call.
    pub(crate) fn take_readings(&self) -> Vec<Reading> {
        std::mem::take(&mut self.readings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn config(access: &Access) -> Result<Config, AccessError> {
    let read = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match read {
        Ok(kubeconfig) => kubeconfig,
        Err(error) if access.kubeconfig.is_some() || !is_missing(&error) => {
            return Err(AccessError::Kubeconfig(chain(&error)));
        }
        Err(missing) => {
            return Config::incluster().map_err(|error| match error {
                InClusterError::ReadEnvironmentVariable(_) => {
                    AccessError::Nowhere(looked_for(&missing))
                }
                error => AccessError::InPod(chain(&error)),
            });
        }
    };
    let known: Vec<String> = kubeconfig.contexts.iter().map(|c| c.name.clone()).collect();
    if let Some(wanted) = access.context.as_ref().filter(|wanted| !known.contains(wanted)) {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(AccessError::Context { wanted: wanted.clone(), known });
    }
    let options = KubeConfigOptions { context: access.context.clone(), cluster: None, user: None };
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| AccessError::Kubeconfig(chain(&error)))
}

/// Whether there simply is no kubeconfig.
fn is_missing(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Where there is none.
fn looked_for(missing: &KubeconfigError) -> String {
    match missing {
        KubeconfigError::ReadConfig(_, path) => format!("{} does not exist", path.display()),
        _ => "KUBECONFIG is not set and there is no home folder".to_owned(),
    }
}

/// An error with what is behind it, without what is said twice.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}
