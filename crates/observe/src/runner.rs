//! The thread that all probes of a run live on.
//!
//! Each probe is a task: it looks, waits for the next interval, looks again, whatever the others do. A look that takes
//! too long is dropped; after a failure the next look comes later and later, up to [`MAX_BACKOFF`]. When the run is over
//! every probe finishes, all at once and in bounded time.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::{Event, SampleBatch, Snapshot, Table};
use rt::Nanos;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::desk::Desk;
use crate::observation::Observation;
use crate::probe::{Probe, ProbeError, Source};

/// What signs the snapshots of probes; agents that make load have small numbers.
pub const AGENT: u32 = u32::MAX - 1;
/// The longest pause after failures.
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// How much longer than its patience the end of a run waits for the thread.
const STOP_SLACK: Duration = Duration::from_secs(2);
/// Most events of one probe about its own failures; a source that flickers must not fill the record.
const MAX_FAILURES_TOLD: u32 = 50;
/// Offsets of clocks are told again when they change by more than this.
const CLOCK_CHANGE: Duration = Duration::from_millis(100);

/// How to watch.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// From one look of a probe to its next.
    pub interval: Duration,
    /// Single samples are delivered too: outputs want them.
    pub samples: bool,
}

/// What probes saw.
#[derive(Debug)]
pub enum Delivered {
    /// Gauges: the change since the last snapshot, signed by [`AGENT`]. A gauge's own time is `last_unix_ns`.
    Snapshot {
        /// The snapshot.
        snapshot: Box<Snapshot>,
        /// Its values are of now. Otherwise they are of a time that has passed: those of queries over the whole run.
        is_live: bool,
    },
    /// The same values one by one, if they are wanted.
    Samples(Box<SampleBatch>),
    /// Something happened. Of kind `probe-failed`: the user should know.
    Event(Event),
    /// A table; it replaces an earlier one of the same source and name.
    Table(Table),
}

/// What became of a run's probes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ended {
    /// Deliveries that nobody took, and samples beyond bounds.
    pub lost: u64,
    /// CPU the thread used, in cores, over its whole life.
    pub cpu_cores: f64,
    /// The thread did not end in time: a probe is stuck.
    pub is_stuck: bool,
}

/// The probes of a run in progress.
pub struct Observer {
    stop: watch::Sender<Option<Duration>>,
    ended: Receiver<Ended>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

impl Observer {
    /// Starts watching. `deliver` is called on the observer's thread and must not wait; it says whether it took what it
    /// was given, and what it did not take is counted.
    ///
    /// # Errors
    /// The system refuses a thread or a descriptor.
    pub fn start(
        probes: Vec<Box<dyn Probe>>,
        config: Config,
        deliver: impl FnMut(Delivered) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(None);
        let (end, ended) = channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let body = move || {
            let began = (rt::now(), rt::thread::cpu_time_ns());
            let desk = Rc::new(RefCell::new(Desk::new(config.samples, Box::new(deliver))));
            LocalSet::new().block_on(&runtime, watch_all(probes, config, &desk, stopped));
            // Names being resolved and the like are not waited for.
            runtime.shutdown_background();
            let cpu_ns = rt::thread::cpu_time_ns().saturating_sub(began.1);
            let elapsed = rt::now().since(began.0).as_secs_f64().max(1e-9);
            let lost = desk.borrow().lost;
            let cpu_cores = cpu_ns as f64 / 1e9 / elapsed;
            let _ = end.send(Ended { lost, cpu_cores, is_stuck: false });
        };
        let thread = rt::thread::start("squall-observe", body)?;
        Ok(Self { stop, ended, thread })
    }

