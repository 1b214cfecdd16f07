//! The state of a run and what its events do to it.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use metrics::Snapshot;
use rt::Nanos;
use serde_json::{Value, json};

use super::ending::Ending;
use super::merging::Merging;
use super::{Event, Host, Outcome, PageOf, Request, Signal, SyncReply};
use crate::csv::{Form, History};
use crate::entry::Memory;
use crate::files::{CsvFiles, Shown};
use crate::history::{Chart, Moment};
use crate::link::Connection;
use crate::message::{ExceptionRow, Health, Hello, Message, Role, Settings, State};
use crate::pages::{Page, page};
use crate::statistics::Statistics;
use crate::tables::{self, Layout, Rates};

/// How long after a whole second things are printed: the second's snapshots are there by then.
const AFTER_SECOND_S: f64 = 0.2;
/// Where the numbers of processes elsewhere begin, beyond those of connections.
const FORWARDED_FROM: u64 = 1 << 32;
/// How long to sleep when nothing is due.
const IDLE: Duration = Duration::from_secs(1);
/// A second signal within this time is the first one again: terminals send theirs to every process.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// A child's connection.
struct Peer {
    connection: Connection,
    hello: Option<Hello>,
    is_open: bool,
    /// How often its engine began anew.
    resets: u32,
    health: Health,
    /// Health and time when it began to report, so that shares are of the test.
    first_health: Option<(Health, Nanos)>,
    last_health_at: Nanos,
}

/// When something is done next.
struct Due {
    tables: Option<Nanos>,
    files: Option<Nanos>,
    chart: Option<Nanos>,
}

/// The run so far.
pub(super) struct Desk<'a> {
    pub(super) request: &'a Request,
    pub(super) host: &'a mut dyn Host,
    pub(super) statistics: Statistics,
    pub(super) settings: Settings,
    pub(super) exceptions: Vec<ExceptionRow>,
    pub(super) tasks: Value,
    pub(super) chart: Chart,
    pub(super) files: Option<CsvFiles>,
    pub(super) state: State,
    pub(super) ending: Ending,
    pub(super) merging: Merging,
    peers: BTreeMap<u64, Peer>,
    /// The connection of the process that leads the test.
    lead: Option<u64>,
    pid: u32,
    due: Due,
    signalled_at: Option<Nanos>,
    told_of_buckets: bool,
    /// Who waits for what the leading child did up to a question, by the question's number.
    syncs: Vec<(u64, SyncReply)>,
    n_syncs: u64,
    /// The leading child answers every page itself.
    leaves_pages: bool,
    signatures: BTreeMap<u64, u32>,
    n_signatures: u32,
    /// Processes elsewhere whose snapshots a child hands over, by name.
    forwarded: BTreeMap<String, u64>,
}

pub(super) fn now_s() -> f64 {
    rt::unix_nanos() as f64 / 1e9
}

impl<'a> Desk<'a> {
    pub(super) fn new(request: &'a Request, pid: u32, host: &'a mut dyn Host) -> Self {
        let memory = Memory { all_seconds: false, window: false };
        let mut statistics = Statistics::new(request.own.rounding, memory, now_s());
        statistics.show_missed(!request.as_locust || request.own.missed_slots);
        Self {
            request,
            host,
            statistics,
            settings: Settings::default(),
            exceptions: Vec::new(),
            tasks: json!({"per_class": {}, "total": {}}),
            chart: Chart::default(),
            files: None,
            state: State::default(),
            ending: Ending::default(),
            merging: Merging::default(),
            peers: BTreeMap::new(),
            lead: None,
            pid,
            due: Due { tables: None, files: None, chart: None },
            signalled_at: None,
            told_of_buckets: false,
            syncs: Vec::new(),
            n_syncs: 0,
            leaves_pages: false,
            signatures: BTreeMap::new(),
            n_signatures: 0,
            forwarded: BTreeMap::new(),
        }
    }

    /// The child that leads, once it said so.
    pub(super) fn hello(&self) -> Option<&Hello> {
        self.peers.get(&self.lead?)?.hello.as_ref()
    }

    pub(super) fn layout(&self) -> Layout {
        Layout { type_width: self.settings.type_width, name_width: self.settings.name_width }
    }

