//! `squall k8s forward run`: forwards until Ctrl-C or SIGTERM.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use kubernetes::Forwards;
use kubernetes::forward::Note;

use super::background::State;
use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::log::{Level, Logger};
use crate::run::forwards::{self, PATIENCE, access, failure, line};
use crate::session::Session;
use crate::signals;

/// What the one in the background says to who has started it when connections can be made.
pub(super) const READY: &str = "ready";

/// Forwards until a signal.
pub(super) fn run(session: &Session, specs: &[&str]) -> CommandResult {
    let specs = forwards::specs(specs.iter().copied())?;
    if specs.is_empty() {
        return Err(super::usage("nothing to forward".to_owned()));
    }
    let patience = wait(session)?;
    let (send, stopped) = mpsc::channel();
    // The receiver lives until the process ends.
    signals::watch(move |signal| send.send(signal).unwrap_or_default())
        .map_err(|error| Failure::usage(format!("can't listen to signals: {error}")))?;
    let log = session.log.clone();
    let tell = move |note: Note| note_in(&log, &note);
    let opened = Forwards::open(&access(&session.flags), &specs, patience, tell);
    let opened = opened.map_err(|error| failure(&error))?;
    for forwarded in opened.list() {
        let text = format!("forwarding {}", line(forwarded));
        match session.flags.text("state") {
            Some(_) => session.log.log(Level::Info, &text, &[]),
            None => session.terminal.out(&format!("{text}\n")),
        }
    }
    let kept = session.flags.text("state").map(|path| keep_state(session, &opened, path.as_ref()));
    let kept = kept.transpose()?;
    if kept.is_some() {
        session.terminal.out(&format!("{READY}\n"));
    }
    // The sender lives as long as the thread that watches signals, so this only ends with a signal.
    let _ = stopped.recv();
    for forwarded in opened.list() {
        let tally = forwarded.tally();
        let text = format!(
            "closed {}: {} connections, {} failed, {} bytes to the pods, {} from them",
            forwarded.spec, tally.connections, tally.failed, tally.up_bytes, tally.down_bytes
        );
        session.log.log(Level::Info, &text, &[]);
    }
    if let (Some(_), Some(path)) = (&kept, session.flags.text("state")) {
        // Whoever finds it later sees that nobody holds it.
        let _ = std::fs::remove_file(path);
    }
    Ok(ExitStatus::Success)
}

/// Writes down what is forwarded. The file is held as long as it is.
fn keep_state(session: &Session, opened: &Forwards, path: &Path) -> Result<File, Failure> {
    let log = session.flags.text("log").unwrap_or_default();
    State::of(opened, log, rt::unix_nanos()).hold(path).map_err(|error| {
        Failure::usage(format!(
            "can't keep the state of the forward in {}: {error}",
            path.display()
        ))
    })
}

fn note_in(log: &Logger, note: &Note) {
    let level = match note {
        Note::Connected { .. } => Level::Debug,
        Note::Retrying { .. } => Level::Info,
        Note::Failed { .. } => Level::Warning,
    };
    log.log(level, &note.to_string(), &[]);
}

/// How long to wait for pods.
pub(super) fn wait(session: &Session) -> Result<Duration, Failure> {
    let Some(text) = session.flags.text("wait") else { return Ok(PATIENCE) };
    plan::duration::parse_go(text)
        .map(plan::duration::Span::as_duration)
        .map_err(|error| Failure::usage(error.to_string()))
}
