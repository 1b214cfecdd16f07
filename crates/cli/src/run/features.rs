//! k6's feature flags: `--features`, `K6_FEATURES`, or `features` of the config file.

use plan::options::TagLayering;

use crate::environment;
use crate::flags::Parsed;
use crate::log::{Level, Logger};

/// Tags of all layers add up instead of the highest layer's replacing the others.
const MERGE_RUN_TAGS: &str = "merge-run-tags";

/// Trends become native histograms in the output `experimental-prometheus-rw`.
const NATIVE_HISTOGRAMS: &str = "native-histograms";

/// Flags k6 2.2 knows, and its words about them.
pub(crate) const KNOWN: &[(&str, &str)] = &[
    ("freeze-env", "Freeze __ENV object to prevent modifications from JS code"),
    (MERGE_RUN_TAGS, "Merge run tags across config layers instead of replacing"),
    (NATIVE_HISTOGRAMS, "Use native histograms for trend metrics"),
];

/// The flags that are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Features(Vec<String>);

impl Features {
    /// Reads the first source that says anything, and tells what it makes of it, in k6's words.
    pub(crate) fn read(flags: &Parsed, config: Option<&[String]>, log: &Logger) -> Self {
        let (names, source): (Vec<String>, _) = if flags.is_set("features") {
            (flags.all("features").flat_map(split).collect(), "cli")
        } else if let Some(text) = environment::option_var("K6_FEATURES") {
            (split(&text), "env")
        } else {
            (config.map(<[String]>::to_vec).unwrap_or_default(), "config")
        };
        let mut active = Vec::new();
        let legacy = legacy_name(log).filter(|name| !names.contains(name));
        for name in names.into_iter().chain(legacy) {
            if KNOWN.iter().any(|(known, _)| *known == name) {
                let fields = [("feature", name.clone()), ("lifecycle", "experimental".into())];
                log.log(Level::Info, "Experimental feature enabled", &fields);
                if name != MERGE_RUN_TAGS && name != NATIVE_HISTOGRAMS {
                    log.warn(&format!(
                        "feature flag '{name}' has no effect in this version of squall"
                    ));
                }
                active.push(name);
            } else {
                let fields =
                    [("feature", name), ("outcome", "unknown".into()), ("source", source.into())];
                log.log(Level::Error, "Unknown feature flag", &fields);
            }
        }
        Self(active)
    }

    /// How tags of several layers come together.
    pub(crate) fn tag_layering(&self) -> TagLayering {
        if self.0.iter().any(|name| name == MERGE_RUN_TAGS) {
            TagLayering::Merge
        } else {
            TagLayering::Replace
        }
    }

    /// Whether trends become native histograms in outputs that have them.
    pub(crate) fn native_histograms(&self) -> bool {
        self.0.iter().any(|name| name == NATIVE_HISTOGRAMS)
    }

    /// The run tags that mark active flags.
    pub(crate) fn run_tags(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let tag =
            |name: &String| (format!("k6_feature_{}", name.replace('-', "_")), "true".to_owned());
        self.0.iter().map(tag)
    }
}

/// The feature that a variable of k6 1.x turns on.
fn legacy_name(log: &Logger) -> Option<String> {
    const VARIABLE: &str = "K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM";
    let is_on = |text: &String| matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True");
    environment::option_var(VARIABLE).filter(is_on)?;
    let fields = [
        ("env", VARIABLE.to_owned()),
        ("feature", NATIVE_HISTOGRAMS.to_owned()),
        ("lifecycle", "deprecated_alias".to_owned()),
        ("source", "env_legacy_alias".to_owned()),
    ];
    log.log(
        Level::Warning,
        "Legacy env var detected, use --features or K6_FEATURES instead",
        &fields,
    );
    Some(NATIVE_HISTOGRAMS.to_owned())
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}