    pub(super) fn form(&self) -> Form<'_> {
        Form {
            percentiles: &self.settings.to_report,
            names: self.request.own.csv_names,
            window_s: self.settings.window_s,
        }
    }

    pub(super) fn moment(&self) -> Moment<'_> {
        Moment {
            now_s: now_s(),
            percentiles: &self.settings.to_chart,
            window_s: self.settings.window_s,
            user_count: self.state.user_count,
        }
    }

    fn page(&self, path: &str, query: &str) -> Option<Page> {
        let hello = self.hello().filter(|_| !self.leaves_pages)?;
        let of = PageOf {
            statistics: &self.statistics,
            exceptions: &self.exceptions,
            state: &self.state,
            form: self.form(),
            moment: self.moment(),
            to_statistics: &self.settings.to_statistics,
            chart: &self.chart,
            settings: &self.settings,
            tasks: &self.tasks,
        };
        page(&of, hello, path, query)
    }

    /// Asks the leading child to tell everything, and answers when it has.
    fn sync(&mut self, reply: SyncReply) {
        match self.lead {
            Some(lead) => {
                let id = self.next_question();
                self.syncs.push((id, reply));
                self.tell(lead, &json!({"type": "sync", "id": id}));
            }
            None => reply(),
        }
    }

    /// The number of a question to a process.
    pub(super) fn next_question(&mut self) -> u64 {
        self.n_syncs += 1;
        self.n_syncs
    }

    fn synced(&mut self, id: u64) {
        let syncs = std::mem::take(&mut self.syncs);
        for (asked, reply) in syncs {
            if asked <= id {
                reply();
            } else {
                self.syncs.push((asked, reply));
            }
        }
    }

    /// How well each child that made load kept up, with the share of a CPU it took.
    pub(super) fn health(&self) -> Vec<(Health, f64)> {
        let share = |peer: &Peer| {
            let (first, since) = peer.first_health.as_ref()?;
            let seconds = peer.last_health_at.since(*since).as_secs_f64();
            let cpu = (peer.health.cpu_s - first.cpu_s) / seconds.max(1e-3);
            (seconds > 0.5).then(|| (peer.health.clone(), cpu))
        };
        let is_master =
            |peer: &&Peer| peer.hello.as_ref().is_some_and(|hello| hello.role == Role::Master);
        self.peers.values().filter(|peer| !is_master(peer)).filter_map(share).collect()
    }

    /// Requests that took Locust's own way, and why, the most frequent reason first.
    pub(super) fn slow_requests(&self) -> (u64, Vec<(String, u64)>) {
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for (reason, n) in self.peers.values().flat_map(|peer| &peer.health.slow_reasons) {
            *reasons.entry(reason).or_default() += n;
        }
        let mut reasons: Vec<_> = reasons.into_iter().map(|(r, n)| (r.to_owned(), n)).collect();
        reasons.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        (self.peers.values().map(|peer| peer.health.slow_requests).sum(), reasons)
    }

    // Events.

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Connected(source, connection) => {
                let peer = Peer {
                    connection,
                    hello: None,
                    is_open: true,
                    resets: 0,
                    health: Health::default(),
                    first_health: None,
                    last_health_at: Nanos::default(),
                };
                self.peers.insert(source, peer);
            }
            Event::Message(source, value) => self.hear(source, &value),
            Event::Snapshot(source, snapshot) => {
                if self.lead != Some(source) {
                    let generation = self.peers.get(&source).map_or(0, |peer| peer.resets);
                    self.relay(source, generation, &snapshot);
                }
                self.measured(source, *snapshot);
            }
            Event::Forwarded(name, snapshot) => {
                let next = FORWARDED_FROM + self.forwarded.len() as u64;
                let source = *self.forwarded.entry(name).or_insert(next);
                self.measured(source, *snapshot);
            }
            Event::Closed(source, error) => self.close(source, error),
            Event::Exited(status) => self.exited(status),
            Event::Signal(signal) => self.signal(signal),
            Event::Asked(path, query, reply) => reply(self.page(&path, &query)),
            Event::Sync(reply) => self.sync(reply),
        }
    }

    fn hear(&mut self, source: u64, value: &Value) {
        let is_lead = self.lead == Some(source);
        match Message::of(value) {
            Message::Hello(hello) => self.welcome(source, *hello),
            // They come before the child says who it is: the files' first lines depend on them.
            Message::Settings(settings) if is_lead || self.lead.is_none() => self.set(*settings),
            Message::State(state) if is_lead => {
                self.host.users(state.user_count);
                self.state = state;
            }
            Message::LastRequest(last_s) => self.statistics.note_last(last_s),
            Message::EntryTimes(entries) => {
                for times in entries {
                    let (start_s, last_s) = (times.start_s, times.last_s);
                    self.statistics.note_entry(&times.method, &times.name, start_s, last_s);
                }
            }
            Message::Reset { forget, time_s } => {
                self.statistics.forget_source(source);
                self.signatures.remove(&source);
                if let Some(peer) = self.peers.get_mut(&source) {
                    peer.resets += 1;
                }
                if is_lead {
                    self.start_anew(forget, time_s);
                }
            }
            Message::Exceptions(rows) if is_lead => self.exceptions = rows,
            Message::Tasks(tasks) if is_lead => self.tasks = tasks,
            Message::Log(lines) => {
                for (_, line) in lines {
                    self.host.log(&line);
                }
            }
            Message::Health(health) => self.note_health(source, health),
            Message::Quitting(quitting) if is_lead => {
                self.ending.quitting = Some(quitting);
                self.due = Due { tables: None, files: self.due.files, chart: None };
                let code = self.exit_code_by_rule();
                self.tell(source, &json!({"type": "exit_code", "code": code}));
            }
            Message::Web { port, wants_all } if is_lead => {
                self.leaves_pages = wants_all;
                self.host.serve(port);
            }
            Message::Synced(id) if is_lead => self.synced(id),
            Message::Synced(id) => self.worker_synced(source, id),
            Message::Merge(is_last) if is_lead => self.merge(is_last),
            Message::Finished { html_file, host } if is_lead => {
                self.ending.finish(html_file, host);
            }
            Message::Finished { .. } => self.worker_ended(source),
            _ => {}
        }
    }

    fn measured(&mut self, source: u64, snapshot: Snapshot) {
        self.statistics.ingest(source, &snapshot);
        let signature = self.signature(source);
        self.host.snapshot(&snapshot.signed(signature));
    }

    /// What snapshots of an engine are signed with for others: engines do not know of each other.
    fn signature(&mut self, source: u64) -> u32 {
        let next = self.n_signatures;
        let signature = *self.signatures.entry(source).or_insert(next);
        self.n_signatures += u32::from(signature == next);
        signature
    }

    /// Tells the process that leads.
    pub(super) fn tell_lead(&mut self, message: &Value) {
        if let Some(lead) = self.lead {
            self.tell(lead, message);
        }
    }

    /// Hands the process that leads a snapshot of another.
    pub(super) fn relay_to_lead(&mut self, name: &str, encoded: &[u8]) {
        if let Some(peer) = self.lead.and_then(|lead| self.peers.get_mut(&lead)) {
            drop(peer.connection.relay(name, encoded));
        }
    }

    /// The connections of processes that do not lead.
    pub(super) fn open_workers(&self) -> impl Iterator<Item = u64> {
        let peers = self.peers.iter().filter(|(_, peer)| peer.is_open && peer.hello.is_some());
        peers.map(|(source, _)| *source).filter(|source| self.lead != Some(*source))
    }

    pub(super) fn tell(&mut self, source: u64, message: &Value) {
        if let Some(peer) = self.peers.get_mut(&source) {
            // A child that is gone is heard of by its connection's end.
            drop(peer.connection.tell(message));
        }
    }

    fn welcome(&mut self, source: u64, hello: Hello) {
        if hello.role.leads() && self.lead.is_none() {
            match self.prepare(&hello) {
                Ok(()) => {}
                Err(text) => {
                    self.tell(source, &json!({"type": "refuse", "message": text}));
                    return;
                }
            }
            self.lead = Some(source);
            self.host.begin(&hello);
        }
        let mut welcome = json!({"type": "welcome"});
        if let Some(host) = self.web_host(&hello) {
            welcome["web_host"] = json!(host);
            welcome["is_fronted"] = json!(is_fronted(&hello));
        }
        if let Some(peer) = self.peers.get_mut(&source) {
            peer.hello = Some(hello);
        }
        self.tell(source, &welcome);
        if self.lead == Some(source) {
            self.relay_early();
        }
    }

    /// Where the web UI of a test listens; none where it has none. Empty: on all interfaces.
    fn web_host(&self, hello: &Hello) -> Option<String> {
        if hello.is_on("headless") || !hello.role.leads() {
            return None;
        }
        Some(match hello.text("web_host") {
            Some("*") => String::new(),
            Some(host) => host.to_owned(),
            None if self.request.as_locust => String::new(),
            None => "127.0.0.1".to_owned(),
        })
    }

    fn open_web(&mut self, hello: &Hello) -> Result<(), String> {
        let Some(host) = self.web_host(hello) else { return Ok(()) };
        if !["127.0.0.1", "localhost", "::1"].contains(&host.as_str()) && !hello.is_on("web_login")
        {
            let text = "the web UI is open to everybody who can reach this machine; --web-host 127.0.0.1 \
                        or --web-login closes it";
            self.host.warn(text);
        }
        if !is_fronted(hello) {
            return Ok(());
        }
        let host = match host.as_str() {
            "" => "0.0.0.0".to_owned(),
            // An address of IPv6 has colons itself.
            host if host.contains(':') => format!("[{host}]"),
            host => host.to_owned(),
        };
        let port = hello.options["web_port"].as_u64().unwrap_or(8089);
        self.host.listen(&format!("{host}:{port}"))
    }

    /// Gets ready for the test that a child describes.
    fn prepare(&mut self, hello: &Hello) -> Result<(), String> {
        let is_full = hello.is_on("stats_history_enabled");
        let wants_json = hello.is_on("json") || hello.text("json_file").is_some();
        self.statistics.remember(Memory { all_seconds: wants_json, window: is_full });
        self.statistics.clear_all(now_s());
        self.open_web(hello)?;
        let now = rt::now();
        if let Some(prefix) = hello.text("csv_prefix") {
            let kind = if is_full { History::Full } else { History::Total };
            let files = CsvFiles::create(prefix, self.form(), kind);
            self.files = Some(files.map_err(|error| error.to_string())?);
            self.due.files = Some(now);
        }
        let wants_tables = hello.is_on("headless") || hello.is_on("print_stats");
        if wants_tables && !hello.is_on("only_summary") {
            // Before there is a log that would take it, the first table would come from us.
            let is_theirs = hello.is_on("skip_log_setup");
            let later = next(now, self.settings.console_interval_s);
            self.due.tables = Some(if is_theirs { later } else { now });
        }
        self.due.chart = Some(now);
        // The first table comes before the first line of the test's log, as in Locust.
        self.do_what_is_due();
        Ok(())
    }

    fn set(&mut self, settings: Settings) {
        if settings.own_buckets && !self.told_of_buckets {
            self.told_of_buckets = true;
            let text = "the Locust file replaces locust.stats.bucket_response_time; it is not used: response \
                        times are kept in full resolution";
            self.host.warn(text);
        }
        self.settings = settings;
    }

    fn start_anew(&mut self, forget: bool, time_s: f64) {
        if forget {
            self.statistics.clear_all(time_s);
            self.exceptions.clear();
        } else {
            self.statistics.reset_all(time_s);
        }
        self.chart.clear();
    }

    fn note_health(&mut self, source: u64, health: Health) {
        if let Some(peer) = self.peers.get_mut(&source) {
            let now = rt::now();
            peer.first_health.get_or_insert_with(|| (health.clone(), now));
            peer.health = health;
            peer.last_health_at = now;
        }
    }

    fn close(&mut self, source: u64, error: Option<String>) {
        let Some(peer) = self.peers.get_mut(&source) else { return };
        peer.is_open = false;
        self.worker_ended(source);
        let Some(peer) = self.peers.get(&source) else { return };
        let who = peer.hello.as_ref().map(|hello| (hello.role, hello.pid));
        if let Some(error) = error {
            self.host.warn(&format!("the connection to a Python process broke: {error}"));
        }
        if self.lead == Some(source) {
            if !self.ending.is_finished() {
                self.ending.lead_lost_at = Some(rt::now());
                self.syncs.clear();
                self.tell_all(&json!({"type": "quit"}));
            }
        } else if let Some((Role::Worker, pid)) = who
            && self.lead.is_some()
            && self.ending.quitting.is_none()
            && self.signalled_at.is_none()
        {
            self.host.warn(&format!("worker process {pid} is gone; what it had measured counts"));
        }
    }

    fn tell_all(&mut self, message: &Value) {
        let open: Vec<u64> =
            self.peers.iter().filter(|(_, peer)| peer.is_open).map(|(source, _)| *source).collect();
        for source in open {
            self.tell(source, message);
        }
    }

    fn exited(&mut self, status: Option<ExitStatus>) {
        self.ending.exited = Some((status, rt::now()));
    }

    fn signal(&mut self, signal: Signal) {
        let now = rt::now();
        match self.signalled_at {
            None => {
                self.signalled_at = Some(now);
                self.host.signal(self.lead_pid(), signal);
            }
            Some(first) if now.since(first) < SAME_SIGNAL => {}
            Some(_) => self.kill(),
        }
    }

    fn lead_pid(&self) -> u32 {
        self.hello().map_or(self.pid, |hello| hello.pid)
    }

    /// Ends every process of the run at once.
    pub(super) fn kill(&mut self) {
        let mut pids = vec![self.pid];
        let peers = self.peers.values().filter(|peer| peer.is_open);
        pids.extend(peers.filter_map(|peer| peer.hello.as_ref()).map(|hello| hello.pid));
        pids.dedup();
        for pid in pids {
            self.host.signal(pid, Signal::Kill);
        }
    }

    pub(super) fn n_open(&self) -> usize {
        self.peers.values().filter(|peer| peer.is_open).count()
    }

    // Times.

    /// How long until something is to be done.
    pub(super) fn until_next(&self) -> Duration {
        let dues = [self.due.tables, self.due.files, self.due.chart];
        let next = dues.into_iter().flatten().min();
        let now = rt::now();
        next.map_or(IDLE, |due| due.since(now)).min(self.patience())
    }

    pub(super) fn do_what_is_due(&mut self) {
        let now = rt::now();
        let is_due = |due: Option<Nanos>| due.is_some_and(|due| due <= now);
        if is_due(self.due.files) {
            self.due.files = Some(next(now, self.settings.csv_interval_s));
            self.update_files();
        }
        if is_due(self.due.tables) {
            self.due.tables = Some(next(now, self.settings.console_interval_s));
            let text = tables::requests(&self.statistics, self.layout(), Rates::Current);
            self.show_tables(&text);
        }
        if is_due(self.due.chart) {
            self.due.chart = Some(next(now, self.settings.history_interval_s));
            if !["", "ready", "stopped"].contains(&self.state.state.as_str()) {
                let mut chart = std::mem::take(&mut self.chart);
                chart.add(&self.statistics, self.moment());
                self.chart = chart;
            }
        }
        self.end_if_due();
    }

    /// Prints tables, or gives them to the log of the process that leads where that is set up by the Locust file.
    pub(super) fn show_tables(&mut self, text: &str) {
        let is_theirs = self.hello().is_some_and(|hello| hello.is_on("skip_log_setup"));
        match self.lead {
            Some(lead) if is_theirs => self.tell(lead, &json!({"type": "tables", "text": text})),
            _ => self.host.err(text),
        }
    }

    /// Writes the CSV files as things are now.
    pub(super) fn update_files(&mut self) {
        let Some(mut files) = self.files.take() else { return };
        let shown = Shown {
            statistics: &self.statistics,
            exceptions: &self.exceptions,
            user_count: self.state.user_count,
            now_s: now_s(),
        };
        match files.update(self.form(), shown) {
            Ok(()) => self.files = Some(files),
            Err(error) => {
                // Told once; a disk that is full stays so.
                self.host.warn(&error.to_string());
                self.due.files = None;
                self.ending.could_not_write = true;
            }
        }
    }

    /// The run's outcome, once it is over.
    pub(super) fn outcome(&self) -> Outcome {
        let (exit_code, reason) = self.verdict();
        Outcome { exit_code, was_test: self.lead.is_some(), reason }
    }
}

/// Whether Squall answers the web UI's port: it speaks no TLS there.
fn is_fronted(hello: &Hello) -> bool {
    hello.text("tls_cert").is_none() || hello.text("tls_key").is_none()
}

/// The next time that is a multiple of `interval_s` on the wall clock, and a little later.
fn next(now: Nanos, interval_s: f64) -> Nanos {
    let past = (now_s() - AFTER_SECOND_S).rem_euclid(interval_s);
    let mut wait = interval_s - past;
    if wait < interval_s / 2.0 {
        wait += interval_s;
    }
    now + Duration::from_secs_f64(wait)
}
