//! Everything a test can be told: the script's `options`, the configuration file, `K6_*` variables, flags.
//!
//! Each source is decoded into an [`Options`] of its own, in which `None` means "not said"; [`Options::layered`] puts
//! them over each other; [`Options::derive_scenarios`] turns the result into validated scenarios.

use std::time::Duration;

use serde_json::Value;

use crate::duration::Span;
use crate::segment::{Segment, Sequence};
use crate::threshold::ThresholdDef;

mod decode;
mod derive;
mod env;
mod field;
mod flags;
mod layer;
mod network;
mod print;
mod scenario_config;
mod summary;
mod validate;

pub use self::derive::Derivation;
pub use self::flags::parse_tag_flag;
pub use self::layer::{LayerName, TagLayering};
pub use self::network::{
    Cidr, DnsConfig, DnsPolicy, DnsSelect, DnsTtl, LocalIps, TlsAuth, TlsVersions,
    parse_host_pattern,
};
pub use self::print::to_go_json;
pub use self::scenario_config::{ExecutorKind, ScenarioConfig, StageConfig};
pub use self::summary::{
    DEFAULT_SYSTEM_TAGS, DEFAULT_TREND_STATS, OPT_IN_SYSTEM_TAGS, check_time_unit,
    check_trend_stats, known_system_tags,
};

/// k6's exit code for configuration that can't be used.
pub const EXIT_INVALID_CONFIG: u8 = 104;
/// k6's exit code for errors without one of their own.
pub const EXIT_OTHER: u8 = 255;

/// Why options can't be used: k6's text, and the exit code the command ends with.
///
/// Errors found while decoding a script's options are shown by k6 behind ``could not initialize '<arg>': could not
/// load JS test '<url>': ``; the caller knows both names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OptionsError {
    /// What is wrong.
    pub message: String,
    /// 104 or 255.
    pub exit_code: u8,
}

impl OptionsError {
    /// An error with exit code 104.
    pub(crate) fn config(message: impl Into<String>) -> OptionsError {
        OptionsError { message: message.into(), exit_code: EXIT_INVALID_CONFIG }
    }

    /// An error with exit code 255.
    pub(crate) fn other(message: impl Into<String>) -> OptionsError {
        OptionsError { message: message.into(), exit_code: EXIT_OTHER }
    }
}

/// Something to be logged as a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The message.
    pub message: String,
    /// Further log fields.
    pub fields: Vec<(&'static str, String)>,
}

impl Warning {
    pub(crate) fn new(message: impl Into<String>) -> Warning {
        Warning { message: message.into(), fields: Vec::new() }
    }

    pub(crate) fn with(mut self, field: &'static str, value: impl Into<String>) -> Warning {
        self.fields.push((field, value.into()));
        self
    }
}

/// Pairs sorted by their first part, as k6 keeps (and prints) all its maps.
pub type Pairs = Vec<(String, String)>;

/// Thresholds by selector, sorted.
pub type Thresholds = Vec<(String, Vec<ThresholdDef>)>;

