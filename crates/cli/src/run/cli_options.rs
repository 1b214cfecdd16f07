//! The layer of options that flags make.

use plan::duration::{Span, parse_go};
use plan::options::{
    Options, OptionsError, Pairs, StageConfig, check_time_unit, check_trend_stats,
    known_system_tags,
};

use crate::exit::{ExitStatus, Failure};
use crate::flags::{Parsed, number};

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        Self::new(ExitStatus::Code(error.exit_code), error.message)
    }
}

/// What the flags say; flags that were not given say nothing.
///
/// # Errors
/// k6's text for a value that makes no sense, code 255.
pub(crate) fn from_flags(flags: &Parsed) -> Result<Options, Failure> {
    let text = |name: &str| flags.text(name).map(str::to_owned);
    let span = |name: &str| -> Option<Span> { flags.text(name).and_then(|t| parse_go(t).ok()) };
    let mut options = Options {
        vus: flags.int("vus"),
        duration: span("duration"),
        iterations: flags.int("iterations"),
        stages: flags.list("stage").map(|list| stages(&list)).transpose()?,
        paused: flags.boolean("paused"),
        no_setup: flags.boolean("no-setup"),
        no_teardown: flags.boolean("no-teardown"),
        max_redirects: flags.int("max-redirects"),
        batch: flags.int("batch"),
        batch_per_host: flags.int("batch-per-host"),
        rps: flags.int("rps"),
        user_agent: text("user-agent"),
        http_debug: text("http-debug"),
        insecure_skip_tls_verify: flags.boolean("insecure-skip-tls-verify"),
        no_connection_reuse: flags.boolean("no-connection-reuse"),
        no_vu_connection_reuse: flags.boolean("no-vu-connection-reuse"),
        min_iteration_duration: span("min-iteration-duration"),
        throw: flags.boolean("throw"),
        discard_response_bodies: flags.boolean("discard-response-bodies"),
        summary_time_unit: text("summary-time-unit"),
        console_output: text("console-output"),
        system_tags: flags.list("system-tags").map(known_system_tags),
        tags: tags(flags)?,
        ..Options::default()
    };
    if let Some(stats) = flags.list("summary-trend-stats") {
        check_trend_stats(&stats)?;
        options.summary_trend_stats = Some(stats);
    }
    if let Some(unit) = &options.summary_time_unit {
        check_time_unit(unit)?;
    }
    if let Some(text) = flags.text("execution-segment") {
        options.execution_segment = Some(text.parse().map_err(usage)?);
    }
    if let Some(text) = flags.text("execution-segment-sequence") {
        options.execution_segment_sequence = Some(text.parse().map_err(usage)?);
    }
    network(flags, &mut options)?;
    outer(flags, &mut options);
    Ok(options)
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::usage(error.to_string())
}

fn network(flags: &Parsed, options: &mut Options) -> Result<(), Failure> {
    if let Some(list) = flags.list("blacklist-ip") {
        let parse = |text: &String| {
            text.parse().map_err(|error| {
                Failure::usage(format!("error parsing blacklist-ip '{text}': {error}"))
            })
        };
        options.blacklist_ips = Some(list.iter().map(parse).collect::<Result<_, _>>()?);
    }
    if let Some(list) = flags.list("block-hostnames") {
        options.block_hostnames = Some(blocked(&list)?);
    }
    if let Some(text) = flags.text("local-ips") {
        options.local_ips = Some(text.parse().map_err(usage)?);
    }
    if let Some(text) = flags.text("dns") {
        options.dns = text.parse().map_err(usage)?;
        options.dns.ttl()?;
    }
    Ok(())
}

/// The patterns in the form options have them; they are read as those of `K6_BLOCK_HOSTNAMES` are.
fn blocked(patterns: &[String]) -> Result<Vec<String>, Failure> {
    let mut blocked = Vec::new();
    for pattern in patterns {
        let variable = |name: &str| (name == "K6_BLOCK_HOSTNAMES").then(|| pattern.clone());
        let read = Options::from_env(&variable)
            .map_err(|_| Failure::usage(format!("invalid hostname pattern '{pattern}'")))?;
        blocked.extend(read.block_hostnames.unwrap_or_default());
    }
    Ok(blocked)
}

fn outer(flags: &Parsed, options: &mut Options) {
    options.outer.out = flags.is_set("out").then(|| flags.all("out").map(str::to_owned).collect());
    options.outer.linger = flags.boolean("linger");
    options.outer.no_usage_report = flags.boolean("no-usage-report");
}

fn stages(list: &[String]) -> Result<Vec<StageConfig>, Failure> {
    let stage = |(i, text): (usize, &String)| {
        let error = |why: String| Failure::usage(format!("error for stage {i}: {why}"));
        let (duration, target) = match text.split_once(':') {
            Some((duration, target)) => (duration, Some(target)),
            None => (text.as_str(), None),
        };
        let duration = match duration {
            "" => {
                return Err(Failure::usage(format!("stage {i} doesn't have a specified duration")));
            }
            duration => Some(parse_go(duration).map_err(|e| error(e.to_string()))?),
        };
        let target = target.filter(|t| !t.is_empty()).map(number::parse_int).transpose();
        Ok(StageConfig { duration, target: target.map_err(error)? })
    };
    list.iter().enumerate().map(stage).collect()
}

/// `--tag name=value`; the same name again replaces, an empty flag alone is ignored.
fn tags(flags: &Parsed) -> Result<Option<Pairs>, Failure> {
    let mut tags = Pairs::new();
    for text in flags.all("tag").filter(|text| !text.is_empty()) {
        let error =
            |why: &str| Failure::usage(format!("error parsing tag '{text}': invalid tag, {why}"));
        let (name, value) = text.split_once('=').ok_or_else(|| error("empty value"))?;
        if name.is_empty() {
            return Err(error("empty name"));
        }
        if value.is_empty() {
            return Err(error("empty value"));
        }
        tags.retain(|(known, _)| known != name);
        tags.push((name.to_owned(), value.to_owned()));
    }
    tags.sort_unstable();
    Ok(if tags.is_empty() { None } else { Some(tags) })
}
