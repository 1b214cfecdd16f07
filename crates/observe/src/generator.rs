//! This program itself: CPU and memory of its process and of the processes it started (a Locust file's Python).

use metrics::Contains;
use rt::Nanos;

use crate::observation::Observation;
use crate::probe::{Looking, Probe, ProbeError, Source};

/// Most processes below ours that are looked at.
const MAX_CHILDREN: usize = 256;
/// What the kernel counts CPU time in, whatever its own tick: `USER_HZ`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Looks at our own process.
pub struct GeneratorProbe {
    before: Option<Usage>,
}

#[derive(Clone, Copy)]
struct Usage {
    at: Nanos,
    own_cpu_ns: u64,
    children_ticks: u64,
}

impl Default for GeneratorProbe {
    fn default() -> Self {
        Self::new()
    }
}

impl GeneratorProbe {
    /// A probe of this process.
    pub fn new() -> Self {
        Self { before: None }
    }

    fn look(&mut self, out: &mut Observation) {
        let mut memory = memory_bytes("self");
        let mut children_ticks = 0;
        for pid in children() {
            children_ticks += ticks(pid).unwrap_or(0);
            if let (Some(sum), Some(more)) = (&mut memory, memory_bytes(&pid.to_string())) {
                *sum += more;
            }
        }
        let now =
            Usage { at: rt::now(), own_cpu_ns: rt::thread::process_cpu_time_ns(), children_ticks };
        if let Some(before) = self.before.replace(now) {
            let elapsed = now.at.since(before.at).as_secs_f64();
            if elapsed > 0.0 {
                let own_s = now.own_cpu_ns.saturating_sub(before.own_cpu_ns) as f64 / 1e9;
                // A child that has ended takes its time with it.
                let children_s = now.children_ticks.saturating_sub(before.children_ticks) as f64
                    / TICKS_PER_SECOND;
                let cores = (own_s + children_s) / elapsed;
                out.gauge("generator_cpu_cores", &[], cores, Contains::Default);
            }
        }
        if let Some(memory) = memory {
            out.gauge("generator_memory_bytes", &[], memory as f64, Contains::Data);
        }
    }
}

impl Probe for GeneratorProbe {
    fn name(&self) -> &str {
        "generator"
    }

    fn source(&self) -> Source {
        Source::Generator
    }

    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        self.look(out);
        Box::pin(std::future::ready(Ok::<(), ProbeError>(())))
    }
}

/// All processes below ours. Where the system does not tell, none.
fn children() -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let mut next = vec!["self".to_owned()];
    while let Some(process) = next.pop() {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { continue };
        for thread in threads.flatten() {
            let list = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            for pid in list.split_whitespace().filter_map(|pid| pid.parse().ok()) {
                if found.len() < MAX_CHILDREN && !found.contains(&pid) {
                    found.push(pid);
                    next.push(pid.to_string());
                }
            }
        }
    }
    found
}

/// CPU time of a process so far.
fn ticks(pid: u32) -> Option<u64> {
    parse_ticks(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// User and system time in `/proc/PID/stat`: the 14th and 15th field; the second holds the name, blanks and brackets too.
fn parse_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

fn memory_bytes(process: &str) -> Option<u64> {
    parse_memory(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

fn parse_memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn the_kernels_files_are_read_whatever_a_process_is_called() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 1 0 100 1000 10";
        assert_eq!(parse_ticks(stat), Some(12));
        for text in ["", "42 (a", "42 (a) S 1", "1 (a) S 1 1 1 0 -1 1 1 0 0 0 x 5"] {
            assert_eq!(parse_ticks(text), None, "{text}");
        }
        assert_eq!(parse_memory("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(parse_memory("VmRSS:\n"), None);
    }

    #[test]
    fn our_own_process_uses_cpu_and_memory() {
        let mut probe = GeneratorProbe::new();
        let mut sum = 0u64;
        for look in 0..2 {
            let mut out = Observation::new("generator", Source::Generator, 0, Clock::default());
            probe.look(&mut out);
            let names: Vec<&str> = out.samples().iter().map(|s| s.metric.as_str()).collect();
            if look == 1 {
                assert!(names.contains(&"generator_cpu_cores"), "{names:?}");
                assert!(out.samples()[0].value > 0.0);
            }
            if cfg!(target_os = "linux") {
                assert!(names.contains(&"generator_memory_bytes"), "{names:?}");
            }
            sum = (0..2_000_000u64).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert_ne!(sum, 1);
    }
}
