//! What the machine itself is like.

use std::fs;
use std::time::Duration;

use super::Check;
use crate::environment;
use crate::machine::{self, remedies};

/// Below this many descriptors a test of a thousand VUs fails.
const DESCRIPTORS_NEEDED: u64 = 1_024;
/// From here on no test of one machine runs out.
const DESCRIPTORS_PLENTY: u64 = 65_536;
/// A test that opens a connection for each request needs ports by the ten thousand.
const PORTS_PLENTY: u32 = 28_000;
/// Timers later than this at p99 mean that others use the machine.
const TIMER_P99_GOOD: Duration = Duration::from_micros(200);
/// How many timers the probe sets, one each millisecond.
const TIMER_PROBES: usize = 200;

/// Everything that needs no network.
pub(super) fn machine() -> Vec<Check> {
    let mut checks = vec![cores(), load(), memory(), descriptors(), ports(), clock(), timers()];
    checks.extend(governor());
    checks.push(runs_folder());
    checks
}

/// Programs that other commands or comparisons use.
pub(super) fn programs() -> Vec<Check> {
    [
        ("python3", "Locust files need it: https://www.python.org/downloads or your system's package `python3`"),
        ("k6", "only to compare results with k6: https://grafana.com/docs/k6/latest/set-up/install-k6"),
    ]
    .into_iter()
    .map(|(name, remedy)| match find_program(name) {
        Some(path) => Check::good(name, path),
        None => Check::note(name, "not found", remedy),
    })
    .collect()
}

fn find_program(name: &str) -> Option<String> {
    let path = environment::var("PATH")?;
    path.split(':').find_map(|folder| {
        let file = std::path::Path::new(folder).join(name);
        file.is_file().then(|| file.display().to_string())
    })
}

fn cores() -> Check {
    let cores = rt::thread::available_cores();
    match machine::cpu_quota() {
        Some(quota) if quota < 1.0 => Check::bad(
            "cores",
            format!("a cgroup grants only {quota:.2} of a core: every run will be throttled"),
            "give the container at least one whole CPU (docker --cpus 1, resources.limits.cpu: 1)",
        ),
        Some(quota) if quota.fract() > 0.01 => Check::note(
            "cores",
            format!("{cores} usable; a cgroup grants {quota:.2}"),
            "whole numbers of CPUs avoid throttling",
        ),
        Some(quota) => Check::good("cores", format!("{cores} usable (cgroup quota {quota:.0})")),
        None => Check::good("cores", format!("{cores} usable, no cgroup quota")),
    }
}

fn load() -> Check {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let Some(load) = text.split_whitespace().next().and_then(|w| w.parse::<f64>().ok()) else {
        return Check::note("load", "unknown on this system", "");
    };
    let cores = rt::thread::available_cores();
    let found = format!("load average {load:.2} on {cores} cores");
    if load > cores as f64 * 0.5 {
        Check::note(
            "load",
            found,
            "other programs want the cores; latencies will include waiting for them",
        )
    } else {
        Check::good("load", found)
    }
}

fn memory() -> Check {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available_kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|word| word.parse::<u64>().ok());
    let Some(kib) = available_kib else {
        return Check::note("memory", "unknown on this system", "");
    };
    let found = format!("{} MiB available", kib / 1024);
    if kib < 256 * 1024 {
        Check::note(
            "memory",
            found,
            "a VU of a plain script takes some 115 KiB: keep to a few hundred VUs",
        )
    } else {
        Check::good("memory", found)
    }
}

fn descriptors() -> Check {
    let limit = match machine::descriptor_limit() {
        Ok(limit) => limit,
        Err(error) => return Check::note("descriptors", format!("unknown: {error}"), ""),
    };
    let found = format!("{} now, {} at most", limit.soft, limit.hard);
    let remedy = remedies::descriptors();
    if limit.hard < DESCRIPTORS_NEEDED {
        Check::bad("descriptors", found, remedy)
    } else if limit.hard < DESCRIPTORS_PLENTY {
        Check::note("descriptors", format!("{found}: one for each open connection"), remedy)
    } else {
        Check::good("descriptors", format!("{found} (squall raises it by itself)"))
    }
}

fn ports() -> Check {
    let Some((first, last)) = machine::port_range() else {
        return Check::note("ports", "unknown on this system", "");
    };
    let count = last.saturating_sub(first) + 1;
    let found = format!("{count} for outgoing connections to one address ({first}-{last})");
    if count < PORTS_PLENTY {
        Check::note("ports", found, remedies::PORTS)
    } else {
        Check::good("ports", found)
    }
}

fn clock() -> Check {
    let folder = "/sys/devices/system/clocksource/clocksource0";
    let Ok(source) = fs::read_to_string(format!("{folder}/current_clocksource")) else {
        return Check::note("clock", "source unknown on this system", "");
    };
    let source = source.trim();
    match source {
        "tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page" => {
            Check::good("clock", format!("{source}, read without a system call"))
        }
        slow => Check::note(
            "clock",
            format!("{slow}: each reading costs a system call"),
            format!("`echo tsc > {folder}/current_clocksource` if tsc is in available_clocksource"),
        ),
    }
}

fn timers() -> Check {
    let late = match timer_lateness() {
        Ok(late) => late,
        Err(error) => return Check::bad("timers", format!("no event loop: {error}"), ""),
    };
    let (p50, p99) = (late[late.len() / 2], late[late.len() * 99 / 100]);
    let found =
        format!("wake-ups {} µs late at p50, {} µs at p99", p50.as_micros(), p99.as_micros());
    if p99 > TIMER_P99_GOOD {
        Check::note(
            "timers",
            found,
            "something else runs on these cores, or the machine is virtual and shared",
        )
    } else {
        Check::good("timers", found)
    }
}

/// How late each of [`TIMER_PROBES`] timers fired, sorted.
fn timer_lateness() -> std::io::Result<Vec<Duration>> {
    let mut core = rt::Core::new(rt::CoreConfig { spin: false })?;
    let mut late = core.block_on(async {
        let mut late = Vec::with_capacity(TIMER_PROBES);
        let mut due = rt::now();
        for _ in 0..TIMER_PROBES {
            due += Duration::from_millis(1);
            rt::sleep_until_precise(due).await;
            late.push(rt::now().since(due));
        }
        late
    });
    late.sort_unstable();
    Ok(late)
}

fn governor() -> Option<Check> {
    let text = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").ok()?;
    Some(match text.trim() {
        "performance" => Check::good("governor", "performance"),
        other => Check::note(
            "governor",
            format!("{other}: the clock speed follows the load"),
            "`cpupower frequency-set -g performance` makes runs comparable",
        ),
    })
}

fn runs_folder() -> Check {
    let Some(folder) = environment::data_folder() else {
        return Check::note(
            "records",
            "no home folder",
            "set HOME or XDG_DATA_HOME, or use --record DIR",
        );
    };
    let existing = folder.ancestors().find(|folder| folder.is_dir());
    let writable = existing.is_some_and(|folder| {
        fs::metadata(folder).is_ok_and(|meta| !meta.permissions().readonly())
    });
    if writable {
        Check::good("records", folder.display().to_string())
    } else {
        Check::note(
            "records",
            format!("{} can't be written", folder.display()),
            "use --record DIR or --no-record",
        )
    }
}
