//! The first and the second Ctrl-C.
//!
//! The first asks the engine to end the run in order (or to stop lingering); the second ends the process.

use std::io;

use engine::{StopHandle, StopReason};

use crate::exit::ExitStatus;
use crate::log::{Level, Line, Logger, Origin};
use crate::signals;

/// Listens to SIGINT and SIGTERM from now on, and passes the first on.
///
/// # Errors
/// The system refused the handlers.
pub(crate) fn listen(stop: StopHandle, log: Logger) -> io::Result<()> {
    let mut is_first = true;
    signals::watch(move |signal| {
        if std::mem::replace(&mut is_first, false) {
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
    })
}

#[allow(clippy::disallowed_methods)] // cli exits; the run's threads can't be unwound from here
fn exit_now(status: ExitStatus) -> ! {
    std::process::exit(i32::from(status.code()))
}
