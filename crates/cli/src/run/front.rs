//! The k6 front end as `cli` uses it: loading a script, and making it a test.

use std::sync::Arc;

use engine::script::ScriptError;
use k6::{LoadOptions, Loaded, Secrets, SystemTags, Test, TestConfig};
use metrics::Registry;
use plan::options::Options;

use super::ending;
use super::runtime::Runtime;
use super::script_log::ScriptLog;
use super::source::Source;
use crate::exit::{ExitStatus, Failure};
use crate::log::Logger;

/// Compiles the script and runs its init code once.
///
/// # Errors
/// What the script threw, with k6's text and code.
pub(crate) fn load(
    source: &Source,
    runtime: &Runtime,
    log: &ScriptLog,
    registry: &Arc<Registry>,
    secrets: Secrets,
) -> Result<Loaded, Failure> {
    k6::load(load_options(source, runtime, log, registry, secrets))
        .map_err(|error| failure(source, &error))
}

/// What the script imports, found without running it.
///
/// # Errors
/// As for [`load`], as far as they come before anything runs.
pub(crate) fn imports(
    source: &Source,
    runtime: &Runtime,
    log: &ScriptLog,
    registry: &Arc<Registry>,
) -> Result<k6::Imports, Failure> {
    k6::imports(&load_options(source, runtime, log, registry, Secrets::default()))
        .map_err(|error| failure(source, &error))
}

fn load_options(
    source: &Source,
    runtime: &Runtime,
    log: &ScriptLog,
    registry: &Arc<Registry>,
    secrets: Secrets,
) -> LoadOptions {
    LoadOptions {
        name: source.argument.clone(),
        path: source.path.clone(),
        url: source.remote.clone(),
        source: Some(source.text.clone()),
        env: runtime.script_env(source.archive.as_deref().and_then(|archive| archive.env.as_ref())),
        reader: source.reader.clone(),
        log: Arc::new(log.clone()),
        text_summary,
        registry: Arc::clone(registry),
        secrets: Arc::new(secrets),
    }
}

fn failure(source: &Source, error: &ScriptError) -> Failure {
    let mut failure = ending::script_failure(error);
    let prefix = format!("could not initialize '{}': ", source.argument);
    if failure.status.code() == ExitStatus::Usage.code() && !failure.message.starts_with(&prefix) {
        let (url, why) = (source.url(), failure.message);
        failure.message = format!("{prefix}could not load JS test '{url}': {why}");
    }
    failure
}

/// What flags and environment say about connections, beside the options.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    /// Bytes of a body that are kept at most; `None` for the client's own limit.
    pub(crate) max_body_bytes: Option<u64>,
    /// When HTTP/2 is spoken.
    pub(crate) http2: net::http::Http2,
    /// The proxies of the environment.
    pub(crate) proxies: net::proxy::Proxies,
}

/// The test with its consolidated options.
///
/// # Errors
/// Options of TLS, names or addresses that can't be used.
pub(crate) fn test(
    loaded: Loaded,
    options: &Options,
    run_tags: &[(String, String)],
    wire: Wire,
    log: &Logger,
) -> Result<Arc<Test>, Failure> {
    let test = Arc::new(loaded.into_test(TestConfig {
        options: Arc::new(options.clone()),
        options_json: options.to_test_options_json().to_string(),
        run_tags: run_tags.to_vec(),
        system_tags: options.system_tags.clone().map_or_else(SystemTags::default, SystemTags::new),
        no_setup: options.no_setup == Some(true),
        no_teardown: options.no_teardown == Some(true),
        throws: options.throw == Some(true),
        max_body_bytes: wire.max_body_bytes,
        http2: wire.http2,
        proxies: wire.proxies,
    }));
    for warning in test.check_http().map_err(Failure::config)? {
        log.warn(&warning);
    }
    Ok(test)
}

/// `textSummary` for scripts: data that no longer has the shape of k6's gets a text that says so.
fn text_summary(json: &str, indent: &str, colors: bool) -> String {
    serde_json::from_str(json)
        .map_err(|error| error.to_string())
        .and_then(|data| report::text_summary(&data, indent, colors))
        .unwrap_or_else(|error| format!("textSummary: {error}"))
}
