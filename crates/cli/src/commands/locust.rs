//! `squall locust`: Locust files on the Rust engine.
//!
//! Locust's own parser reads the command line, in the Python process; only our few flags are taken out before. Called as
//! `locust` nothing is printed that Locust would not print.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use locust::child::Start;
use locust::entry::Memory;
use locust::message::{Hello, Settings};
use locust::options::{PRESETS, presets_text};
use locust::run::Event;
use locust::statistics::Statistics;
use locust::tables::{self, Layout, Rates};
use locust::{Host, Outcome, Own, Request, Rounding, Signal};
use metrics::{Registry, Shard, ShardConfig, Snapshot, builtin};
use record::{End, Meta};
use serde_json::json;
use web::Server;
use web::pages::{Asked, ChangeReply, Door, PageReply, Pages};

use crate::environment;
use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::flags::table::REPORTS;
use crate::flags::{Flag, Kind, Parsed, help};
use crate::run::closing::{self, Closing, HeldAgainst};
use crate::run::forwards::{RunForwards, access};
use crate::run::observing::{self, OBSERVE, Observed, Observing, Takers};
use crate::run::recording::Recording;
use crate::run::troubles::Troubles;
use crate::session::{Name, Session};
use crate::signals;

/// Who signs the number of users in the record: no process that makes load has this number.
const USERS_AGENT: u32 = u32::MAX;

/// Our own flags; `locust::Own` reads them, this table is for the help.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new(
        "python",
        Kind::Text,
        "path",
        "the Python to use (default: the active environment's)",
    ),
    Flag::new(
        "locust-rounding",
        Kind::Bool,
        "",
        "round response times to two digits, as Locust does",
    ),
    Flag::new(
        "csv-names",
        Kind::Text,
        "locust|both",
        "`both`: CSV files also have the columns under the names of old versions (`# requests`, …)",
    ),
    Flag::new("preset", Kind::Text, "name", "users, spawn rate and run time at once"),
    Flag::new("list-presets", Kind::Bool, "", "show the presets"),
    Flag::new(
        "missed-slots",
        Kind::Bool,
        "",
        "called `locust`: show latency with the slots that paced users missed (else always shown)",
    ),
    Flag::new("record", Kind::Text, "path", "keep the run in this folder"),
    Flag::new("no-record", Kind::Bool, "", "don't keep the run"),
    OBSERVE,
];

/// Never reached by the table of commands: [`start`] gets the words unparsed.
pub(crate) fn run(session: &Session) -> CommandResult {
    Ok(start(session.name, &session.flags.args))
}

/// Runs the command with these words.
pub(crate) fn start(name: Name, words: &[String]) -> ExitStatus {
    let session = match Session::open(name, Parsed::default()) {
        Ok(session) => session,
        Err(failure) => return super::tell(&Parsed::default(), failure),
    };
    let status = try_start(&session, words).unwrap_or_else(|failure| {
        let mut text = format!("squall: {}\n", failure.message);
        for (key, value) in &failure.fields {
            text.push_str(&format!("squall: {key}: {value}\n"));
        }
        session.terminal.err(&text);
        failure.status
    });
    session.log.flush();
    status
}

