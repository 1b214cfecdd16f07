//! Whether the generator kept up: each run measures itself and says so.
//!
//! A core beats every 10 ms; how late its beats are shows anything that kept it from running, whatever the reason:
//! another process on its CPU, a quota, a stopped process, a script that hogs it. The kernel's own accounts (time
//! waiting for a CPU, cgroup throttling, time stolen by the host) then tell the reason.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rt::{CoreStats, Nanos};

use crate::status::RunStatus;

/// Between two beats.
const BEAT: Duration = Duration::from_millis(10);
/// A single gap as long as this is worth telling: nothing but a stopped or starved generator makes it.
const STALL: Duration = Duration::from_millis(80);
/// Share of the time a core may wait for a CPU before it is worth telling, and before it spoils the run.
const STARVED: (f64, f64) = (0.05, 0.25);
/// CPU share of a core above which the generator is the limit.
const SATURATED: f64 = 0.95;
/// Share of the time its CPUs may work for others (other processes, not at a lower priority) before it is worth telling.
/// A scheduler may serve a light generator well all the same, but nobody can promise it will.
const SHARED: f64 = 0.5;
/// Share of the time lost to a cgroup quota or to the host.
const LOST: (f64, f64) = (0.01, 0.10);
/// Open-loop starts later than this at p99 spoil what was measured from the intended start, milliseconds.
const LATE_P99_MS: (f64, f64) = (5.0, 50.0);
/// Shorter runs say nothing about shares of time.
const SHORTEST: Duration = Duration::from_millis(500);

/// What the kernel says about a thread and the machine.
#[derive(Debug, Clone, Default)]
struct Accounts {
    cpu_ns: u64,
    /// CPU time of all threads of the process.
    process_ns: u64,
    /// Time the thread was ready to run and had no CPU.
    waited_ns: u64,
    throttled_us: u64,
    steal_ticks: u64,
    all_ticks: u64,
    /// Ticks each CPU has worked, low priorities not counted.
    busy_ticks: Vec<u64>,
}

impl Accounts {
    fn read() -> Accounts {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let (steal_ticks, all_ticks) = host_ticks(&stat).unwrap_or_default();
        Accounts {
            cpu_ns: rt::thread::cpu_time_ns(),
            waited_ns: run_delay_ns().unwrap_or_default(),
            throttled_us: throttled_us().unwrap_or_default(),
            steal_ticks,
            all_ticks,
            process_ns: rt::thread::process_cpu_time_ns(),
            busy_ticks: busy_ticks(&stat),
        }
    }
}

fn run_delay_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Microseconds this process's cgroup was throttled (cgroup v2, else v1).
fn throttled_us() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let (root, key, unit) = match controllers {
            "" => ("/sys/fs/cgroup", "throttled_usec", 1),
            c if c.split(',').any(|c| c == "cpu") => ("/sys/fs/cgroup/cpu", "throttled_time", 1000),
            _ => continue,
        };
        for at in [format!("{root}{path}/cpu.stat"), format!("{root}/cpu.stat")] {
            let Ok(text) = std::fs::read_to_string(at) else { continue };
            let value =
                text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
            if let Some(value) = value {
                return Some(value / unit);
            }
        }
    }
    None
}

/// A line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn ticks(line: &str) -> Vec<u64> {
    line.split_ascii_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect()
}

/// Ticks stolen by the host, and all ticks, of all CPUs.
fn host_ticks(stat: &str) -> Option<(u64, u64)> {
    let ticks = ticks(stat.lines().next()?);
    Some((*ticks.get(7)?, ticks.iter().take(8).sum()))
}

/// By CPU number, ticks worked; low priorities are left out, since they give way.
fn busy_ticks(stat: &str) -> Vec<u64> {
    let mut busy = Vec::new();
    for line in stat.lines().skip(1) {
        let number = line.strip_prefix("cpu").and_then(|rest| rest.split(' ').next()?.parse().ok());
        let Some(number) = number.filter(|n: &usize| *n < MAX_CPUS) else { break };
        // CPUs that are off have no line.
        busy.resize(number + 1, 0);
        let ticks = ticks(line);
        busy[number] = [0, 2, 5, 6].iter().filter_map(|i| ticks.get(*i)).sum();
    }
    busy
}

