//! The first and the second Ctrl-C.
//!
//! The first asks the engine to end the run in order (or ends the wait of `--linger`); the second ends the process.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use engine::{StopHandle, StopReason};

use crate::exit::ExitStatus;
use crate::log::{Level, Line, Logger, Origin};
use crate::signals::{self, Signal};

/// Counts signals and passes them on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stopping(Arc<Shared>);

struct Shared {
    seen: Mutex<Vec<Signal>>,
    changed: Condvar,
}

impl Stopping {
    /// Listens to SIGINT and SIGTERM from now on.
    ///
    /// # Errors
    /// The system refused the handlers.
    pub(crate) fn listen(stop: StopHandle, log: Logger) -> io::Result<Self> {
        let shared = Arc::new(Shared { seen: Mutex::default(), changed: Condvar::new() });
        let stopping = Self(Arc::clone(&shared));
        signals::watch(move |signal| shared.take(signal, &stop, &log))?;
        Ok(stopping)
    }

    /// Waits for the next signal, or returns at once where one has come before.
    pub(crate) fn wait(&self) {
        let seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.0.changed.wait_while(seen, |seen| seen.is_empty());
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shared {
    fn take(&self, signal: Signal, stop: &StopHandle, log: &Logger) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(signal);
        let first = seen.len() == 1;
        drop(seen);
        self.changed.notify_all();
        if first {
            stop.stop(StopReason::Signal(signal.name().to_owned()));
            return;
        }
        // Offered, not logged: where nobody reads the log, the second Ctrl-C must still end the process.
        log.offer(Line {
            unix_ns: rt::unix_nanos(),
            level: Level::Error,
            message: "Aborting k6 in response to signal".into(),
            fields: vec![("sig".into(), signal.name().to_owned())],
            origin: Origin::Program,
        });
        log.flush();
        exit_now(ExitStatus::Signal);
    }
}

#[allow(clippy::disallowed_methods)] // cli exits; the run's threads can't be unwound from here
fn exit_now(status: ExitStatus) -> ! {
    std::process::exit(i32::from(status.code()))
}
