//! Options of the environment: `K6_*` variables.

use super::network::{cipher_suite_of_id, parse_blacklisted, parse_blocked};
use super::{Options, OptionsError, Pairs, StageConfig, known_system_tags};
use crate::duration::{Span, parse_go_int, parse_k6};

/// Looks a variable up.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Options {
    /// Decodes the variables that set options; `lookup` finds one by name. Empty ones are unset.
    ///
    /// Not heard, as in k6: `hosts`, `tlsVersion`, `scenarios`, segments. Unlike k6, a variable named `CLOUD` is not
    /// taken for the `cloud` option.
    ///
    /// # Errors
    /// k6's text, exit code 104.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Options, OptionsError> {
        let env = Env { lookup };
        let mut options = Options {
            paused: env.get("PAUSED", "Paused", BOOL, parse_bool)?,
            vus: env.get("VUS", "VUs", INT, parse_int)?,
            duration: env.get("DURATION", "Duration", DURATION, parse_span)?,
            iterations: env.get("ITERATIONS", "Iterations", INT, parse_int)?,
            stages: env.get("STAGES", "Stages", "[]lib.Stage", parse_stages)?,
            no_setup: env.get("NO_SETUP", "NoSetup", BOOL, parse_bool)?,
            setup_timeout: env.get("SETUP_TIMEOUT", "SetupTimeout", DURATION, parse_span)?,
            no_teardown: env.get("NO_TEARDOWN", "NoTeardown", BOOL, parse_bool)?,
            teardown_timeout: env.get(
                "TEARDOWN_TIMEOUT",
                "TeardownTimeout",
                DURATION,
                parse_span,
            )?,
            handle_summary_timeout: env.get(
                "HANDLE_SUMMARY_TIMEOUT",
                "HandleSummaryTimeout",
                DURATION,
                parse_span,
            )?,
            rps: env.get("RPS", "RPS", INT, parse_int)?,
            dns: env
                .get("DNS", "DNS", "types.DNSConfig", |text| text.parse().map_err(message))?
                .unwrap_or_default(),
            min_iteration_duration: env.get(
                "MIN_ITERATION_DURATION",
                "MinIterationDuration",
                DURATION,
                parse_span,
            )?,
            ..Options::default()
        };
        options.add_requests(&env)?;
        options.add_results(&env)?;
        Ok(options)
    }

    fn add_requests(&mut self, env: &Env<'_>) -> Result<(), OptionsError> {
        self.max_redirects = env.get("MAX_REDIRECTS", "MaxRedirects", INT, parse_int)?;
        self.user_agent = env.text("USER_AGENT");
        self.batch = env.get("BATCH", "Batch", INT, parse_int)?;
        self.batch_per_host = env.get("BATCH_PER_HOST", "BatchPerHost", INT, parse_int)?;
        self.http_debug = env.text("HTTP_DEBUG");
        self.insecure_skip_tls_verify =
            env.get("INSECURE_SKIP_TLS_VERIFY", "InsecureSkipTLSVerify", BOOL, parse_bool)?;
        self.tls_cipher_suites = env.get(
            "TLS_CIPHER_SUITES",
            "TLSCipherSuites",
            "*lib.TLSCipherSuites",
            parse_cipher_suites,
        )?;
        self.throw = env.get("THROW", "Throw", BOOL, parse_bool)?;
        self.blacklist_ips = env.get("BLACKLIST_IPS", "BlacklistIPs", "[]*lib.IPNet", |text| {
            text.split(',').map(|block| parse_blacklisted(block).map_err(message)).collect()
        })?;
        self.block_hostnames =
            env.get("BLOCK_HOSTNAMES", "BlockedHostnames", "types.NullHostnameTrie", |text| {
                text.split(',').map(|pattern| parse_blocked(pattern).map_err(message)).collect()
            })?;
        self.no_connection_reuse =
            env.get("NO_CONNECTION_REUSE", "NoConnectionReuse", BOOL, parse_bool)?;
        self.no_vu_connection_reuse =
            env.get("NO_VU_CONNECTION_REUSE", "NoVUConnectionReuse", BOOL, parse_bool)?;
        self.no_cookies_reset = env.get("NO_COOKIES_RESET", "NoCookiesReset", BOOL, parse_bool)?;
        self.discard_response_bodies =
            env.get("DISCARD_RESPONSE_BODIES", "DiscardResponseBodies", BOOL, parse_bool)?;
        self.local_ips = env.get("LOCAL_IPS", "LocalIPs", "types.NullIPPool", |text| {
            text.parse().map_err(message)
        })?;
        Ok(())
    }

    fn add_results(&mut self, env: &Env<'_>) -> Result<(), OptionsError> {
        // k6 takes the part before the colon for the metric and forgets the rest.
        let thresholds =
            env.get("THRESHOLDS", "Thresholds", "map[string]metrics.Thresholds", parse_pairs)?;
        self.thresholds = thresholds
            .map(|pairs| pairs.into_iter().map(|(metric, _)| (metric, Vec::new())).collect());
        self.summary_trend_stats = env.list("SUMMARY_TREND_STATS");
        self.summary_time_unit = env.text("SUMMARY_TIME_UNIT");
        self.system_tags = env.list("SYSTEM_TAGS").map(known_system_tags);
        self.tags = env.get("TAGS", "RunTags", "map[string]string", parse_pairs)?;
        self.metric_samples_buffer_size =
            env.get("METRIC_SAMPLES_BUFFER_SIZE", "MetricSamplesBufferSize", INT, parse_int)?;
        self.console_output = env.text("CONSOLE_OUTPUT");
        self.outer.out = env.list("OUT");
        self.outer.linger = env.get("LINGER", "Linger", BOOL, parse_bool)?;
        self.outer.no_usage_report =
            env.get("NO_USAGE_REPORT", "NoUsageReport", BOOL, parse_bool)?;
        self.outer.web_dashboard = env.get("WEB_DASHBOARD", "WebDashboard", BOOL, parse_bool)?;
        Ok(())
    }
}

