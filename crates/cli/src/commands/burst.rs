//! `squall burst`: load without a script.

mod inside;
mod kept;

use std::sync::Arc;
use std::time::Duration;

use burst::{Burst, Load, Shape, Target};
use engine::progress::{Phase, Progress};
use engine::{End, IdleOrder, Observer, RunConfig, RunOutcome};
use metrics::{AggregatorConfig, Registry, SampleBatch, ShardConfig, Snapshot};
use net::dns::{Resolver, ResolverOptions};
use net::http::{ClientConfig, Headers, Method, Reuse};
use net::tls::{TlsConfig, TlsOptions, Verify};
use net::url::Url;
use plan::segment::Striping;
use report::BurstFigures;
use rt::Nanos;

use kept::Errors;
pub(crate) use kept::report;

use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::flags::{Flag, Kind, Parsed};
use crate::log::Level;
use crate::run::closing::Closing;
use crate::run::forwards::{RunForwards, access};
use crate::run::observing::{self, OBSERVE, Observing, Takers};
use crate::run::recording::Recording;
use crate::run::self_check;
use crate::run::stopping;
use crate::run::troubles::Troubles;
use crate::session::Session;

/// `burst`'s own flags.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new(
        "concurrency",
        Kind::Int,
        "n",
        "closed loop: clients that each wait for their answer (default 10)",
    )
    .short('c'),
    Flag::new(
        "rate",
        Kind::Float,
        "per-second",
        "open loop: requests started a second, whatever the answers do",
    ),
    Flag::new(
        "burst",
        Kind::Text,
        "rate/s:length",
        "bursts at a rate, e.g. 2000/s:5s; with --every",
    ),
    Flag::new(
        "every",
        Kind::Duration,
        "duration",
        "from the start of one burst to the start of the next (default: twice its length)",
    ),
    Flag::new(
        "max-concurrency",
        Kind::Int,
        "n",
        "open loop: requests under way at most, others are dropped and counted (default 1000)",
    ),
    Flag::new(
        "duration",
        Kind::Duration,
        "duration",
        "how long (default 10s, unless --requests is given)",
    )
    .short('d'),
    Flag::new("requests", Kind::Int, "n", "how many requests in all").short('n'),
    Flag::new("method", Kind::Text, "method", "HTTP method (default GET, or POST with --data)")
        .short('X'),
    Flag::new("header", Kind::Array, "name: value", "a header; repeatable").short('H'),
    Flag::new("data", Kind::Text, "body", "the request's body, or @FILE"),
    Flag::new(
        "expect",
        Kind::Csv,
        "statuses",
        "statuses that count as ok, e.g. 200,300-399 (default 200-399)",
    ),
    Flag::new(
        "asgi",
        Kind::Text,
        "package.module:app",
        "load an ASGI application within its own Python process, without a network; arguments are paths",
    ),
    Flag::new(
        "python",
        Kind::Text,
        "path",
        "with --asgi: the Python to use (default: the active environment's)",
    ),
    Flag::new("timeout", Kind::Duration, "duration", "limit of one request (default 60s)"),
    Flag::new("insecure-skip-tls-verify", Kind::Bool, "", "take any certificate"),
    Flag::new("no-connection-reuse", Kind::Bool, "", "a new connection for each request"),
    Flag::new("cores", Kind::Int, "n", "cores to use (default: all this process may use)"),
    Flag::new("json", Kind::Bool, "", "print the result as JSON"),
    Flag::new(
        "record",
        Kind::Text,
        "path",
        "where to keep the run (default: the user's data folder)",
    ),
    Flag::new("no-record", Kind::Bool, "", "don't keep the run"),
    OBSERVE,
];

const DEFAULT_CONCURRENCY: i64 = 10;
const DEFAULT_MAX_CONCURRENCY: i64 = 1000;
const DEFAULT_DURATION: Duration = Duration::from_secs(10);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the live line is printed where there is no terminal to redraw.
const PLAIN_EVERY: Duration = Duration::from_secs(1);