fn try_start(session: &Session, words: &[String]) -> CommandResult {
    let usage = |text: String| Failure::new(ExitStatus::Code(2), text);
    let as_locust = session.name == Name::Locust;
    let (own, mut arguments) = Own::take(words, !as_locust).map_err(|error| usage(error.0))?;
    let cluster = flags_of(&own.cluster);
    let probes = observing::wanted(own.observe.iter().map(String::as_str), &access(&cluster))
        .map_err(|failure| usage(failure.message))?;
    if own.list_presets {
        session.terminal.out(&presets_text());
        return Ok(ExitStatus::Success);
    }
    let wants_help = arguments.iter().any(|word| word == "-h" || word == "--help");
    let general = |text: String| Failure::new(ExitStatus::Failure, text);
    if !locust::has_engine() {
        let text = "this squall was built without its engine for Python".to_owned();
        return Err(general(text).hint("build it without SQUALL_PYENGINE=none"));
    }
    let after = flags_of(&own.after);
    let closing = Closing::read(&match own.no_record {
        true => after.preset("no-record", "true".to_owned()),
        false => after,
    })?;
    let search = environment::python_search(own.python.clone());
    let python = search.find().map_err(|error| general(error.text).hint(error.hint))?;
    let package = unpack()?;
    let (python_path, has_safe_path) = environment::python_paths();
    let (sender, receiver) = locust::run::queue();
    let signals = sender.clone();
    signals::watch(move |signal| {
        let signal = match signal {
            signals::Signal::Interrupt => Signal::Interrupt,
            signals::Signal::Terminate => Signal::Terminate,
        };
        // The queue is as long as the run; after it nobody needs the signal.
        drop(signals.try_send(Event::Signal(signal)));
    })
    .map_err(|error| general(format!("can't listen to signals: {error}")))?;
    let _ = crate::machine::raise_descriptor_limit();
    let forwards = RunForwards::open(&cluster, &session.log)
        .map_err(|failure| Failure { status: ExitStatus::Code(2), ..failure })?;
    for line in forwards.lines() {
        session.terminal.err(&format!("squall: forward: {line}\n"));
    }
    arguments.iter_mut().for_each(|word| *word = forwards.expand(word));
    let variables = forwards.variables();
    let request = Request {
        start: Start { python, package, python_path, has_safe_path, arguments, variables },
        sockets: environment::temporary_folder(),
        socket_name: format!("squall-locust-{}-{}", std::process::id(), rt::unix_nanos()),
        as_locust,
        own,
    };
    let events = sender.clone();
    let mut front = Front {
        session,
        own: &request.own,
        recording: None,
        held_against: closing.held_against(),
        users: Shard::new(USERS_AGENT, Arc::new(Registry::with_builtins()), ShardConfig::STANDARD),
        probes,
        observing: None,
        events,
        web: Web::None,
        troubles: Troubles::default(),
    };
    let outcome = locust::run(&request, (sender, receiver), &mut front)
        .map_err(|error| general(error.to_string()))?;
    let directory = front.finish(&outcome);
    if wants_help && !outcome.was_test && !as_locust {
        session.terminal.out(&format!(
            "\n{}\n{}",
            help::flags(&[("Squall's own flags", &[FLAGS, closing::FLAGS, REPORTS])]),
            presets()
        ));
    }
    let status = match outcome.exit_code {
        0 => ExitStatus::Success,
        code => ExitStatus::Code(code),
    };
    if !outcome.was_test {
        return Ok(status);
    }
    let account = closing.account(session, directory.as_deref());
    Ok(closing.conclude(session, account.as_ref(), status))
}

