//! Walking through a suite: target, gates, setup, scenarios one after the other, teardown, verdict, report.
//!
//! Whatever happens on the way, what was started is ended, the teardown runs and the report is written; the state on disk
//! says at any moment how far the suite has come.

mod dry;
mod forward;
mod live;
mod outcome;
mod scenario;
mod stop;
mod target;
mod walk;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use plan::suite::Cluster;
use report::RunData;

use crate::mistake::Mistake;
use crate::state::State;

pub use dry::dry;
pub use outcome::{Judged, Outcome};
pub use walk::run;

/// A signal, as it comes or is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGKILL; only to be sent.
    Kill,
}

impl Signal {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Kill => "SIGKILL",
        }
    }
}

/// A process to start.
#[derive(Debug)]
pub struct Spawn {
    /// What runs.
    pub program: Program,
    /// Variables, beside those of this process.
    pub env: Vec<(String, String)>,
    /// Its folder.
    pub folder: PathBuf,
    /// Where its standard output and error go.
    pub output: File,
}

/// What a process runs.
#[derive(Debug)]
pub enum Program {
    /// This program, with these words.
    Own(Vec<String>),
    /// A line of the shell.
    Shell(String),
}

/// What a suite says while it runs.
#[derive(Debug, Clone, Copy)]
pub enum Say<'a> {
    /// A line that stays.
    Line(&'a str),
    /// How things stand; replaces the last one.
    Live(&'a str),
    /// Something that is not as it should be, and stays.
    Warning(&'a str),
}

/// What a suite needs of the program around it.
pub trait Host {
    /// Tells people.
    fn say(&mut self, say: Say<'_>);
    /// Starts a process in a group of its own, which is told to end when this process dies.
    ///
    /// # Errors
    /// The operating system's.
    fn spawn(&mut self, spawn: Spawn) -> io::Result<Child>;
    /// Sends a signal to a process that was started and to all of its group.
    fn signal(&mut self, pid: u32, signal: Signal);
    /// Waits; a signal to this process ends the wait early, and each is given once.
    fn wait(&mut self, span: Duration) -> Option<Signal>;
    /// A variable of the environment.
    fn var(&self, name: &str) -> Option<String>;
    /// Looks whether a rollout is complete.
    ///
    /// # Errors
    /// Why it is not, in a few words.
    fn rollout(&mut self, name: &str, cluster: Cluster<'_>) -> Result<(), String>;
    /// Everything about a run, from its record.
    ///
    /// # Errors
    /// A sentence.
    fn data(&mut self, record: &Path) -> Result<RunData, String>;
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The plan's file.
    pub file: &'a Path,
    /// The suite's folder.
    pub folder: &'a Path,
    /// Scenarios that are meant; all where this is empty.
    pub only: &'a [String],
    /// The state of the suite that is resumed.
    pub resumed: Option<State>,
    /// The factor for all times.
    pub time_scale: f64,
    /// Sources that can't be reached at the start are no reason not to run.
    pub allow_unreachable: bool,
}

/// How a suite ended.
#[derive(Debug)]
pub enum Ended {
    /// It ran, as far as it got.
    Judged(Box<Outcome>),
    /// The plan is wrong: nothing ran.
    Mistakes(Vec<Mistake>),
    /// It could not begin; a sentence.
    Failed(String),
}
