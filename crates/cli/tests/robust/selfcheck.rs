//! Whether a run notices that its generator was disturbed, and only then.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use demo::{Target, TargetConfig, TargetHandle};

use super::squall::{Ended, Folder, Running, alone, is_slow, pause};

/// The CPU of the generator; the target and this test have the others where there are any.
const CPU: &str = "0";

struct Bench {
    target: TargetHandle,
    folder: Folder,
    script: String,
}

impl Bench {
    fn new() -> Bench {
        let folder = Folder::new();
        let script = folder.script(
            "import http from 'k6/http';
             import { check } from 'k6';
             export const options = { scenarios: { s: {
               executor: 'constant-arrival-rate', rate: 1000, timeUnit: '1s', duration: '2s', preAllocatedVUs: 50 } } };
             export default function () {
               check(http.get(`${__ENV.URL}/v1/results`), { ok: (r) => r.status === 200 });
             }",
        );
        Bench { target: Target::start(TargetConfig::on_free_port()).unwrap(), folder, script }
    }

    /// A run of two seconds on one core, pinned to `CPU`.
    fn start(&self) -> Running {
        let mut command = Command::new("taskset");
        let url = format!("URL={}", self.target.url());
        command.args([
            "-c",
            CPU,
            env!("CARGO_BIN_EXE_squall"),
            "run",
            "--no-record",
            "--cores",
            "1",
            "-e",
            &url,
        ]);
        self.folder.start(command.arg(&self.script))
    }

    fn wait_until_running(&self, running: &mut Running) {
        let before = self.target.served().received;
        super::squall::until("the first request", || {
            assert!(running.has_ended().is_none(), "{}", running.stderr());
            (self.target.served().received > before).then_some(())
        });
    }
}

/// The line about the generator.
fn verdict(ended: &Ended) -> String {
    let all = format!("{}\n{}", ended.stdout, ended.stderr);
    let line = all.lines().find(|line| line.trim_start().starts_with("generator "));
    line.unwrap_or_else(|| panic!("no verdict in\n{all}")).trim().to_owned()
}

fn is_flagged(verdict: &str) -> bool {
    !verdict.starts_with("generator kept up")
}

/// Runs `one` some times and says how often the run was flagged.
fn flagged(what: &str, rounds: usize, mut one: impl FnMut() -> Ended) -> usize {
    let mut n = 0;
    for round in 0..rounds {
        let line = verdict(&one().expect(0));
        println!("{what} {round}: {line}");
        n += usize::from(is_flagged(&line));
    }
    n
}

/// `fast` rounds, or with `SQUALL_SLOW=1` as many as the promise counts.
fn rounds(fast: usize, full: usize) -> usize {
    if is_slow() { full } else { fast }
}

struct Hog(Child);