/// Ticks of `/proc/stat` in a second, on every Linux there is.
const TICKS_PER_S: f64 = 100.0;
/// More CPUs are not looked at.
const MAX_CPUS: usize = 4096;

/// How late a core's beats were.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    /// Beats by the logarithm (base 2) of their lateness in microseconds.
    buckets: RefCell<[u64; 32]>,
    worst: Cell<Duration>,
    /// Accounts and loop statistics when the run's clock started, and that time.
    base: RefCell<Option<(Nanos, Accounts, CoreStats)>>,
    /// Beats by the CPU they were on.
    cpus: RefCell<Vec<u64>>,
}

impl Heartbeat {
    /// Beats for ever; counts from the moment the run's clock has started.
    pub(crate) async fn beat(beats: Rc<Heartbeat>, status: Arc<RunStatus>) {
        let mut next = rt::now() + BEAT;
        loop {
            rt::sleep_until(next).await;
            let now = rt::now();
            if RunStatus::read(&status.started_ns) > 0 {
                if beats.base.borrow().is_none() {
                    beats.base.replace(Some((now, Accounts::read(), rt::stats())));
                } else {
                    beats.was_on(rt::thread::current_cpu());
                    let late = now - next;
                    beats.worst.set(beats.worst.get().max(late));
                    let us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
                    beats.buckets.borrow_mut()[(64 - us.leading_zeros()).min(31) as usize] += 1;
                }
            }
            next = now + BEAT;
        }
    }

    fn was_on(&self, cpu: Option<usize>) {
        let Some(cpu) = cpu.filter(|cpu| *cpu < MAX_CPUS) else { return };
        let mut cpus = self.cpus.borrow_mut();
        if cpus.len() <= cpu {
            cpus.resize(cpu + 1, 0);
        }
        cpus[cpu] += 1;
    }

    /// Share of `elapsed` that the CPUs of this thread worked for other processes, each CPU counting for the time this
    /// thread was on it. All that this process used is taken off, wherever it ran: rather too little than too much.
    fn shared(&self, base: &Accounts, end: &Accounts, elapsed: Duration) -> f64 {
        let cpus = self.cpus.borrow();
        let beats: u64 = cpus.iter().sum();
        let worked = |cpu: usize| {
            let ticks = |of: &Accounts| of.busy_ticks.get(cpu).copied();
            Some(ticks(end)?.saturating_sub(ticks(base)?) as f64 / TICKS_PER_S)
        };
        let mine = cpus.iter().enumerate().filter(|(_, n)| **n > 0);
        let seconds: f64 =
            mine.map(|(cpu, n)| worked(cpu).unwrap_or(0.0) * *n as f64 / beats as f64).sum();
        let own = end.process_ns.saturating_sub(base.process_ns) as f64 / 1e9;
        ((seconds - own) / elapsed.as_secs_f64().max(1e-9)).clamp(0.0, 1.0)
    }

    /// Upper bound of the p-th percentile of lateness.
    fn percentile(&self, p: f64) -> Duration {
        let buckets = self.buckets.borrow();
        let total: u64 = buckets.iter().sum();
        let mut left = (total as f64 * p / 100.0).ceil() as u64;
        for (log, n) in buckets.iter().enumerate() {
            if *n >= left {
                return Duration::from_micros((1u64 << log) - 1).min(self.worst.get());
            }
            left -= n;
        }
        self.worst.get()
    }
}

/// What a core did with its time while the run's clock ran.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CoreWork {
    /// Time looked at.
    pub elapsed: Duration,
    /// CPU time used, spinning included.
    pub cpu: Duration,
    /// Of it, spinning before precise starts: work that would yield to anything useful.
    pub spun: Duration,
    /// Time it was ready and had no CPU.
    pub starved: Duration,
    /// Longest time between two looks at sockets and timers.
    pub longest_stretch: Duration,
    /// Lateness of the 10 ms beat, 99th percentile (upper bound of a factor-two bucket).
    pub beat_p99: Duration,
    /// The worst lateness of the beat.
    pub beat_worst: Duration,
    /// Time the cgroup was throttled meanwhile.
    pub throttled: Duration,
    /// Share of the machine's time that the host took away.
    pub steal: f64,
    /// Share of the time that the CPUs it ran on worked for other processes.
    pub shared: f64,
}

