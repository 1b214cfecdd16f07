//! Settings of a run that are not options of the script: flags and environment only (k6's "runtime options").

use std::collections::BTreeMap;

use super::env_file;
use crate::environment;
use crate::exit::Failure;
use crate::flags::{Parsed, number};
use crate::session::setting;

/// How much of the summary is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SummaryMode {
    /// k6's default.
    Compact,
    /// With groups, scenarios and every HTTP phase.
    Full,
    /// The text of k6 before version 1.
    Legacy,
    /// None; `handleSummary` is not called.
    Disabled,
}

impl SummaryMode {
    /// As flags and records have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Full => "full",
            Self::Legacy => "legacy",
            Self::Disabled => "disabled",
        }
    }
}

/// How a script is loaded and its results are reported.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    /// The system's environment is part of `__ENV`.
    pub(crate) include_system_env: bool,
    /// Variables of files and `-e`, in order.
    pub(crate) env: Vec<(String, String)>,
    /// Thresholds are neither parsed nor evaluated.
    pub(crate) no_thresholds: bool,
    /// What summary is wanted.
    pub(crate) summary_mode: SummaryMode,
    /// File of `--summary-export`.
    pub(crate) summary_export: Option<String>,
    /// The newer form of summary data.
    pub(crate) machine_readable: bool,
    /// Things worth telling once there is a log.
    pub(crate) notes: Vec<String>,
}

impl Runtime {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// k6's texts, code 255.
    pub(crate) fn read(flags: &Parsed, include_system_env: bool) -> Result<Self, Failure> {
        let mut notes = Vec::new();
        let text = |flag, variable| setting(flags, flag, variable);
        check_compatibility(
            text("compatibility-mode", "K6_COMPATIBILITY_MODE").as_deref(),
            &mut notes,
        )?;
        check_traces(text("traces-output", "K6_TRACES_OUTPUT").as_deref())?;
        let mode = text("summary-mode", "K6_SUMMARY_MODE");
        let mut summary_mode =
            parse_summary_mode(mode.as_deref().unwrap_or("compact"), &mut notes)?;
        if switch(flags, "no-summary", "K6_NO_SUMMARY")? == Some(true) {
            notes.push("--no-summary is k6 1's; k6 2 says --summary-mode=disabled".into());
            summary_mode = SummaryMode::Disabled;
        }
        Ok(Self {
            include_system_env: switch(
                flags,
                "include-system-env-vars",
                "K6_INCLUDE_SYSTEM_ENV_VARS",
            )?
            .unwrap_or(include_system_env),
            env: script_variables(flags)?,
            no_thresholds: switch(flags, "no-thresholds", "K6_NO_THRESHOLDS")?.unwrap_or(false),
            summary_mode,
            summary_export: text("summary-export", "K6_SUMMARY_EXPORT"),
            machine_readable: switch(
                flags,
                "new-machine-readable-summary",
                "K6_NEW_MACHINE_READABLE_SUMMARY",
            )?
            .unwrap_or(false),
            notes,
        })
    }

    /// What the script sees as `__ENV`: what an archive brings, the system's, `-e`; later ones win.
    pub(crate) fn script_env(
        &self,
        archived: Option<&BTreeMap<String, String>>,
    ) -> Vec<(String, String)> {
        let mut env = if self.include_system_env { environment::vars() } else { Vec::new() };
        if let Some(archived) = archived {
            let known = |name: &str| env.iter().any(|(known, _)| known == name);
            let new = archived.iter().filter(|(name, _)| !known(name));
            env.splice(0..0, new.map(|(n, v)| (n.clone(), v.clone())).collect::<Vec<_>>());
        }
        for (name, value) in &self.env {
            env.retain(|(known, _)| known != name);
            env.push((name.clone(), value.clone()));
        }
        env
    }
}

/// A boolean a flag or a variable gives.
fn switch(flags: &Parsed, flag: &str, variable: &str) -> Result<Option<bool>, Failure> {
    if let Some(on) = flags.boolean(flag) {
        return Ok(Some(on));
    }
    let Some(text) = environment::option_var(variable) else { return Ok(None) };
    number::parse_bool(&text).map(Some).ok_or_else(|| {
        Failure::usage(format!(
            "env var '{variable}' is not a valid boolean value: strconv.ParseBool: parsing {text:?}: invalid syntax"
        ))
    })
}

/// Variables of `--env-file`, then those of `-e`, which win.
fn script_variables(flags: &Parsed) -> Result<Vec<(String, String)>, Failure> {
    let mut variables = Vec::new();
    for path in flags.all("env-file") {
        variables.extend(env_file::read(path)?);
    }
    for text in flags.all("env") {
        variables.push(parse_env(text)?);
    }
    Ok(variables)
}

pub(super) fn parse_env(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let mut chars = name.chars();
    let first_fits = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first_fits && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok((name.to_owned(), value.to_owned()))
    } else {
        Err(Failure::usage(format!("invalid environment variable name '{name}'")))
    }
}

/// Reads a summary mode. `legacy` is gone from k6 2; scripts and CI files of 1.x still say it.
pub(crate) fn parse_summary_mode(
    text: &str,
    notes: &mut Vec<String>,
) -> Result<SummaryMode, Failure> {
    match text {
        "compact" => Ok(SummaryMode::Compact),
        "full" => Ok(SummaryMode::Full),
        "disabled" => Ok(SummaryMode::Disabled),
        "legacy" => {
            notes.push("summary mode 'legacy' is gone from k6 2.x; squall still prints it".into());
            Ok(SummaryMode::Legacy)
        }
        _ => Err(Failure::usage("invalid summary mode")),
    }
}

fn check_compatibility(mode: Option<&str>, notes: &mut Vec<String>) -> Result<(), Failure> {
    match mode {
        None | Some("extended" | "base") => Ok(()),
        Some("experimental_enhanced") => {
            notes.push(
                "CompatibilityMode \"experimental_enhanced\" is deprecated. Types are stripped by default for `.ts` \
                 files. Please move to using \"base\" instead as \"experimental_enhanced\" will be removed in the future"
                    .into(),
            );
            Ok(())
        }
        Some(mode) => Err(Failure::usage(format!(
            "invalid compatibility mode {mode:?}. Use: \"extended\", \"base\", \"experimental_enhanced\""
        ))),
    }
}

fn check_traces(output: Option<&str>) -> Result<(), Failure> {
    match output {
        None | Some("none" | "") => Ok(()),
        Some(otel) if otel == "otel" || otel.starts_with("otel=") => {
            Err(Failure::usage("--traces-output otel is not available in this version of squall"))
        }
        Some(other) => Err(Failure::usage(format!("invalid traces output {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_command_line_need_a_name_but_no_value() {
        assert_eq!(parse_env("A=b=c").unwrap(), ("A".into(), "b=c".into()));
        assert_eq!(parse_env("_x1").unwrap(), ("_x1".into(), String::new()));
        for text in ["1A=1", "=x", "a-b=1", ""] {
            assert_eq!(parse_env(text).unwrap_err().status.code(), 255, "{text}");
        }
    }

    #[test]
    fn the_legacy_summary_is_accepted_with_a_note() {
        let mut notes = Vec::new();
        assert_eq!(parse_summary_mode("legacy", &mut notes).unwrap(), SummaryMode::Legacy);
        assert_eq!(notes.len(), 1);
        let failure = parse_summary_mode("nope", &mut notes).unwrap_err();
        assert_eq!(
            (failure.message.as_str(), failure.status.code()),
            ("invalid summary mode", 255)
        );
    }
}
