//! A run: the child is started, what it reports is merged and shown, and at its end every report is written.
//!
//! One thread does all of it, from a queue of [`Event`]s: frames of children, the child's end, signals. Times to print or
//! to write are between events. Nothing a child does, or fails to do, keeps the reports from being written.

mod desk;
mod ending;
mod merging;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use metrics::Snapshot;
use serde_json::Value;

use crate::child::Start;
use crate::csv::Form;
use crate::history::{Chart, Moment};
use crate::html::Report;
use crate::link::{Connection, Listener};
use crate::message::{ExceptionRow, Hello, Settings, State};
use crate::options::Own;
use crate::pages::Page;
use crate::statistics::Statistics;
use desk::Desk;

/// Events that may wait. A child whose reports find no place waits with what it measured.
const EVENTS: usize = 1_024;

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

/// Called with a page, or with none where the Python process has it.
pub type PageReply = Box<dyn FnOnce(Option<Page>) + Send>;
/// Called when what the Python process did last is known here.
pub type SyncReply = Box<dyn FnOnce() + Send>;

/// What a run hears of.
pub enum Event {
    /// A child connected.
    Connected(u64, Connection),
    /// It told something.
    Message(u64, Value),
    /// It handed over what it measured.
    Snapshot(u64, Box<Snapshot>),
    /// A child handed over what a process elsewhere measured, which goes by this name.
    Forwarded(String, Box<Snapshot>),
    /// Its connection ended; with what was wrong, if anything was.
    Closed(u64, Option<String>),
    /// The process that was started ended.
    Exited(Option<ExitStatus>),
    /// A signal came.
    Signal(Signal),
    /// A page is asked for: path and query.
    Asked(String, String, PageReply),
    /// Somebody wants to know everything up to now.
    Sync(SyncReply),
}

/// What pages show.
pub struct PageOf<'a> {
    /// The numbers.
    pub statistics: &'a Statistics,
    /// What tasks raised.
    pub exceptions: &'a [ExceptionRow],
    /// How the test stands.
    pub state: &'a State,
    /// The form of CSV.
    pub form: Form<'a>,
    /// Now.
    pub moment: Moment<'a>,
    /// Percentiles of the table.
    pub to_statistics: &'a [f64],
    chart: &'a Chart,
    settings: &'a Settings,
    tasks: &'a Value,
}

impl PageOf<'_> {
    /// The HTML report, as a file is.
    pub(crate) fn report<'b>(&'b self, hello: &'b Hello) -> Report<'b> {
        Report {
            statistics: self.statistics,
            exceptions: self.exceptions,
            history: self.chart.points(),
            host: self.state.host.as_deref(),
            locustfile: &hello.locustfile,
            profile: hello.text("profile"),
            tasks: self.tasks,
            percentiles_to_statistics: &self.settings.to_statistics,
            percentiles_to_chart: &self.settings.to_chart,
            percentiles_for_html: &self.settings.for_html,
            show_download_link: false,
            is_dark: false,
        }
    }
}

/// What a run needs of the program around it.
pub trait Host {
    /// Prints to standard error.
    fn err(&mut self, text: &str);
    /// Prints to standard output.
    fn out(&mut self, text: &str);
    /// Tells of trouble.
    fn warn(&mut self, text: &str);
    /// Sends a signal to a process.
    fn signal(&mut self, pid: u32, signal: Signal);
    /// The test begins, as this process describes it.
    fn begin(&mut self, hello: &Hello);
    /// Something was measured.
    fn snapshot(&mut self, snapshot: &Snapshot);
    /// So many users run now; told about once a second.
    fn users(&mut self, count: u64);
    /// A child logged a line.
    fn log(&mut self, line: &str);
    /// Opens the web UI's port; who connects waits for [`serve`](Self::serve).
    ///
    /// # Errors
    /// What the user is told: the port is taken.
    fn listen(&mut self, address: &str) -> Result<(), String>;
    /// Answers the web UI's port from now on, before the Python process's own server on this port of 127.0.0.1.
    fn serve(&mut self, behind: u16);
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Request {
    /// The process to start.
    pub start: Start,
    /// Our flags.
    pub own: Own,
    /// The folder for the socket's.
    pub sockets: PathBuf,
    /// The name of the socket's folder.
    pub socket_name: String,
    /// Called as `locust`: nothing is printed that Locust would not print.
    pub as_locust: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code.
    pub exit_code: u8,
    /// Whether there was a test; else the child only said something.
    pub was_test: bool,
    /// How it ended, in a word or a sentence.
    pub reason: String,
}

/// A run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No socket.
    #[error("can't listen for the Python process below {}: {error}", folder.display())]
    Socket {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No process.
    #[error("can't start {}: {error}", python.display())]
    Start {
        /// The Python.
        python: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The queue of a run: whoever has something for it gets a clone of the sender.
pub fn queue() -> (SyncSender<Event>, Receiver<Event>) {
    sync_channel(EVENTS)
}

/// Runs a test to its end.
///
/// # Errors
/// It could not begin. Everything later is part of the outcome.
pub fn run(
    request: &Request,
    (sender, receiver): (SyncSender<Event>, Receiver<Event>),
    host: &mut dyn Host,
) -> Result<Outcome, RunError> {
    let listener = Listener::start(&request.sockets, &request.socket_name, sender.clone())
        .map_err(|error| RunError::Socket { folder: request.sockets.clone(), error })?;
    let pid = request
        .start
        .start(listener.path(), sender)
        .map_err(|error| RunError::Start { python: request.start.python.clone(), error })?;
    let mut desk = Desk::new(request, pid, host);
    while !desk.is_over() {
        match receiver.recv_timeout(desk.until_next()) {
            Ok(event) => desk.take(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        desk.do_what_is_due();
    }
    Ok(desk.outcome())
}
