//! `--secret-source`: where `k6/secrets` finds secrets.

mod url;

use std::collections::HashMap;
use std::sync::Arc;

use k6::{NamedSource, SecretSource, Secrets};

use crate::exit::{Failure, system_text};
use crate::flags::Parsed;
use crate::log::Logger;

/// Largest file of secrets, bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The sources that the command line or `K6_SECRET_SOURCE` names. The log learns each secret before the script does.
///
/// # Errors
/// k6's texts.
pub(crate) fn read(flags: &Parsed, log: &Logger) -> Result<Secrets, Failure> {
    let mut wanted: Vec<String> = flags.all("secret-source").map(str::to_owned).collect();
    if wanted.is_empty() {
        wanted.extend(crate::environment::var("K6_SECRET_SOURCE"));
    }
    let is_cloud =
        |line: &String| line.split('=').next().is_some_and(|kind| kind.trim() == "cloud");
    if wanted.iter().any(is_cloud) {
        let text = "'cloud' is not a valid value for --secret-source; cloud secrets are automatically available for \
                    'k6 cloud run --local-execution'";
        return Err(Failure::config(text));
    }
    let mut sources: Vec<NamedSource> = Vec::new();
    let mut default = None;
    for line in &wanted {
        let (config, source) = open(line, flags.is_on("insecure-skip-tls-verify"))?;
        if sources.iter().any(|(name, _)| *name == config.name) {
            return Err(Failure::usage(format!(
                "secret source for name \"{}\" already registered before configuration {line:?}",
                config.kind
            )));
        }
        if config.is_default && default.replace(sources.len()).is_some() {
            return Err(Failure::usage(format!(
                "can't have two secret sources that are default ones, second one was {:?}",
                config.rest
            )));
        }
        sources.push((config.name, source));
    }
    if sources.len() == 1 {
        default = Some(0);
    }
    let log = log.clone();
    Ok(Secrets::new(sources, default, move |secret| log.redact(secret)))
}

/// What stands in one `--secret-source`.
struct Config<'a> {
    kind: &'a str,
    name: String,
    is_default: bool,
    /// What is left for the source itself.
    rest: String,
}

fn config(line: &str) -> Config<'_> {
    let (kind, all) = line.split_once('=').unwrap_or((line, ""));
    let (mut name, mut is_default, mut rest) = (String::new(), false, Vec::new());
    for part in all.split(',') {
        match part.split_once('=') {
            _ if part == "default" => is_default = true,
            Some(("name", value)) => value.clone_into(&mut name),
            _ => rest.push(part),
        }
    }
    if name.is_empty() {
        kind.clone_into(&mut name);
    }
    Config { kind, name, is_default, rest: rest.join(",") }
}

fn open(line: &str, insecure: bool) -> Result<(Config<'_>, Arc<dyn SecretSource>), Failure> {
    if line.trim().is_empty() {
        return Err(Failure::usage(format!("couldn't parse secret source configuration {line:?}")));
    }
    let config = config(line);
    let source: Arc<dyn SecretSource> = match config.kind {
        "mock" => Arc::new(pairs(config.rest.split(','))?),
        "file" => Arc::new(file(&config.rest)?),
        "url" => Arc::new(url::open(&config.rest, insecure)?),
        kind => {
            return Err(Failure::usage(format!(
                "no secret source for type {kind:?} for configuration {line:?}"
            )));
        }
    };
    Ok((config, source))
}

fn pairs<'a>(lines: impl Iterator<Item = &'a str>) -> Result<HashMap<String, String>, Failure> {
    lines
        .map(|line| match line.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(Failure::usage(format!("parsing {line:?}, needs ="))),
        })
        .collect()
}

fn file(config: &str) -> Result<HashMap<String, String>, Failure> {
    let mut path = "";
    for part in config.split(',') {
        path = match part.split_once('=') {
            None => part,
            Some(("filename", value)) => value,
            Some((key, _)) => {
                return Err(Failure::usage(format!(
                    "unknown configuration key for file secret source {key:?}"
                )));
            }
        };
    }
    let failed =
        |error: &std::io::Error| Failure::usage(format!("open {path}: {}", system_text(error)));
    let size = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(Failure::usage(format!("{path} is larger than {MAX_FILE_BYTES} bytes")));
    }
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    pairs(String::from_utf8_lossy(&text).lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_defaults_are_taken_out_of_what_a_source_gets() {
        for (line, name, is_default, rest) in [
            ("mock=a=b,c=d", "mock", false, "a=b,c=d"),
            ("mock=name=one,default,a=b", "one", true, "a=b"),
            ("file=filename=x,name=n", "n", false, "filename=x"),
            ("mock", "mock", false, ""),
        ] {
            let config = config(line);
            assert_eq!(
                (config.name.as_str(), config.is_default, config.rest.as_str()),
                (name, is_default, rest),
                "{line}"
            );
        }
    }
}
