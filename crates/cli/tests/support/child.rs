//! Children of tests: told things by signals, looked at until they are where they should be, ended when they take too
//! long. Shared by the test binaries that start programs.
#![allow(dead_code, reason = "each test binary uses what it needs")]

use std::process::{Child, Output};
use std::sync::mpsc;
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Lets time pass for the child.
pub(crate) fn pause(span: Duration) {
    let (_sender, never) = mpsc::channel::<()>();
    assert_eq!(never.recv_timeout(span), Err(mpsc::RecvTimeoutError::Timeout));
}

/// Looks until `seen` gives something; `None` when it does not within `patience`.
pub(crate) fn until<T>(patience: Duration, mut seen: impl FnMut() -> Option<T>) -> Option<T> {
    let end = rt::now() + patience;
    loop {
        if let Some(value) = seen() {
            return Some(value);
        }
        if rt::now() >= end {
            return None;
        }
        pause(PAUSE);
    }
}

/// Sends a signal to a child that nobody has waited for yet.
#[track_caller]
pub(crate) fn signal(child: &Child, number: i32) {
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    assert_eq!(kill(pid, number), 0, "signal {number}");
}

/// Waits for the end of a child and gives what it wrote; one that takes longer than `patience` is killed, for `None`.
pub(crate) fn output(child: Child, patience: Duration) -> Option<Output> {
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    let (send, receive) = mpsc::channel();
    rt::thread::start("waiter", move || send.send(child.wait_with_output())).unwrap();
    match receive.recv_timeout(patience) {
        Ok(output) => Some(output.unwrap()),
        Err(_) => {
            kill(pid, libc::SIGKILL);
            None
        }
    }
}

#[allow(unsafe_code)]
fn kill(pid: libc::pid_t, number: i32) -> i32 {
    // SAFETY: kill touches no memory of ours; the process is a child that nobody has waited for yet.
    unsafe { libc::kill(pid, number) }
}