    /// The run is over: every probe finishes, in `patience` at most.
    pub fn stop(self, patience: Duration) -> Ended {
        self.stop.send_replace(Some(patience));
        match self.ended.recv_timeout(patience + STOP_SLACK) {
            Ok(ended) => {
                let _ = self.thread.join();
                ended
            }
            Err(RecvTimeoutError::Disconnected) => Ended::default(),
            Err(RecvTimeoutError::Timeout) => Ended { is_stuck: true, ..Ended::default() },
        }
    }
}

type SharedDesk = Rc<RefCell<Desk>>;

async fn watch_all(
    probes: Vec<Box<dyn Probe>>,
    config: Config,
    desk: &SharedDesk,
    mut stopped: watch::Receiver<Option<Duration>>,
) {
    let began_unix_ns = rt::unix_nanos();
    let n = u32::try_from(probes.len()).unwrap_or(u32::MAX).max(1);
    let mut tasks = Vec::new();
    for (probe, nth) in probes.into_iter().zip(0..) {
        // Spread over the interval, so that they do not all wake at once.
        let first = rt::now() + config.interval * nth / n;
        let watched = Watched {
            name: probe.name().to_owned(),
            source: probe.source(),
            probe,
            desk: Rc::clone(desk),
            began_unix_ns,
            clock: Clock::default(),
            told_clock: None,
            streak: None,
            told: 0,
            troubles: Vec::new(),
        };
        let (name, source) = (watched.name.clone(), watched.source);
        let task = tokio::task::spawn_local(watched.live(config.interval, first, stopped.clone()));
        tasks.push((name, source, task));
    }
    measure_self(config.interval, desk, &mut stopped).await;
    for (name, source, task) in tasks {
        if let Err(error) = task.await {
            // A bug of ours in one probe is no reason to end anything else.
            let text = format!("the probe {name} has a defect and watches no more: {error}");
            let event = Event::new(rt::unix_nanos(), source.as_str(), "probe-failed", &name, &text);
            desk.borrow_mut().event(event);
        }
    }
}

/// What comes of some work; `None` when the run is over first.
async fn unless_over<T>(
    stopped: &mut watch::Receiver<Option<Duration>>,
    work: impl Future<Output = T>,
) -> Option<T> {
    // Whoever started this being gone is an end as well.
    let mut over = pin!(async { drop(stopped.wait_for(Option::is_some).await) });
    let mut work = pin!(work);
    std::future::poll_fn(|cx| {
        if over.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Tells what watching costs, until the run is over.
async fn measure_self(
    interval: Duration,
    desk: &SharedDesk,
    stopped: &mut watch::Receiver<Option<Duration>>,
) {
    let mut before = (rt::now(), rt::thread::cpu_time_ns());
    loop {
        let pause = sleep(interval.max(Duration::from_secs(1)));
        if unless_over(stopped, pause).await.is_none() {
            return;
        }
        let now = (rt::now(), rt::thread::cpu_time_ns());
        let elapsed = now.0.since(before.0).as_secs_f64();
        if elapsed > 0.0 {
            let cores = now.1.saturating_sub(before.1) as f64 / 1e9 / elapsed;
            let mut desk = desk.borrow_mut();
            desk.own("observer_cpu_cores", "observer", cores);
            desk.flush(true);
        }
        before = now;
    }
}

/// Failures since the last look that succeeded.
struct Streak {
    since_unix_ns: u64,
    attempts: u32,
    text: String,
}

/// A probe and how it stands.
struct Watched {
    name: String,
    source: Source,
    probe: Box<dyn Probe>,
    desk: SharedDesk,
    began_unix_ns: u64,
    clock: Clock,
    /// Offset and uncertainty as they were told last.
    told_clock: Option<(i64, Duration)>,
    streak: Option<Streak>,
    told: u32,
    /// Parts in trouble at the last look.
    troubles: Vec<String>,
}

impl Watched {
    async fn live(
        mut self,
        interval: Duration,
        first: Nanos,
        mut stopped: watch::Receiver<Option<Duration>>,
    ) {
        let mut due = first;
        loop {
            let pause = sleep(due.since(rt::now()));
            let is_over = unless_over(&mut stopped, pause).await.is_none();
            if is_over || self.look(&mut stopped).await {
                break;
            }
            due = self.next(due, interval);
        }
        let patience = stopped.borrow().unwrap_or_default();
        self.finish(patience).await;
    }

    /// When to look next: at the next whole interval that has not passed, or later after failures.
    fn next(&self, due: Nanos, interval: Duration) -> Nanos {
        let now = rt::now();
        if let Some(streak) = &self.streak {
            let factor = 1u32 << streak.attempts.saturating_sub(1).min(10);
            return now + interval.saturating_mul(factor).min(MAX_BACKOFF.max(interval));
        }
        let late = now.since(due);
        let missed = (late.as_nanos() / interval.as_nanos().max(1)) as u32;
        due + interval.saturating_mul(missed.saturating_add(1))
    }

    /// One look; whether the run is over.
    async fn look(&mut self, stopped: &mut watch::Receiver<Option<Duration>>) -> bool {
        let mut out = self.observation();
        let patience = self.probe.patience();
        let looking = timeout(patience, self.probe.look(&mut out));
        let outcome = unless_over(stopped, looking).await;
        self.keep(&mut out, true);
        match outcome {
            None => return true,
            Some(Ok(Ok(()))) => {
                self.recovered();
                self.tell_troubles(&out);
            }
            Some(Ok(Err(error))) => self.failed(&error),
            Some(Err(_)) => {
                let text = format!("no answer within {:.0} s", patience.as_secs_f64());
                self.failed(&ProbeError::new(text));
            }
        }
        false
    }

    async fn finish(&mut self, patience: Duration) {
        let mut out = self.observation();
        let outcome = timeout(patience, self.probe.finish(&mut out)).await;
        self.keep(&mut out, false);
        let why = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {:.0} s", patience.as_secs_f64())),
        };
        match why {
            // That it can't be reached has been told.
            Some(why) if self.streak.is_none() => {
                let text = format!(
                    "{}: what is asked at the end of the run is missing: {why}",
                    self.title()
                );
                self.tell("probe-failed", &text, &[("error", why)]);
            }
            _ => self.tell_troubles(&out),
        }
    }

    fn observation(&self) -> Observation {
        Observation::new(&self.name, self.source, self.began_unix_ns, self.clock)
    }

    fn title(&self) -> String {
        if self.name == self.source.as_str() {
            self.name.clone()
        } else {
            format!("{} ({})", self.name, self.source)
        }
    }

    fn keep(&mut self, out: &mut Observation, is_live: bool) {
        self.clock = out.clock;
        self.desk.borrow_mut().take(&self.name, out, is_live);
        self.tell_clock(!is_live);
    }

    /// Tells the offset of the source's clock when it is known first, when it has changed, and at the end when it is
    /// known better.
    fn tell_clock(&mut self, is_end: bool) {
        let (Some(offset), Some(uncertainty)) = (self.clock.offset_ns(), self.clock.uncertainty())
        else {
            return;
        };
        let is_news = match self.told_clock {
            None => true,
            Some((told, told_uncertainty)) => {
                let change = Duration::from_nanos(offset.abs_diff(told));
                change > CLOCK_CHANGE + uncertainty + told_uncertainty
                    || is_end && uncertainty < told_uncertainty / 2
            }
        };
        if !is_news {
            return;
        }
        self.told_clock = Some((offset, uncertainty));
        let offset_ms = offset as f64 / 1e6;
        let uncertainty_ms = uncertainty.as_secs_f64() * 1e3;
        let side = if offset < 0 { "behind" } else { "ahead of" };
        let text = format!(
            "the clock of {} is {:.1} ms {side} ours (± {uncertainty_ms:.1} ms); times are corrected",
            self.title(),
            offset_ms.abs(),
        );
        let fields = [
            ("offset_ms", format!("{offset_ms:.3}")),
            ("uncertainty_ms", format!("{uncertainty_ms:.3}")),
        ];
        self.tell("clock", &text, &fields);
    }

    fn recovered(&mut self) {
        self.desk.borrow_mut().own("observer_probe_up", &self.name, 1.0);
        let Some(streak) = self.streak.take() else { return };
        let blind_s = rt::unix_nanos().saturating_sub(streak.since_unix_ns) as f64 / 1e9;
        let text = format!("{} is watched again after {blind_s:.1} s", self.title());
        let fields =
            [("blind_s", format!("{blind_s:.3}")), ("attempts", streak.attempts.to_string())];
        self.tell_failure("probe-recovered", &text, &fields);
    }

    fn failed(&mut self, error: &ProbeError) {
        {
            let mut desk = self.desk.borrow_mut();
            desk.own("observer_probe_up", &self.name, 0.0);
            desk.flush(true);
        }
        let now = rt::unix_nanos();
        let reason = error.to_string();
        let is_news = self.streak.as_ref().is_none_or(|streak| streak.text != reason);
        let streak = self.streak.get_or_insert_with(|| Streak {
            since_unix_ns: now,
            attempts: 0,
            text: String::new(),
        });
        streak.attempts = streak.attempts.saturating_add(1);
        streak.text.clone_from(&reason);
        if is_news {
            let text = format!("{} can't be watched, it is tried again: {reason}", self.title());
            self.tell_failure("probe-failed", &text, &[("error", reason)]);
        }
    }

    fn tell_troubles(&mut self, out: &Observation) {
        let before = std::mem::take(&mut self.troubles);
        for (part, reason) in &out.troubles {
            if !before.contains(part) {
                let text = format!("{}: {part}: {reason}", self.title());
                let fields = [("part", part.clone()), ("error", reason.clone())];
                self.tell_failure("probe-failed", &text, &fields);
            }
            self.troubles.push(part.clone());
        }
    }

    fn tell_failure(&mut self, kind: &str, text: &str, fields: &[(&str, String)]) {
        self.told += 1;
        if self.told <= MAX_FAILURES_TOLD {
            self.tell(kind, text, fields);
        }
    }

    fn tell(&self, kind: &str, text: &str, fields: &[(&str, String)]) {
        let event = Event::new(rt::unix_nanos(), self.source.as_str(), kind, &self.name, text);
        let event = fields.iter().fold(event, |event, (name, value)| event.with(name, value));
        self.desk.borrow_mut().event(event.with("probe", &self.name));
    }
}

#[cfg(test)]
mod tests;
