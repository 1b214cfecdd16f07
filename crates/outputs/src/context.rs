//! What outputs are given besides measurements.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use plan::threshold::ThresholdDef;
use serde_json::{Map, Value};

/// How bad a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something was lost.
    Error,
    /// Something may be lost.
    Warning,
    /// Only for who looks closely.
    Debug,
}

/// Where outputs tell their troubles.
pub trait Log: Send + Sync {
    /// Writes a line; `fields` are named values.
    fn log(&self, level: Level, message: &str, fields: &[(&'static str, String)]);
}

/// Opens standard output.
pub type OpenStdout = dyn Fn() -> Box<dyn Write + Send> + Send + Sync;

/// What outputs are given besides measurements.
#[derive(Clone)]
pub struct Context {
    /// The process's environment.
    pub environment: Arc<HashMap<String, String>>,
    /// `collectors` of the configuration file: settings by type of output.
    pub collectors: Arc<Map<String, Value>>,
    /// Thresholds by selector.
    pub thresholds: Arc<[(String, Vec<ThresholdDef>)]>,
    /// The system tags that are on.
    pub system_tags: Arc<[String]>,
    /// k6's feature `native-histograms` is on.
    pub native_histograms: bool,
    /// Where troubles are told.
    pub log: Arc<dyn Log>,
    /// For outputs that write to standard output.
    pub stdout: Arc<OpenStdout>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    /// Whether samples carry a system tag.
    pub(crate) fn has_system_tag(&self, name: &str) -> bool {
        self.system_tags.iter().any(|tag| tag == name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    struct Deaf;

    impl Log for Deaf {
        fn log(&self, _: Level, _: &str, _: &[(&'static str, String)]) {}
    }

    /// A context with these variables and this `collectors`.
    pub(crate) fn context(variables: &[(&str, &str)], collectors: &str) -> Context {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let collectors: Value = serde_json::from_str(collectors).unwrap();
        Context {
            environment: Arc::new(variables.iter().map(own).collect()),
            collectors: Arc::new(collectors.as_object().unwrap().clone()),
            thresholds: Arc::from([]),
            system_tags: Arc::from([]),
            native_histograms: false,
            log: Arc::new(Deaf),
            stdout: Arc::new(|| Box::new(std::io::sink())),
        }
    }
}