/// Loads the URLs.
pub(crate) fn run(session: &Session) -> CommandResult {
    if let Some(application) = session.flags.text("asgi") {
        return inside::run(session, application);
    }
    if session.flags.is_set("python") {
        return Err(Failure::usage("--python needs --asgi"));
    }
    let _ = crate::machine::raise_descriptor_limit();
    let forwards = RunForwards::open(&session.flags, &session.log)?;
    let session = &forwards.tell(session);
    let load = load(&session.flags)?;
    let scenario = load.scenario().map_err(|error| Failure::usage(error.to_string()))?;
    let is_open = scenario.executor.is_open_loop();
    let probes = observing::wanted(session.flags.all("observe"), &access(&session.flags))?;
    let closing = Closing::read(&session.flags)?;
    let burst = Arc::new(Burst::new(
        target(&session.flags, &session.flags.args)?,
        Arc::new(client(&session.flags)?),
    ));
    let (stop, stops) = engine::stop_pair();
    stopping::listen(stop, session.log.clone())
        .map_err(|error| Failure::usage(format!("can't listen to signals: {error}")))?;
    let is_json = session.flags.is_on("json");
    let meta = closing.held_against().noted(kept::meta(&session.flags, is_open, &scenario));
    let config = run_config(&session.flags, scenario)?;
    let recording = if session.flags.is_on("no-record") {
        None
    } else {
        Recording::start(session.flags.text("record"), meta, &session.log)
    };
    let takers = Takers { recording: recording.as_ref(), outputs: None, log: &session.log };
    let observing = Observing::start(&probes, &takers)?;
    if !is_json && !session.quiet() {
        for line in forwards.lines() {
            session.terminal.err(&format!("forward: {line}\n"));
        }
    }
    let mut watch = Live {
        ticker: Ticker::new(session),
        recording,
        is_started: false,
        errors: Errors::default(),
    };
    let outcome = engine::run(&burst, config, stops, &mut watch)
        .map_err(|error| Failure::usage(error.to_string()))?;
    session.terminal.clear();
    if let Some(observing) = observing {
        observing.finish(None);
    }
    let figures = kept::figures(&outcome.totals, outcome.elapsed, &watch.errors, is_open);
    if is_json {
        let mut json = report::burst_json(&figures);
        json["self_check"] =
            serde_json::to_value(self_check::figures(&outcome.self_check)).unwrap_or_default();
        session.terminal.out_raw(format!("{json:#}\n").as_bytes());
    } else {
        session.terminal.out(&report::burst_text(&figures));
        let check = self_check::figures(&outcome.self_check);
        session.terminal.out(&format!("{}\n", report::trust(&check)));
    }
    let status = ending(session, &outcome, &figures);
    let recording = watch.recording.take();
    let directory = recording.and_then(|recording| recording.finish(&kept::end(&outcome, status)));
    let account = closing.account(session, directory.as_deref());
    let status = closing.conclude(session, account.as_ref(), status);
    if let Some(directory) = directory {
        let line = format!("record: {}\n", directory.display());
        // Standard output is the result's, where programs read it.
        if is_json || session.quiet() {
            session.terminal.err(&line);
        } else {
            session.terminal.out(&line);
        }
    }
    Ok(status)
}

fn ending(session: &Session, outcome: &RunOutcome, figures: &BurstFigures) -> ExitStatus {
    let mut troubles = Troubles::default();
    troubles.take_kinds(figures.issued, &figures.err_by_kind);
    for hint in troubles.hints() {
        session.log.warn(&hint);
    }
    match &outcome.end {
        End::Signal(_) => ExitStatus::Signal,
        End::Internal(text) => {
            session.log.log(Level::Error, text, &[]);
            ExitStatus::Panic
        }
        _ if figures.issued > 0 && figures.ok == 0 => {
            session.log.log(Level::Error, "no request was answered as expected", &[]);
            ExitStatus::Failure
        }
        _ => ExitStatus::Success,
    }
}

fn number(flags: &Parsed, name: &str, default: i64) -> Result<u64, Failure> {
    let value = flags.int(name).unwrap_or(default);
    u64::try_from(value)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| Failure::usage(format!("--{name} must be at least 1, not {value}")))
}

fn duration(flags: &Parsed, name: &str) -> Result<Option<Duration>, Failure> {
    let Some(text) = flags.text(name) else { return Ok(None) };
    let span = plan::duration::parse_k6(text)
        .map_err(|error| Failure::usage(format!("--{name}: {error}")))?;
    Ok(Some(span.as_duration()))
}

