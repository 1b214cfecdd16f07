//! `squall version`, and what scripts that ask `k6 version` want to see.

use serde_json::json;

use crate::exit::{CommandResult, ExitStatus};
use crate::session::{K6_VERSION, Name, Session};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Go's name of the system.
pub(super) fn go_os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    }
}

/// Go's name of the processor.
fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => arch,
    }
}

/// The version as one line. Called `k6`, it starts with the version of k6 that is answered for: scripts compare it.
pub(crate) fn line(name: Name) -> String {
    let (os, arch) = (go_os(), go_arch());
    match name {
        Name::K6 => format!("k6 v{K6_VERSION} (squall v{VERSION}, {os}/{arch})\n"),
        Name::Squall | Name::Locust => {
            format!("squall v{VERSION} (k6 v{K6_VERSION}, {os}/{arch})\n")
        }
    }
}

/// Prints the version.
pub(crate) fn run(session: &Session) -> CommandResult {
    let text = if session.flags.is_on("json") {
        let version = match session.name {
            Name::K6 => K6_VERSION,
            Name::Squall | Name::Locust => VERSION,
        };
        let json = json!({
            "go_arch": go_arch(),
            "go_os": go_os(),
            "k6_version": format!("v{K6_VERSION}"),
            "squall_version": format!("v{VERSION}"),
            "version": format!("v{version}"),
        });
        format!("{json}\n")
    } else {
        line(session.name)
    };
    session.terminal.out(&text);
    Ok(ExitStatus::Success)
}