/// The options of one source, or of several layered. `None` is "not said". Numbers are not yet validated and may be
/// negative.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Wait for the REST API before starting.
    pub paused: Option<bool>,
    /// Shortcut: number of VUs.
    pub vus: Option<i64>,
    /// Shortcut: length of the test.
    pub duration: Option<Span>,
    /// Shortcut: iterations of all VUs together.
    pub iterations: Option<i64>,
    /// Shortcut: a ramp of VUs.
    pub stages: Option<Vec<StageConfig>>,
    /// The scenarios, sorted by name.
    pub scenarios: Option<Vec<ScenarioConfig>>,
    /// This instance's share of the test.
    pub execution_segment: Option<Segment>,
    /// How the test is shared.
    pub execution_segment_sequence: Option<Sequence>,
    /// Skip `setup()`.
    pub no_setup: Option<bool>,
    /// Limit of `setup()`; 60 s unless set.
    pub setup_timeout: Option<Span>,
    /// Skip `teardown()`.
    pub no_teardown: Option<bool>,
    /// Limit of `teardown()`; 60 s unless set.
    pub teardown_timeout: Option<Span>,
    /// Limit of `handleSummary()`; 120 s unless set.
    pub handle_summary_timeout: Option<Span>,
    /// Requests per second of all VUs together; 0 is no limit.
    pub rps: Option<i64>,
    /// Name resolution.
    pub dns: DnsConfig,
    /// Redirects followed; 10 unless set.
    pub max_redirects: Option<i64>,
    /// The `User-Agent` header; empty for none.
    pub user_agent: Option<String>,
    /// Parallel requests of `http.batch`; 20 unless set.
    pub batch: Option<i64>,
    /// Parallel requests of `http.batch` to one host; 6 unless set.
    pub batch_per_host: Option<i64>,
    /// Log requests and responses: `full` with bodies, other non-empty texts without.
    pub http_debug: Option<String>,
    /// Accept any certificate.
    pub insecure_skip_tls_verify: Option<bool>,
    /// Names of the cipher suites allowed.
    pub tls_cipher_suites: Option<Vec<String>>,
    /// TLS versions allowed.
    pub tls_version: Option<TlsVersions>,
    /// Client certificates.
    pub tls_auth: Option<Vec<TlsAuth>>,
    /// Failed requests throw.
    pub throw: Option<bool>,
    /// Thresholds by selector, sorted.
    pub thresholds: Option<Thresholds>,
    /// Addresses that must not be connected to.
    pub blacklist_ips: Option<Vec<Cidr>>,
    /// Host names that must not be connected to: exact, or with a leading `*`; case does not matter.
    pub block_hostnames: Option<Vec<String>>,
    /// Addresses for host patterns (lower case), as `ip` or `ip:port`.
    pub hosts: Option<Pairs>,
    /// No keep-alive.
    pub no_connection_reuse: Option<bool>,
    /// Close idle connections after each iteration.
    pub no_vu_connection_reuse: Option<bool>,
    /// Iterations take at least so long.
    pub min_iteration_duration: Option<Span>,
    /// Settings of the cloud; kept and printed only.
    pub cloud: Option<Value>,
    /// Settings of extensions; kept and printed only.
    pub ext: Option<Value>,
    /// Columns of trends in the summary.
    pub summary_trend_stats: Option<Vec<String>>,
    /// Unit of times in the summary; others than `s`, `ms`, `us` are ignored.
    pub summary_time_unit: Option<String>,
    /// System tags to set, sorted; unknown names were dropped.
    pub system_tags: Option<Vec<String>>,
    /// Tags of all samples, sorted by name.
    pub tags: Option<Pairs>,
    /// Samples that may wait for outputs; 1000 unless set.
    pub metric_samples_buffer_size: Option<i64>,
    /// Keep cookies between iterations.
    pub no_cookies_reset: Option<bool>,
    /// Response bodies are `null` unless asked for.
    pub discard_response_bodies: Option<bool>,
    /// File for the script's console output. Not a script option.
    pub console_output: Option<String>,
    /// Addresses to connect from. Not a script option.
    pub local_ips: Option<LocalIps>,
    /// What only the configuration file, the environment and flags can say.
    pub outer: OuterOptions,
}

/// Settings of the command rather than of the test; a script can't have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuterOptions {
    /// Outputs, as `type[=argument]`; a higher layer replaces the list.
    pub out: Option<Vec<String>>,
    /// Wait for Ctrl+C at the end.
    pub linger: Option<bool>,
    /// Send no usage report (Squall never does).
    pub no_usage_report: Option<bool>,
    /// Start the web dashboard.
    pub web_dashboard: Option<bool>,
    /// Feature flags; only of the configuration file here.
    pub features: Option<Vec<String>>,
    /// Settings of outputs, by type; only of the configuration file.
    pub collectors: Option<serde_json::Map<String, Value>>,
}

/// The time limit of `setup()` and `teardown()` unless set.
const DEFAULT_HOOK_TIMEOUT: Duration = Duration::from_secs(60);

impl Options {
    /// The options that k6 fills in before any source is heard, and shows in `exec.test.options`.
    pub fn k6_defaults() -> Options {
        let texts = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect());
        let mut system_tags: Vec<&str> = DEFAULT_SYSTEM_TAGS.to_vec();
        system_tags.sort_unstable();
        Options {
            summary_trend_stats: texts(&DEFAULT_TREND_STATS),
            system_tags: texts(&system_tags),
            ..Options::default()
        }
    }

    /// Time limit of `setup()`.
    pub fn setup_timeout_or_default(&self) -> Duration {
        self.setup_timeout.map_or(DEFAULT_HOOK_TIMEOUT, Span::as_duration)
    }

    /// Time limit of `teardown()`.
    pub fn teardown_timeout_or_default(&self) -> Duration {
        self.teardown_timeout.map_or(DEFAULT_HOOK_TIMEOUT, Span::as_duration)
    }

    /// Time limit of `handleSummary()`.
    pub fn handle_summary_timeout_or_default(&self) -> Duration {
        self.handle_summary_timeout.map_or(Duration::from_secs(120), Span::as_duration)
    }

    /// Multiplies every time by `factor` and leaves rates and numbers of VUs and iterations alone, to try a long
    /// test quickly. Time limits of hooks and `minIterationDuration` shrink too. Call it after the options were
    /// validated: a scaled duration may be below k6's minimum of 1 s.
    pub fn time_scale(&mut self, factor: f64) {
        let scale = |span: &mut Option<Span>| *span = span.map(|span| span.scaled(factor));
        scale(&mut self.duration);
        scale(&mut self.setup_timeout);
        scale(&mut self.teardown_timeout);
        scale(&mut self.handle_summary_timeout);
        scale(&mut self.min_iteration_duration);
        for stage in self.stages.iter_mut().flatten() {
            scale(&mut stage.duration);
        }
        for scenario in self.scenarios.iter_mut().flatten() {
            scenario.time_scale(factor);
        }
        for (_, thresholds) in self.thresholds.iter_mut().flatten() {
            thresholds.iter_mut().for_each(|threshold| scale(&mut threshold.delay_abort_eval));
        }
    }
}