const INT: &str = "null.Int";
const BOOL: &str = "null.Bool";
const DURATION: &str = "types.NullDuration";

struct Env<'a> {
    lookup: Lookup<'a>,
}

impl Env<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(&format!("K6_{name}")).filter(|text| !text.is_empty())
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        self.text(name).map(|text| text.split(',').map(str::to_owned).collect())
    }

    fn get<T>(
        &self,
        name: &str,
        go_field: &str,
        go_type: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, OptionsError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(&text).map(Some).map_err(|details| {
            OptionsError::config(format!(
                "envconfig.Process: assigning K6_{name} to {go_field}: converting '{text}' to type {go_type}. \
                 details: {details}"
            ))
        })
    }
}

fn message(error: OptionsError) -> String {
    error.message
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("invalid input:{text}")),
    }
}

fn parse_int(text: &str) -> Result<i64, String> {
    parse_go_int(text).map_err(|why| format!("strconv.ParseInt: parsing {text:?}: {why}"))
}

fn parse_span(text: &str) -> Result<Span, String> {
    parse_k6(text).map_err(|error| error.to_string())
}

fn parse_stages(text: &str) -> Result<Vec<StageConfig>, String> {
    text.split(',').map(parse_stage).collect()
}

/// `duration:target`; either may be missing.
pub(super) fn parse_stage(text: &str) -> Result<StageConfig, String> {
    let (duration, target) = text.split_once(':').unwrap_or((text, ""));
    let duration = if duration.is_empty() { None } else { Some(parse_span(duration)?) };
    let target = if target.is_empty() { None } else { Some(parse_int(target)?) };
    Ok(StageConfig { duration, target })
}

/// `a:b,c:d`: exactly one colon in each.
fn parse_pairs(text: &str) -> Result<Pairs, String> {
    let pair = |item: &str| match item.split_once(':') {
        Some((key, value)) if !value.contains(':') => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("invalid map item: {item:?}")),
    };
    let mut pairs: Pairs = text.split(',').map(pair).collect::<Result<_, _>>()?;
    // Of several with one name the last counts.
    pairs.reverse();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.dedup_by(|later, earlier| later.0 == earlier.0);
    Ok(pairs)
}

/// Numbers of suites, separated by commas.
fn parse_cipher_suites(text: &str) -> Result<Vec<String>, String> {
    let suite = |text: &str| {
        let syntax = || format!("strconv.ParseUint: parsing {text:?}: invalid syntax");
        let id: u16 = text.parse().map_err(|_| syntax())?;
        cipher_suite_of_id(id)
            .map(str::to_owned)
            .ok_or_else(|| format!("unknown cipher suite id {id}"))
    };
    text.split(',').map(suite).collect()
}
