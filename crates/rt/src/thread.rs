//! Starting threads: the one place that does.

use std::io;
use std::thread::JoinHandle;

/// Starts a named thread.
///
/// # Errors
/// When the system refuses another thread.
pub fn start<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Starts a named thread with a stack of its own size, bytes: for what recurses as deep as its input is nested. Only the
/// pages it touches take memory.
///
/// # Errors
/// When the system refuses another thread.
pub fn start_with_stack<T: Send + 'static>(
    name: &str,
    stack: usize,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(stack).spawn(body)
}

/// How many cores this process may use: its CPU affinity, cut down by the cgroup's CPU quota. At least 1.
#[must_use]
pub fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// CPU time this thread has used so far (user + system), nanoseconds; 0 where the system does not tell.
#[must_use]
pub fn cpu_time_ns() -> u64 {
    cpu_clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time all threads of this process have used so far, nanoseconds; 0 where the system does not tell.
#[must_use]
pub fn process_cpu_time_ns() -> u64 {
    cpu_clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

#[allow(unsafe_code)]
fn cpu_clock_ns(clock: libc::clockid_t) -> u64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `ts` is a valid timespec to write to.
    let rc = unsafe { libc::clock_gettime(clock, &raw mut ts) };
    if rc == 0 { ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64 } else { 0 }
}

/// The number of the CPU this thread runs on now, where the system tells.
#[must_use]
#[allow(unsafe_code)]
pub fn current_cpu() -> Option<usize> {
    #[cfg(target_os = "linux")]
    // SAFETY: has no arguments and touches no memory.
    let cpu = unsafe { libc::sched_getcpu() };
    #[cfg(not(target_os = "linux"))]
    let cpu = -1;
    usize::try_from(cpu).ok()
}
