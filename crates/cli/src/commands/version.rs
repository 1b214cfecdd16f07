//! `squall version`.

use crate::exit::{CommandResult, ExitStatus};
use crate::session::{Name, Session};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version as one line.
pub(crate) fn line(name: Name) -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{} v{VERSION} (squall, {os}/{arch})\n", name.word())
}

/// Prints the version.
pub(crate) fn run(session: &Session) -> CommandResult {
    if session.flags.is_on("json") {
        let json = serde_json::json!({
            "version": format!("v{VERSION}"),
            "os": std::env::consts::OS,
            "arch": std::env::consts::ARCH,
        });
        session.terminal.out(&format!("{json}\n"));
    } else {
        session.terminal.out(&line(session.name));
    }
    Ok(ExitStatus::Success)
}
