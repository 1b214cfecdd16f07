//! Values of flags whose form no other source has.

use super::env::parse_stage;
use super::{OptionsError, StageConfig};

impl OptionsError {
    /// The same error found in a flag: exit code 255.
    #[must_use]
    pub fn in_flag(self) -> OptionsError {
        OptionsError::other(self.message)
    }
}

impl StageConfig {
    /// The stages of `--stage` flags (each may hold several, separated by commas).
    ///
    /// # Errors
    /// k6's text, exit code 255.
    pub fn from_flags<T: AsRef<str>>(flags: &[T]) -> Result<Vec<StageConfig>, OptionsError> {
        let texts = flags.iter().flat_map(|flag| flag.as_ref().split(','));
        let stage = |(idx, text): (usize, &str)| {
            let stage = parse_stage(text)
                .map_err(|error| OptionsError::other(format!("error for stage {idx}: {error}")))?;
            if stage.duration.is_none() {
                return Err(OptionsError::other(format!(
                    "stage {idx} doesn't have a specified duration"
                )));
            }
            Ok(stage)
        };
        texts.enumerate().map(stage).collect()
    }
}

/// A `--tag name=value` flag. `None` for an empty one, which k6 ignores.
///
/// # Errors
/// k6's text, exit code 255.
pub fn parse_tag_flag(text: &str) -> Result<Option<(String, String)>, OptionsError> {
    if text.is_empty() {
        return Ok(None);
    }
    let error = |what| {
        OptionsError::other(format!("error parsing tag '{text}': invalid tag, empty {what}"))
    };
    match text.split_once('=') {
        Some(("", _)) => Err(error("name")),
        None | Some((_, "")) => Err(error("value")),
        Some((name, value)) => Ok(Some((name.to_owned(), value.to_owned()))),
    }
}