impl Hog {
    fn start() -> Hog {
        let mut command = Command::new("taskset");
        command.args(["-c", CPU, "sh", "-c", "while :; do :; done"]);
        Hog(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_busy_loop_on_the_generators_core_is_flagged() {
    let _machine = alone();
    let bench = Bench::new();
    let rounds = rounds(2, 20);
    let n = flagged("busy loop", rounds, || {
        let _hog = Hog::start();
        bench.start().wait()
    });
    assert!(n + 1 >= rounds && n > 0, "{n} of {rounds}");
}

#[test]
fn a_stop_of_200_ms_is_flagged() {
    let _machine = alone();
    let bench = Bench::new();
    let rounds = rounds(2, 20);
    let n = flagged("stop", rounds, || {
        let mut running = bench.start();
        bench.wait_until_running(&mut running);
        pause(Duration::from_millis(700));
        running.signal(libc::SIGSTOP);
        pause(Duration::from_millis(200));
        running.signal(libc::SIGCONT);
        running.wait()
    });
    assert!(n + 1 >= rounds && n > 0, "{n} of {rounds}");
}

/// A cgroup with a CPU quota, removed at the end.
struct Quota(PathBuf);

impl Quota {
    /// `Err` says what this machine does not allow.
    fn open(percent: u32) -> Result<Quota, String> {
        let name = format!("squall-test-{}", std::process::id());
        let (v1, v2) = (PathBuf::from("/sys/fs/cgroup/cpu"), PathBuf::from("/sys/fs/cgroup"));
        let is_v1 = v1.join("cpu.cfs_quota_us").exists();
        let folder = if is_v1 { v1.join(name) } else { v2.join(name) };
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let quota = Quota(folder);
        let us = percent * 1000;
        let set = |file: &str, text: String| {
            let path = quota.0.join(file);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        if is_v1 {
            set("cpu.cfs_period_us", "100000".into())?;
            set("cpu.cfs_quota_us", us.to_string())?;
        } else {
            set("cpu.max", format!("{us} 100000"))?;
        }
        Ok(quota)
    }

    fn take(&self, running: &Running) {
        fs::write(self.0.join("cgroup.procs"), running.pid().to_string()).unwrap();
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_cpu_quota_that_bites_is_flagged() {
    let _machine = alone();
    // The smallest there is; the run would like twice as much and more.
    let quota = match Quota::open(1) {
        Ok(quota) => quota,
        Err(why) => return println!("skipped: a CPU quota needs a writable cgroup: {why}"),
    };
    let bench = Bench::new();
    let rounds = rounds(2, 20);
    let n = flagged("quota", rounds, || {
        let mut running = bench.start();
        bench.wait_until_running(&mut running);
        quota.take(&running);
        running.wait()
    });
    assert!(n + 1 >= rounds && n > 0, "{n} of {rounds}");
}

/// CPU time, seconds.
struct CpuTime {
    /// That somebody used, on all CPUs.
    used: f64,
    /// That this process used, with its ended children.
    own: f64,
    /// That the host gave to others.
    stolen: f64,
    /// All that passed, on all CPUs.
    passed: f64,
}

#[allow(unsafe_code)]
fn cpu_time() -> CpuTime {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let ticks = stat.lines().next().unwrap().split_ascii_whitespace().skip(1);
    // User, nice, system, idle, waiting, interrupts, soft interrupts, stolen; guests' are among the users'.
    let ticks: Vec<u64> = ticks.take(8).map(|t| t.parse().unwrap()).collect();
    let seconds = |of: &[usize]| of.iter().map(|i| ticks[*i]).sum::<u64>() as f64 / 100.0;
    let mut own = 0.0;
    for who in [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN] {
        // SAFETY: all zeros is a valid `rusage`, and getrusage writes one.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            assert_eq!(libc::getrusage(who, &raw mut usage), 0);
            usage
        };
        for time in [usage.ru_utime, usage.ru_stime] {
            own += time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        }
    }
    let (used, stolen) = (seconds(&[0, 1, 2, 5, 6]), seconds(&[7]));
    CpuTime { used, own, stolen, passed: seconds(&[0, 1, 2, 3, 4, 5, 6, 7]) }
}

#[test]
fn a_quiet_run_is_not_flagged() {
    let _machine = alone();
    let bench = Bench::new();
    let (wanted, attempts) = (rounds(2, 50), rounds(5, 150));
    let (mut quiet, mut flagged) = (0, 0);
    for _ in 0..attempts {
        let before = cpu_time();
        let start = rt::now();
        let line = verdict(&bench.start().wait().expect(0));
        let after = cpu_time();
        let foreign = ((after.used - before.used) - (after.own - before.own))
            / (rt::now() - start).as_secs_f64();
        let steal = (after.stolen - before.stolen) / (after.passed - before.passed);
        println!("foreign CPU {foreign:.2}, steal {:.1} %: {line}", steal * 100.0);
        // What counts as quiet in the benchmarks.
        if foreign < 0.1 && steal < 0.005 {
            quiet += 1;
            flagged += usize::from(is_flagged(&line));
        }
        if quiet == wanted {
            break;
        }
    }
    if quiet < wanted {
        println!("only {quiet} of {wanted} rounds were quiet: others use this machine");
    }
    assert!(
        flagged <= quiet / 50 + usize::from(quiet < 50) && flagged * 2 <= quiet,
        "{flagged} of {quiet}"
    );
}
