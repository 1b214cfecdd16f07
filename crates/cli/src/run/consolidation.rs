//! The options of all sources over each other: config file < script < environment < flags.

use std::path::PathBuf;

use plan::options::{LayerName, Options, TagLayering, Warning};

use super::cli_options;
use super::source::Source;
use crate::environment;
use crate::exit::{Failure, system_text};
use crate::flags::Parsed;

/// What every source but the script says. Read before the script runs, so that its mistakes are found first.
pub(crate) struct Sources {
    config: Options,
    env: Options,
    cli: Options,
}

impl Sources {
    /// Reads config file, environment and flags.
    ///
    /// # Errors
    /// k6's texts and codes.
    pub(crate) fn read(flags: &Parsed) -> Result<Self, Failure> {
        let cli = cli_options::from_flags(flags)?;
        let config = config_file(flags)?;
        let env = Options::from_env(&environment::option_var)?;
        Ok(Self { config, env, cli })
    }

    /// The feature flags of the config file.
    pub(crate) fn config_features(&self) -> Option<&[String]> {
        self.config.outer.features.as_deref()
    }

    /// Puts the script's options in their place among the others.
    pub(crate) fn layered(&self, script: Options, tags: TagLayering) -> (Options, Vec<Warning>) {
        let layers = [
            (LayerName::Defaults, Options::k6_defaults()),
            (LayerName::Config, self.config.clone()),
            (LayerName::Script, script),
            (LayerName::Env, self.env.clone()),
            (LayerName::Cli, self.cli.clone()),
        ];
        Options::layered_with(&layers, tags)
    }
}

/// The options of a script: those it exports, or those its archive was made with.
///
/// # Errors
/// k6's texts behind what it says about the script.
pub(crate) fn options_of(
    source: &Source,
    exported: Option<&str>,
) -> Result<(Options, Vec<Warning>), Failure> {
    let Some(archive) = &source.archive else {
        return script_options(exported, &source.argument, &source.url());
    };
    let json = archive.options.to_string();
    let (options, _) = script_options(Some(&json), &source.argument, &source.url())?;
    // Whoever made the archive was told about what is unknown in them.
    Ok((options, Vec::new()))
}

/// Reads the options a script exports, given as JSON.
///
/// # Errors
/// k6's texts behind what it says about the script.
fn script_options(
    json: Option<&str>,
    argument: &str,
    url: &str,
) -> Result<(Options, Vec<Warning>), Failure> {
    let Some(json) = json else { return Ok((Options::default(), Vec::new())) };
    Options::from_script_json(json).map_err(|error| {
        let mut failure = Failure::from(error);
        failure.message = format!(
            "could not initialize '{argument}': could not load JS test '{url}': {}",
            failure.message
        );
        failure
    })
}

fn config_file(flags: &Parsed) -> Result<Options, Failure> {
    const PREFIX: &str = "failed to load the configuration file from the local file system";
    let named = crate::session::setting(flags, "config", "K6_CONFIG").map(PathBuf::from);
    let is_named = named.is_some();
    let Some(path) = named.or_else(environment::default_config_file) else {
        return Ok(Options::default());
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => {
            return Ok(Options::default());
        }
        Err(error) => {
            let text = format!("{PREFIX}: stat {}: {}", path.display(), system_text(&error));
            return Err(Failure::config(text));
        }
    };
    Options::from_config_json(&text).map_err(|error| {
        let path = path.display().to_string();
        Failure::config(format!(
            "{PREFIX}: couldn't parse the configuration from {path:?}: {error}"
        ))
    })
}