fn load(flags: &Parsed) -> Result<Load, Failure> {
    let given = |name: &str| flags.is_set(name);
    let exclusive = ["concurrency", "rate", "burst"].into_iter().filter(|name| given(name));
    let shapes: Vec<&str> = exclusive.collect();
    if let [first, second, ..] = shapes[..] {
        let text = format!("--{first} and --{second} are different shapes of load: give one");
        return Err(Failure::usage(text));
    }
    let max_concurrency = number(flags, "max-concurrency", DEFAULT_MAX_CONCURRENCY)?;
    let shape = if let Some(text) = flags.text("burst") {
        let (rate, length) = burst::parse_bursts(text).map_err(Failure::usage)?;
        let every = duration(flags, "every")?.unwrap_or(length * 2);
        Shape::Bursts { rate, length, every, max_concurrency }
    } else if let Some(rate) = flags.float("rate") {
        Shape::Open { rate, max_concurrency }
    } else {
        Shape::Closed { concurrency: number(flags, "concurrency", DEFAULT_CONCURRENCY)? }
    };
    if given("every") && !given("burst") {
        return Err(Failure::usage("--every needs --burst"));
    }
    let requests = given("requests").then(|| number(flags, "requests", 1)).transpose()?;
    let duration = duration(flags, "duration")?;
    let duration = duration.or_else(|| requests.is_none().then_some(DEFAULT_DURATION));
    Ok(Load { shape, duration, requests })
}

fn target(flags: &Parsed, urls: &[String]) -> Result<Target, Failure> {
    if urls.is_empty() {
        return Err(Failure::usage("burst needs at least one URL")
            .hint("squall burst http://127.0.0.1:8000/"));
    }
    let urls = urls.iter().map(|text| {
        let absolute = if text.contains("://") { text.clone() } else { format!("http://{text}") };
        Url::parse(&absolute).map_err(|error| Failure::usage(format!("{text}: {error}")))
    });
    let body = match flags.text("data") {
        Some(data) => Some(read_body(data)?),
        None => None,
    };
    let default = if body.is_some() { "POST" } else { "GET" };
    let method = flags.text("method").unwrap_or(default);
    let method = Method::parse(&method.to_ascii_uppercase())
        .map_err(|error| Failure::usage(format!("--method {method}: {}", error.message)))?;
    let mut headers = Headers::new();
    for line in flags.all("header") {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("--header {line:?} is not `Name: value`")))?;
        headers
            .add(name.trim(), value.trim().as_bytes())
            .map_err(|error| Failure::usage(format!("--header {line:?}: {error}")))?;
    }
    Ok(Target {
        urls: urls.collect::<Result<_, _>>()?,
        method,
        headers,
        body,
        expected: expected(flags)?,
        timeout: duration(flags, "timeout")?.unwrap_or(DEFAULT_TIMEOUT),
    })
}

fn read_body(data: &str) -> Result<Vec<u8>, Failure> {
    match data.strip_prefix('@') {
        Some(path) => std::fs::read(path)
            .map_err(|error| Failure::usage(format!("can't read {path}: {error}"))),
        None => Ok(data.as_bytes().to_vec()),
    }
}

fn expected(flags: &Parsed) -> Result<Vec<(u16, u16)>, Failure> {
    let Some(items) = flags.list("expect") else { return Ok(vec![(200, 399)]) };
    let parse = |item: &String| {
        let (lo, hi) = item.split_once('-').unwrap_or((item, item));
        let range = (lo.trim().parse().ok()?, hi.trim().parse().ok()?);
        (range.0 <= range.1).then_some(range)
    };
    items
        .iter()
        .map(|item| {
            parse(item).ok_or_else(|| {
                Failure::usage(format!(
                    "--expect {item:?} is neither a status nor a range like 200-299"
                ))
            })
        })
        .collect()
}

fn client(flags: &Parsed) -> Result<ClientConfig, Failure> {
    let mut tls = TlsOptions::new();
    if flags.is_on("insecure-skip-tls-verify") {
        tls.verify = Verify::Skip;
    }
    let tls = TlsConfig::new(&tls).map_err(|error| Failure::usage(error.to_string()))?;
    let resolver = Resolver::new(&ResolverOptions::new())
        .map_err(|error| Failure::usage(error.to_string()))?;
    let mut config = ClientConfig::new(Arc::new(resolver), Arc::new(tls));
    if flags.is_on("no-connection-reuse") {
        config.reuse = Reuse::Never;
    }
    Ok(config)
}