impl CoreWork {
    /// Looks at the calling thread.
    pub(crate) fn of_this_thread(beats: &Heartbeat) -> CoreWork {
        let base = beats.base.borrow();
        let Some((since, base, stats)) = &*base else { return CoreWork::default() };
        let (now, end, loop_end) = (rt::now(), Accounts::read(), rt::stats());
        let ticks = end.all_ticks.saturating_sub(base.all_ticks).max(1);
        CoreWork {
            elapsed: now - *since,
            cpu: Duration::from_nanos(end.cpu_ns.saturating_sub(base.cpu_ns)),
            spun: Duration::from_nanos(loop_end.spin_ns.saturating_sub(stats.spin_ns)),
            starved: Duration::from_nanos(end.waited_ns.saturating_sub(base.waited_ns)),
            longest_stretch: Duration::from_nanos(loop_end.longest_stretch_ns),
            beat_p99: beats.percentile(99.0),
            beat_worst: beats.worst.get(),
            throttled: Duration::from_micros(end.throttled_us.saturating_sub(base.throttled_us)),
            steal: end.steal_ticks.saturating_sub(base.steal_ticks) as f64 / ticks as f64,
            shared: beats.shared(base, &end, now - *since),
        }
    }

    fn share(self, part: Duration) -> f64 {
        part.as_secs_f64() / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Whether the numbers of a run can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The generator kept up.
    Valid,
    /// Something got in its way; numbers may be a little off.
    Degraded,
    /// The generator, not the target, was the limit.
    Invalid,
}

/// The self-check of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct SelfCheck {
    /// The worst of the reasons.
    pub verdict: Verdict,
    /// What was seen, in words, worst first.
    pub reasons: Vec<String>,
    /// Each core's account.
    pub cores: Vec<CoreWork>,
    /// Open-loop starts: lateness p50, p99 and worst in milliseconds, if there were any.
    pub lateness_ms: Option<(f64, f64, f64)>,
    /// Raw samples that an output could not take.
    pub dropped_samples: u64,
}

impl SelfCheck {
    /// Judges a run by what its cores and its arrivals saw.
    #[must_use]
    pub fn judge(
        cores: Vec<CoreWork>,
        lateness_ms: Option<(f64, f64, f64)>,
        dropped_samples: u64,
    ) -> SelfCheck {
        let mut found: Vec<(Verdict, String)> = Vec::new();
        let mut note = |value: f64, limits: (f64, f64), text: String| {
            if value > limits.1 {
                found.push((Verdict::Invalid, text));
            } else if value > limits.0 {
                found.push((Verdict::Degraded, text));
            }
        };
        for (idx, core) in cores.iter().enumerate() {
            if core.beat_worst >= STALL {
                let text = format!("core {idx} stood still for {:.0} ms", millis(core.beat_worst));
                note(millis(core.beat_worst), (0.0, 1000.0), text);
            }
            if core.elapsed < SHORTEST {
                continue;
            }
            let starved = core.share(core.starved);
            note(
                starved,
                STARVED,
                format!("core {idx} waited {:.0} % of the time for a CPU", starved * 100.0),
            );
            let text =
                format!("other processes used {:.0} % of core {idx}'s CPU", core.shared * 100.0);
            note(core.shared, (SHARED, f64::INFINITY), text);
            let busy = core.share(core.cpu.saturating_sub(core.spun));
            let text = format!(
                "core {idx} was busy {:.0} % of the time: the generator was the limit",
                busy * 100.0
            );
            note(busy, (SATURATED, f64::INFINITY), text);
        }
        if let Some(first) =
            cores.iter().max_by_key(|core| core.elapsed).filter(|c| c.elapsed >= SHORTEST)
        {
            let throttled = first.share(first.throttled);
            note(
                throttled,
                LOST,
                format!("the CPU quota took {:.0} % of the time", throttled * 100.0),
            );
            note(
                first.steal,
                LOST,
                format!("the host took {:.1} % of the CPU time", first.steal * 100.0),
            );
        }
        if let Some((_, p99, _)) = lateness_ms {
            note(p99, LATE_P99_MS, format!("iterations started up to {p99:.1} ms late (p99)"));
        }
        if dropped_samples > 0 {
            note(
                1.0,
                (0.0, f64::INFINITY),
                format!("{dropped_samples} samples never reached an output"),
            );
        }
        found.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        let verdict = found.first().map_or(Verdict::Valid, |(verdict, _)| *verdict);
        let reasons = found.into_iter().map(|(_, text)| text).collect();
        SelfCheck { verdict, reasons, cores, lateness_ms, dropped_samples }
    }
}

