//! SIGINT and SIGTERM, delivered to an ordinary thread through a pipe.
#![allow(unsafe_code)] // installing a handler is a system call; each block says why it is sound

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rt::Nanos;

/// A SIGTERM within this time is the one before it again: the kernel tells a process of its parent's death once for each
/// thread of the parent that it was handed on to ([`lead_a_group`]).
const SAME_DEATH: Duration = Duration::from_millis(500);

/// Write end of the pipe, for the handler; -1 before it is installed.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// A signal that asks the run to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// Go's name of it, as k6's texts have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupt",
            Self::Terminate => "terminated",
        }
    }
}

/// Sends a signal to a process; one that is gone is no error.
pub(crate) fn send(pid: u32, number: libc::c_int) {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return };
    // 0 and below would mean groups of processes.
    if pid > 0 {
        // SAFETY: kill touches no memory of this process.
        unsafe { libc::kill(pid, number) };
    }
}

/// Sends a signal to a process and to everything in the group it leads.
pub(crate) fn send_to_group(pid: u32, number: libc::c_int) {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return };
    // 0 and 1 would mean groups that are not the process's own.
    if pid > 1 {
        // SAFETY: kill touches no memory of this process.
        unsafe { libc::kill(-pid, number) };
    }
}

/// Makes a process that is to be started lead a group of its own, so that Ctrl-C at the terminal does not reach it, and
/// has it asked to end when the thread that starts it dies, by `kill -9` too (Linux only).
pub(crate) fn lead_a_group(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec only prctl runs, which is async-signal-safe and touches no memory.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            Ok(())
        });
    }
}

extern "C" fn handle(number: libc::c_int) {
    let byte = [u8::try_from(number).unwrap_or(0)];
    // SAFETY: write is async-signal-safe; the buffer is one valid byte; a bad descriptor only makes it fail.
    // The pipe is non-blocking: when it is full, enough signals are already waiting.
    unsafe { libc::write(PIPE.load(Ordering::Relaxed), byte.as_ptr().cast(), 1) };
}

/// Calls `on_signal` with every SIGINT and SIGTERM from now on, on a thread of its own.
///
/// # Errors
/// The system refused a pipe, a thread or the handler.
pub(crate) fn watch(on_signal: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    let (read, write) = pipe()?;
    PIPE.store(write.into_raw_fd(), Ordering::Relaxed);
    let reader = File::from(read);
    rt::thread::start("squall-signals", move || deliver(reader, on_signal))?;
    install(libc::SIGINT)?;
    install(libc::SIGTERM)
}

fn deliver(mut reader: File, mut on_signal: impl FnMut(Signal)) {
    let mut byte = [0];
    let mut terminated_at: Option<Nanos> = None;
    while reader.read_exact(&mut byte).is_ok() {
        match i32::from(byte[0]) {
            libc::SIGTERM => {
                let now = rt::now();
                if terminated_at.is_none_or(|before| now.since(before) > SAME_DEATH) {
                    terminated_at = Some(now);
                    on_signal(Signal::Terminate);
                }
            }
            _ => on_signal(Signal::Interrupt),
        }
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: pipe writes two descriptors to an array of two.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    for end in ends {
        // SAFETY: fcntl with these commands touches no memory; the descriptors were just made.
        unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: as above.
    unsafe { libc::fcntl(ends[1], libc::F_SETFL, libc::O_NONBLOCK) };
    // SAFETY: both descriptors are open and owned by nobody else.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

fn install(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: an all-zero sigaction is a valid value: no flags, empty mask, default action.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int) = handle;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler only calls async-signal-safe functions; the old action is not asked for.
    if unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