fn run_config(flags: &Parsed, scenario: plan::scenario::Scenario) -> Result<RunConfig, Failure> {
    let available = rt::thread::available_cores();
    let cores = if flags.is_set("cores") { number(flags, "cores", 1)? as usize } else { available };
    Ok(RunConfig {
        scenarios: vec![scenario],
        striping: Striping::whole(),
        cores,
        spin: cores < available || available == 1,
        agent: 0,
        registry: Arc::new(Registry::with_builtins()),
        shard: ShardConfig::STANDARD,
        aggregate: AggregatorConfig::default(),
        run_tags: Vec::new(),
        tag_scenario: true,
        raw_samples: false,
        min_iteration: None,
        setup: false,
        teardown: false,
        setup_timeout: Duration::ZERO,
        teardown_timeout: Duration::ZERO,
        idle_order: IdleOrder::LatestFirst,
        paused: false,
        linger: false,
    })
}

/// The live line: redrawn on a terminal, else a line a second.
struct Ticker<'a> {
    session: &'a Session,
    is_silent: bool,
    plain_due: Nanos,
    last: (Duration, u64),
}

impl<'a> Ticker<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            is_silent: session.flags.is_on("json") || session.quiet(),
            plain_due: rt::now() + PLAIN_EVERY,
            last: (Duration::ZERO, 0),
        }
    }

    fn draw(&self, line: &str) {
        if self.is_silent {
            return;
        }
        if self.session.terminal.abilities.stdout_tty {
            self.session.terminal.draw(format!("\r\x1b[J{line}"));
        } else {
            self.session.terminal.err(&format!("{line}\n"));
        }
    }
}

/// How it goes, since the time and the number of answers in `last`, which become those of now.
fn live_line(
    last: &mut (Duration, u64),
    elapsed: Duration,
    done: u64,
    under_way: u64,
    dropped: u64,
) -> String {
    let (then, before) = *last;
    *last = (elapsed, done);
    let seconds = elapsed.saturating_sub(then).as_secs_f64().max(1e-3);
    let rate = done.saturating_sub(before) as f64 / seconds;
    let mut line = format!(
        "{:>6.1}s  {done} answered, {rate:.0} req/s, {under_way} under way",
        elapsed.as_secs_f64(),
    );
    if dropped > 0 {
        line.push_str(&format!(", {dropped} dropped"));
    }
    line
}

/// Who watches the engine.
struct Live<'a> {
    ticker: Ticker<'a>,
    recording: Option<Recording>,
    is_started: bool,
    errors: Errors,
}

impl Observer for Live<'_> {
    fn progress(&mut self, now: &Progress) {
        if !self.is_started && !matches!(now.phase, Phase::Init | Phase::Paused) {
            self.is_started = true;
            let since = u64::try_from(now.elapsed.as_nanos()).unwrap_or(0);
            if let Some(recording) = &mut self.recording {
                recording.started(rt::unix_nanos().saturating_sub(since));
            }
        }
        let ticker = &mut self.ticker;
        if ticker.is_silent || now.phase == Phase::Done || rt::now() < ticker.plain_due {
            return;
        }
        ticker.plain_due = rt::now() + PLAIN_EVERY;
        let dropped = now.scenarios.iter().map(|s| s.dropped).sum();
        let (done, active) = (now.iterations_completed, now.vus_active);
        let line = live_line(&mut ticker.last, now.elapsed, done, active, dropped);
        ticker.draw(&line);
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        self.errors.take(snapshot);
        if let Some(recording) = &mut self.recording {
            recording.snapshot(snapshot);
        }
    }

    fn samples(&mut self, _: &SampleBatch) {}

    fn warning(&mut self, text: &str, fields: &[(&'static str, String)]) {
        let log = &self.ticker.session.log;
        if text.starts_with("Insufficient VUs") {
            let text = "requests are dropped: as many as --max-concurrency allows are under way";
            return log.log(Level::Warning, text, &[]);
        }
        log.log(Level::Warning, text, fields);
    }
}
