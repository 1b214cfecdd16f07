//! What a probe is.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use plan::probe::redact;

use crate::observation::Observation;

/// How long a look may take unless the probe says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The work of a look. It need not be `Send`: all probes live on one thread.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Result<(), ProbeError>> + 'a>>;

/// Looks at one source.
///
/// A look may be dropped at any of its waits, when its time is up or the run is over; the next look must then find the
/// probe usable. What a look has put into its observation until then is kept. Looks of one probe never overlap.
pub trait Probe: Send {
    /// Its name in the plan, unique in the run: the tag `probe` of its series.
    fn name(&self) -> &str;

    /// What it looks at.
    fn source(&self) -> Source;

    /// How long a look may take.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// One look. An error means that nothing could be seen: the probe is tried again later and later. For a part that
    /// can't be seen there is [`Observation::trouble`].
    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a>;

    /// The run is over: what can only be told now (queries over the whole run, differences, tables). Samples may lie in
    /// the past.
    fn finish<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        let _ = out;
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What a probe looks at; the source of its events and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A Kubernetes API server.
    Kubernetes,
    /// A Docker engine.
    Docker,
    /// A PostgreSQL server.
    Postgres,
    /// A Redis server.
    Redis,
    /// A Prometheus-compatible server.
    Prometheus,
    /// A log file.
    Logs,
    /// This program.
    Generator,
}

impl Source {
    /// As events and tables name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Docker => "docker",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Prometheus => "prometheus",
            Self::Logs => "logs",
            Self::Generator => "generator",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a look failed, in one line without passwords.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProbeError(String);

impl ProbeError {
    /// An error with this text; passwords in it are masked.
    pub fn new(text: impl fmt::Display) -> Self {
        Self(redact::text(&text.to_string()))
    }
}

impl From<std::io::Error> for ProbeError {
    fn from(error: std::io::Error) -> Self {
        Self::new(error)
    }
}

/// Where secrets come from: a variable of the environment by its name. Only `cli` reads the environment.
pub trait Secrets {
    /// The value of a variable; `None` where there is none.
    fn get(&self, variable: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Secrets for F {
    fn get(&self, variable: &str) -> Option<String> {
        self(variable)
    }
}
