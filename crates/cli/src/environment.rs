//! The only place that reads the process's environment, directories and arguments.
#![allow(clippy::disallowed_methods)] // cli is the crate that reads the environment; everybody else is told.

use std::path::PathBuf;

/// One environment variable; `None` where it is unset or not Unicode.
pub(crate) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// One environment variable as k6's options see it: an empty one counts as unset.
pub(crate) fn option_var(name: &str) -> Option<String> {
    var(name).filter(|value| !value.is_empty())
}

/// The whole environment, for the script's `__ENV`; values that are not Unicode are left out.
pub(crate) fn vars() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The arguments with the program's name first; what is not Unicode is shown with replacement characters.
pub(crate) fn args() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The arguments as a record may keep them: without passwords.
pub(crate) fn shown_args() -> Vec<String> {
    args().iter().map(|word| plan::probe::redact::text(word)).collect()
}

/// Where k6 looks for its configuration by default.
pub(crate) fn default_config_file() -> Option<PathBuf> {
    let base = option_var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| option_var("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(base.join("k6").join("config.json"))
}

/// The user's data folder for Squall: where runs are kept.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let base = option_var("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| option_var("HOME").map(|home| PathBuf::from(home).join(".local/share")))?;
    Some(base.join("squall"))
}

/// The user's cache folder for Squall: remote modules.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let base = option_var("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| option_var("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(base.join("squall"))
}

/// What says which Python is meant, besides a flag.
pub(crate) fn python_search(chosen: Option<String>) -> locust::python::Search {
    let path = std::env::var_os("PATH").unwrap_or_default();
    locust::python::Search {
        chosen,
        virtual_env: option_var("VIRTUAL_ENV").map(PathBuf::from),
        conda_prefix: option_var("CONDA_PREFIX").map(PathBuf::from),
        path: std::env::split_paths(&path).collect(),
    }
}

/// The user's `PYTHONPATH`, and whether `PYTHONSAFEPATH` is set.
pub(crate) fn python_paths() -> (Option<std::ffi::OsString>, bool) {
    (std::env::var_os("PYTHONPATH"), std::env::var_os("PYTHONSAFEPATH").is_some())
}

/// This program's file, for processes that run it too.
///
/// # Errors
/// The system does not tell.
pub(crate) fn own_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// A folder for what lives as long as the process.
pub(crate) fn temporary_folder() -> PathBuf {
    std::env::temp_dir()
}