fn millis(d: Duration) -> f64 {
    d.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  300 10 60 900 5 1 2 40 0 0\ncpu0 200 10 40 400 5 1 2 20 0 0\n\
                        cpu2 100 0 20 500 0 0 0 20 0 0\nintr 12345 0 1\n";

    #[test]
    fn busy_ticks_leave_out_idling_waiting_stolen_and_low_priority_time() {
        assert_eq!(busy_ticks(STAT), [243, 0, 120]);
        assert_eq!(host_ticks(STAT), Some((40, 1318)));
        assert_eq!(busy_ticks(""), [0; 0]);
        assert_eq!(host_ticks("cpu"), None);
    }

    fn accounts(process_s: f64, busy_s: &[f64]) -> Accounts {
        Accounts {
            process_ns: (process_s * 1e9) as u64,
            busy_ticks: busy_s.iter().map(|s| (s * TICKS_PER_S) as u64).collect(),
            ..Accounts::default()
        }
    }

    #[test]
    fn cpus_count_for_the_time_the_core_was_on_them_less_what_the_process_used() {
        let second = Duration::from_secs(1);
        for (on, process_s, busy_s, expected) in [
            (&[0, 0, 0][..], 0.1, [1.0, 0.0], 0.9),
            (&[0, 0, 0], 1.0, [1.0, 0.0], 0.0),
            (&[1, 1, 1], 0.1, [1.0, 0.1], 0.0),
            (&[0, 1], 0.1, [1.0, 0.0], 0.4),
            (&[0, 1], 1.5, [1.0, 1.0], 0.0),
            (&[], 0.0, [1.0, 1.0], 0.0),
            (&[7], 0.0, [1.0, 1.0], 0.0),
        ] {
            let beats = Heartbeat::default();
            on.iter().for_each(|cpu| beats.was_on(Some(*cpu)));
            let shared =
                beats.shared(&accounts(0.0, &[0.0, 0.0]), &accounts(process_s, &busy_s), second);
            assert!((shared - expected).abs() < 0.02, "{on:?} {process_s} {busy_s:?}: {shared}");
        }
    }

    fn quiet() -> CoreWork {
        CoreWork {
            elapsed: Duration::from_secs(10),
            cpu: Duration::from_secs(3),
            spun: Duration::from_secs(1),
            starved: Duration::from_millis(30),
            longest_stretch: Duration::from_millis(2),
            beat_p99: Duration::from_micros(255),
            beat_worst: Duration::from_millis(4),
            throttled: Duration::ZERO,
            steal: 0.002,
            shared: 0.1,
        }
    }

    #[test]
    fn each_disturbance_is_told_and_a_quiet_core_is_not() {
        let lateness = Some((0.01, 0.1, 4.0));
        assert_eq!(SelfCheck::judge(vec![quiet()], lateness, 0).verdict, Verdict::Valid);
        let seconds = Duration::from_secs;
        for (core, verdict, said) in [
            (CoreWork { shared: 0.9, ..quiet() }, Verdict::Degraded, "other processes used 90 %"),
            (CoreWork { starved: seconds(1), ..quiet() }, Verdict::Degraded, "waited 10 %"),
            (CoreWork { starved: seconds(5), ..quiet() }, Verdict::Invalid, "waited 50 %"),
            (
                CoreWork { cpu: seconds(10), spun: seconds(0), ..quiet() },
                Verdict::Degraded,
                "was busy 100 %",
            ),
            (
                CoreWork { beat_worst: Duration::from_millis(190), ..quiet() },
                Verdict::Degraded,
                "stood still for 190 ms",
            ),
            (CoreWork { throttled: seconds(4), ..quiet() }, Verdict::Invalid, "quota took 40 %"),
            (CoreWork { steal: 0.05, ..quiet() }, Verdict::Degraded, "host took 5.0 %"),
        ] {
            let check = SelfCheck::judge(vec![quiet(), core], lateness, 0);
            assert_eq!(check.verdict, verdict, "{said}");
            assert!(check.reasons.iter().any(|r| r.contains(said)), "{said}: {:?}", check.reasons);
        }
    }
}
