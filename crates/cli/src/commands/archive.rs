//! `squall archive`: a script with everything it imports and opens, in one file of k6's format.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use k6::archive::{Archive, Recorder};

use crate::exit::{CommandResult, ExitStatus, Failure, system_text};
use crate::flags::{Flag, Kind, UsageError};
use crate::run::preparation::Prepared;
use crate::run::source::Source;
use crate::session::K6_VERSION;
use crate::session::{Session, setting};

/// Where the archive goes, by default.
const DEFAULT_FILE: &str = "archive.tar";

pub(super) const FLAGS: &[Flag] = &[
    Flag::new(
        "archive-out",
        Kind::Text,
        "file",
        "where the archive goes; `-` is standard output (default archive.tar)",
    )
    .short('O'),
    Flag::new("exclude-env-vars", Kind::Bool, "", "leave variables of __ENV out of the archive"),
];

/// Writes the archive.
pub(super) fn run(session: &Session) -> CommandResult {
    let flags = &session.flags;
    if flags.args.len() != 1 {
        return Err(UsageError(format!("accepts 1 arg(s), received {}", flags.args.len())).into());
    }
    let mut source = Source::read(session)?;
    let recorder = Arc::new(Recorder::new(source.reader.clone()));
    source.reader = recorder.clone();
    let prepared = Prepared::for_archive(session, source)?;
    let bytes = archive(session, &prepared, &recorder).write(rt::unix_nanos() / 1_000_000_000);
    match flags.text("archive-out").unwrap_or(DEFAULT_FILE) {
        "-" => session.terminal.out_raw(&bytes),
        file => std::fs::write(file, bytes)
            .map_err(|error| Failure::usage(format!("open {file}: {}", system_text(&error))))?,
    }
    Ok(ExitStatus::Success)
}

fn archive(session: &Session, prepared: &Prepared, recorder: &Recorder) -> Archive {
    let (source, runtime) = (&prepared.source, &prepared.runtime);
    let archived = source.archive.as_deref();
    let env: BTreeMap<String, String> =
        runtime.script_env(archived.and_then(|archive| archive.env.as_ref())).into_iter().collect();
    let filename = match &source.remote {
        Some(url) => url.clone(),
        None => format!("file://{}", clean(&source.path)),
    };
    let pwd = filename.rfind('/').map_or("", |end| &filename[..end]).to_owned();
    let mode = setting(&session.flags, "compatibility-mode", "K6_COMPATIBILITY_MODE");
    let mut archive = Archive::default();
    archive.options = prepared.consolidated.to_json();
    archive.filename.clone_from(&filename);
    archive.pwd = pwd;
    archive.data.clone_from(&source.text);
    archive.env = (!session.flags.is_on("exclude-env-vars")).then_some(env);
    archive.compatibility_mode = mode.unwrap_or_else(|| "extended".to_owned());
    archive.k6_version = K6_VERSION.to_owned();
    archive.goos = super::version::go_os().to_owned();
    archive.dependencies.insert("k6".to_owned(), "*".to_owned());
    for (url, content) in recorder.kept() {
        archive.add(&url, content);
    }
    archive.add(&filename, source.text.as_slice().into());
    archive
}

/// An absolute path without dots.
fn clean(path: &Path) -> String {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(part) => parts.push(part.to_string_lossy()),
            std::path::Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    format!("/{}", parts.join("/"))
}