/// Flags of ours that were taken out of Locust's command line, as the other commands have them.
fn flags_of(taken: &[(&'static str, String)]) -> Parsed {
    taken
        .iter()
        .rev()
        .fold(Parsed::default(), |flags, (flag, value)| flags.preset(flag, value.clone()))
}

/// The tables of a recorded run of this command, all of it; `None` where another command made the record.
///
/// # Errors
/// The record can't be read.
pub(crate) fn tables(run: &record::Run) -> Result<Option<String>, Failure> {
    if !run.meta.options["locust"].is_object() {
        return Ok(None);
    }
    let failed = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let started = run.started_unix_ns.unwrap_or(run.meta.created_unix_ns) as f64 / 1e9;
    let memory = Memory { all_seconds: false, window: false };
    let mut statistics = Statistics::new(Rounding::Milliseconds, memory, started);
    statistics.show_missed(true);
    for encoded in run.encoded_snapshots().map_err(|error| failed(&error))? {
        let encoded = encoded.map_err(|error| failed(&error))?;
        let snapshot = Snapshot::decode(&encoded).map_err(|error| failed(&error))?;
        statistics.ingest(0, &snapshot);
    }
    let (layout, parts) = (Layout::default(), Settings::default().to_report);
    Ok(Some(
        [
            tables::requests(&statistics, layout, Rates::Total),
            tables::percentiles(&statistics, layout, &parts),
            tables::errors(&statistics, layout),
        ]
        .concat(),
    ))
}

fn presets() -> String {
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    format!("Presets: {}; --list-presets says what they are.\n", names.join(", "))
}

/// Unpacks the Python side into the user's cache, or where there is none among temporary files.
pub(crate) fn unpack() -> Result<PathBuf, Failure> {
    let process = std::process::id();
    let temporary = || environment::temporary_folder().join(format!("squall-{process}"));
    let cache = environment::cache_folder();
    let unpacked = match cache {
        Some(cache) => {
            locust::unpack(&cache, process).or_else(|_| locust::unpack(&temporary(), process))
        }
        None => locust::unpack(&temporary(), process),
    };
    unpacked.map_err(|error| Failure::new(ExitStatus::Failure, error.to_string()))
}

/// The web UI's port.
enum Web {
    /// There is none.
    None,
    /// It listens.
    Open(Door),
    /// It is answered on, while this is there.
    Served(#[expect(dead_code, reason = "dropping it ends the server")] Server),
}

/// The pages of a run: its own thread knows them.
struct Desk(SyncSender<Event>);

impl Pages for Desk {
    fn page(&self, asked: Asked, reply: PageReply) {
        let show = |page: Option<locust::Page>| {
            let page = page.map(|page| web::pages::Page {
                content_type: page.content_type,
                headers: page.headers,
                body: page.body,
            });
            reply(page);
        };
        // Where the queue is full the page comes from the process behind.
        let _ = self.0.try_send(Event::Asked(asked.path, asked.query, Box::new(show)));
    }

    fn changed(&self, reply: ChangeReply) {
        let _ = self.0.try_send(Event::Sync(reply));
    }
}

/// The program around a run.
struct Front<'a> {
    session: &'a Session,
    own: &'a Own,
    recording: Option<(Recording, u64)>,
    /// What the run will be held against.
    held_against: &'a HeldAgainst,
    users: Shard,
    probes: Observed,
    observing: Option<Observing>,
    events: SyncSender<Event>,
    web: Web,
    troubles: Troubles,
}

impl Front<'_> {
    /// Ends the record; where it is.
    fn finish(&mut self, outcome: &Outcome) -> Option<PathBuf> {
        self.web = Web::None;
        if self.session.name == Name::Squall {
            for hint in self.troubles.hints() {
                self.warn(&hint);
            }
        }
        if let Some(observing) = self.observing.take() {
            observing.finish(None);
        }
        let (recording, started) = self.recording.take()?;
        let now = rt::unix_nanos();
        recording.finish(&End {
            exit_code: i32::from(outcome.exit_code),
            reason: outcome.reason.clone(),
            elapsed_ns: now.saturating_sub(started),
            ended_unix_ns: now,
            self_check: serde_json::Value::Null,
            setup_data: serde_json::Value::Null,
            outputs: Vec::new(),
        })
    }
}

impl Host for Front<'_> {
    fn err(&mut self, text: &str) {
        self.session.terminal.err(text);
    }

    fn out(&mut self, text: &str) {
        self.session.terminal.out_raw(text.as_bytes());
    }

    fn warn(&mut self, text: &str) {
        self.session.terminal.err(&format!("squall: warning: {text}\n"));
        if let Some((recording, _)) = &self.recording {
            recording.line(text);
        }
    }

    fn signal(&mut self, pid: u32, signal: Signal) {
        let number = match signal {
            Signal::Interrupt => libc::SIGINT,
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
        };
        signals::send(pid, number);
    }

    fn begin(&mut self, hello: &Hello) {
        // Called as `locust` the run leaves nothing behind that Locust would not leave.
        if self.own.no_record || self.session.name == Name::Locust {
            return;
        }
        let now = rt::unix_nanos();
        let meta = Meta {
            squall_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_unix_ns: now,
            command_line: environment::shown_args(),
            script_path: hello.locustfile.clone(),
            options: json!({
                "locust": hello.options,
                "locust_version": hello.locust_version,
                "python_version": hello.python_version,
            }),
            ..Meta::default()
        };
        let directory = self.own.record.as_deref();
        if let Some(mut recording) =
            Recording::start(directory, self.held_against.noted(meta), &self.session.log)
        {
            recording.started(now);
            self.recording = Some((recording, now));
        }
        let recording = self.recording.as_ref().map(|(recording, _)| recording);
        let takers = Takers { recording, outputs: None, log: &self.session.log };
        match Observing::start(&self.probes, &takers) {
            Ok(observing) => self.observing = observing,
            Err(failure) => self.warn(&failure.message),
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        self.troubles.take(snapshot);
        if let Some((recording, _)) = &mut self.recording {
            recording.snapshot(snapshot);
        }
    }

    fn users(&mut self, count: u64) {
        let Some((recording, _)) = &mut self.recording else { return };
        let (now, tags) = (rt::unix_nanos(), self.users.tag_set(&[]));
        self.users.add(builtin::VUS, tags, count as f64, now);
        recording.snapshot(&self.users.flush(now));
    }

    fn log(&mut self, line: &str) {
        if let Some((recording, _)) = &self.recording {
            recording.line(line);
        }
    }

    fn listen(&mut self, address: &str) -> Result<(), String> {
        match Door::open(address) {
            Ok(door) => {
                self.web = Web::Open(door);
                Ok(())
            }
            Err(error) => Err(format!("can't listen on {}: {}", error.address, error.error)),
        }
    }

    fn serve(&mut self, behind: u16) {
        if let Web::Open(door) = std::mem::replace(&mut self.web, Web::None) {
            let pages = Arc::new(Desk(self.events.clone()));
            match door.serve(pages, SocketAddr::from(([127, 0, 0, 1], behind))) {
                Ok(server) => self.web = Web::Served(server),
                Err(error) => self.warn(&format!("no web UI: {}", error.error)),
            }
        }
    }
}
