//! Putting the options of several sources over each other.

use super::{Options, Pairs, Warning};

/// Where options come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerName {
    /// What is assumed.
    Defaults,
    /// The configuration file.
    Config,
    /// The script.
    Script,
    /// `K6_*` variables.
    Env,
    /// Flags.
    Cli,
}

impl LayerName {
    /// The name in warnings.
    pub fn as_str(self) -> &'static str {
        match self {
            LayerName::Defaults => "defaults",
            LayerName::Config => "config",
            LayerName::Script => "script",
            LayerName::Env => "env",
            LayerName::Cli => "cli",
        }
    }
}

/// What a layer's tags do to those of the layers below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TagLayering {
    /// They replace them all.
    #[default]
    Replace,
    /// They are added, and replace those of the same name (feature flag `merge-run-tags`).
    Merge,
}

macro_rules! take_set {
    ($below:ident, $above:ident: $($($field:ident).+),+ $(,)?) => {
        $(if $above.$($field).+.is_some() {
            $below.$($field).+ = $above.$($field).+.clone();
        })+
    };
}

impl Options {
    /// The layers over each other, the lowest first. Each option is taken from the highest layer that sets it; a
    /// layer that sets one of `duration`, `iterations`, `stages` and `scenarios` clears all four of those below.
    pub fn layered(layers: &[(LayerName, Options)]) -> (Options, Vec<Warning>) {
        Options::layered_with(layers, TagLayering::Replace)
    }

    /// The same with a choice about tags.
    pub fn layered_with(
        layers: &[(LayerName, Options)],
        tags: TagLayering,
    ) -> (Options, Vec<Warning>) {
        let mut result = Options::default();
        let mut warnings = Vec::new();
        for (name, layer) in layers {
            if layer.sets_execution() {
                if result.scenarios.is_some() {
                    warnings.push(Warning::new(format!(
                        "\"{}\" level configuration overrode scenarios configuration entirely",
                        name.as_str()
                    )));
                }
                result.duration = None;
                result.iterations = None;
                result.stages = None;
                result.scenarios = None;
            }
            result.put_over(layer, tags);
        }
        (result, warnings)
    }

    /// Whether one of the options is set that say what runs. `vus` is not among them.
    fn sets_execution(&self) -> bool {
        self.duration.is_some()
            || self.iterations.is_some()
            || self.stages.is_some()
            || self.scenarios.is_some()
    }

    fn put_over(&mut self, above: &Options, tags: TagLayering) {
        take_set!(self, above:
            paused, vus, duration, iterations, scenarios, execution_segment, execution_segment_sequence,
            no_setup, setup_timeout, no_teardown, teardown_timeout, handle_summary_timeout, rps,
            dns.ttl, dns.select, dns.policy, max_redirects, user_agent, batch, batch_per_host, http_debug,
            insecure_skip_tls_verify, tls_cipher_suites, tls_version, tls_auth, throw, thresholds, blacklist_ips,
            block_hostnames, hosts, no_connection_reuse, no_vu_connection_reuse, min_iteration_duration, cloud, ext,
            summary_trend_stats, summary_time_unit, system_tags, metric_samples_buffer_size, no_cookies_reset,
            discard_response_bodies, console_output, local_ips,
            outer.out, outer.linger, outer.no_usage_report, outer.web_dashboard, outer.features,
            outer.collectors,
        );
        if let Some(stages) = &above.stages {
            // k6 drops stages without a duration here, so that they never reach validation.
            self.stages =
                Some(stages.iter().copied().filter(|stage| stage.duration.is_some()).collect());
        }
        if let Some(above_tags) = above.tags.as_ref().filter(|tags| !tags.is_empty()) {
            self.tags = Some(match (tags, self.tags.take()) {
                (TagLayering::Merge, Some(below)) => merged(below, above_tags),
                _ => above_tags.clone(),
            });
        }
    }
}

fn merged(below: Pairs, above: &Pairs) -> Pairs {
    let mut tags: Pairs = above.clone();
    tags.extend(
        below.into_iter().filter(|(key, _)| !above.iter().any(|(above_key, _)| above_key == key)),
    );
    tags.sort();
    tags
}
