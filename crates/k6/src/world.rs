//! What all VUs of a test share: the compiled scripts, the environment, opened files, shared arrays, the log.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use metrics::Registry;

use crate::compile::Graph;
use crate::js::SharedText;
use crate::log::LogSink;
use crate::module::data::Elements;
use crate::secrets::Secrets;

/// Reads files for scripts; `cli` gives the disk, tests a map, an archive its own.
pub trait Reader: Send + Sync + 'static {
    /// The content of the file at an absolute path.
    ///
    /// # Errors
    /// As the system reports them; a directory is [`std::io::ErrorKind::IsADirectory`].
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;

    /// Whether there is a file at an absolute path.
    fn is_file(&self, path: &Path) -> bool {
        self.read(path).is_ok()
    }

    /// The path of a file without links in it.
    fn real(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    /// The text of the module at an `https://` or `http://` URL.
    ///
    /// # Errors
    /// Why it can't be had, for k6's sentence about it.
    fn fetch(&self, _url: &str) -> Result<Vec<u8>, String> {
        Err("modules are not loaded over the network here".to_owned())
    }
}

/// Renders k6's end-of-test text from the JSON of `handleSummary`'s argument: JSON, indent, colours.
pub type TextSummary = fn(json: &str, indent: &str, colors: bool) -> String;

/// Which system tags samples get; [`DEFAULT_SYSTEM_TAGS`] unless the options say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemTags(Vec<String>);

/// k6's default set.
pub use plan::options::DEFAULT_SYSTEM_TAGS;

impl SystemTags {
    /// Of names; unknown ones do no harm.
    pub fn new(names: impl IntoIterator<Item = String>) -> SystemTags {
        SystemTags(names.into_iter().collect())
    }

    /// Whether samples get the tag.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|n| n == name)
    }
}

impl Default for SystemTags {
    fn default() -> Self {
        SystemTags(DEFAULT_SYSTEM_TAGS.iter().map(|s| (*s).to_owned()).collect())
    }
}

/// What is known only after the options of script, environment and command line are put together.
#[derive(Debug, Clone, Default)]
pub struct TestConfig {
    /// The options, consolidated.
    pub options: Arc<plan::options::Options>,
    /// The same as JSON, for `exec.test.options` and the exported `options` object. Empty: the script's own.
    pub options_json: String,
    /// Tags of all samples of the run.
    pub run_tags: Vec<(String, String)>,
    /// Which system tags samples get.
    pub system_tags: SystemTags,
    /// Environment of the scenarios is laid over this one, `__ENV`.
    pub no_setup: bool,
    /// `teardown()` is not run.
    pub no_teardown: bool,
    /// Failed requests throw (`options.throw`); metrics refuse NaN with an exception instead of a warning.
    pub throws: bool,
    /// Bytes of a response's body that are kept at most; `None` for the client's own limit.
    pub max_body_bytes: Option<u64>,
    /// When HTTP/2 is spoken.
    pub http2: net::http::Http2,
    /// The proxies of the environment.
    pub proxies: net::proxy::Proxies,
}

/// What all VUs of a test share.
pub struct World {
    /// The scripts.
    pub graph: Graph,
    /// Metrics by name.
    pub registry: Arc<Registry>,
    /// Where console output and warnings go.
    pub log: Arc<dyn LogSink>,
    /// `__ENV`, in order.
    pub env: Vec<(String, String)>,
    /// Reads files in the init stage of the probe.
    pub reader: Arc<dyn Reader>,
    /// Renders `textSummary`.
    pub text_summary: TextSummary,
    /// What `k6/secrets` gives.
    pub secrets: Arc<Secrets>,
    /// Directory that `open()` resolves relative paths against: that of the main script.
    pub script_dir: PathBuf,
    /// Files that the probe opened, by path.
    pub(crate) files: Mutex<HashMap<PathBuf, crate::module::files::Opened>>,
    /// The same as the engine's characters, where they are large.
    pub(crate) texts: Mutex<HashMap<PathBuf, SharedText>>,
    /// Places in CSV files that all VUs share, by file and options.
    pub(crate) cursors: Mutex<HashMap<String, Arc<crate::module::csv::Cursor>>>,
    /// Arrays of `k6/data`, by name.
    pub(crate) arrays: Mutex<HashMap<String, Arc<Elements>>>,
    /// Set once the probe is done.
    pub(crate) config: OnceLock<TestConfig>,
    /// Stands in for `config` while the probe runs.
    pub(crate) probe_config: TestConfig,
    /// What `setup()` returned, as JSON.
    pub(crate) setup_data: Mutex<Option<Arc<str>>>,
    /// One-time warnings that have been given.
    pub(crate) warned: Mutex<Vec<String>>,
    /// Definitions of `k6/net/grpc`.
    pub(crate) protos: crate::grpc::Schemas,
    /// Settings of TLS that scripts asked for.
    pub(crate) tls: crate::certificates::Made,
    /// What the options say about HTTP, made ready when the first VU asks.
    pub(crate) http: OnceLock<Result<Arc<crate::http::Settings>, String>>,
}

impl World {
    /// The configuration; k6's defaults while the probe runs.
    #[inline]
    pub fn config(&self) -> &TestConfig {
        self.config.get().unwrap_or(&self.probe_config)
    }

    /// Whether the probe is running: files may still be opened, modules still be loaded.
    pub(crate) fn is_probe(&self) -> bool {
        self.config.get().is_none()
    }

    /// The data of `setup()`, JSON.
    pub(crate) fn setup_data(&self) -> Option<Arc<str>> {
        lock(&self.setup_data).clone()
    }

    /// True the first time it is asked about `what`.
    pub fn warn_once(&self, what: &str) -> bool {
        let mut warned = lock(&self.warned);
        if warned.iter().any(|w| w == what) || warned.len() >= 1000 {
            return false;
        }
        warned.push(what.to_owned());
        true
    }
}

/// Locks; a panic elsewhere does not spoil what is behind.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
