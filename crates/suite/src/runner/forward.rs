//! Forwarded ports of a cluster, each held by a process of this program for as long as the suite runs.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use plan::suite::Forward;

use super::{Host, Program};
use crate::commands;

/// How long it may take until the local end takes connections: pods are waited for meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what it has said.
const PAUSE: Duration = Duration::from_millis(50);
/// What it says when it is ready: `forwarding svc/api:80 at 127.0.0.1:8010 (…)`.
const READY: &str = "forwarding ";

/// A forward that stands.
pub(super) struct Standing {
    child: Child,
    /// The local address.
    pub(super) address: String,
}

impl Standing {
    pub(super) fn stop(mut self, host: &mut dyn Host) {
        commands::finish(host, &mut self.child);
    }
}

/// Starts one.
///
/// # Errors
/// A sentence.
pub(super) fn start(
    host: &mut dyn Host,
    forward: &Forward,
    folder: &Path,
    log: &Path,
) -> Result<Standing, String> {
    let program = Program::Own(words(forward));
    let mut child = commands::spawn(host, program, Vec::new(), folder, log)
        .map_err(|error| format!("forward {}: {error}", forward.to))?;
    let end = rt::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if let Some(address) = address(&text) {
            return Ok(Standing { child, address });
        }
        let why = match child.try_wait() {
            Ok(Some(status)) => commands::ended(status),
            _ if rt::now() >= end => "it does not say that it is ready".to_owned(),
            _ if host.wait(PAUSE).is_some() => "the suite was stopped".to_owned(),
            _ => continue,
        };
        commands::finish(host, &mut child);
        let said = commands::tail(log).join(" / ");
        return Err(format!("forward {}: {why}: {said}", forward.to));
    }
}

fn words(forward: &Forward) -> Vec<String> {
    let mut words: Vec<String> = ["k8s", "forward", "run"].map(str::to_owned).to_vec();
    for (flag, value) in [
        ("--kubeconfig", &forward.kubeconfig),
        ("--context", &forward.context),
        ("--namespace", &forward.namespace),
    ] {
        if let Some(value) = value {
            words.extend([flag.to_owned(), value.clone()]);
        }
    }
    words.push(forward.to.clone());
    words
}

/// The local address, as soon as it is told.
fn address(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(READY))?;
    let (_, rest) = line.split_once(" at ")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_says_where_it_listens() {
        let text = "something\nforwarding svc/api:80 at 127.0.0.1:8010 (pods api-1, api-2)\n";
        assert_eq!(address(text).as_deref(), Some("127.0.0.1:8010"));
        assert_eq!(address("forwarding\n"), None);
    }

    #[test]
    fn it_is_the_command_a_person_would_type() {
        let forward: Forward =
            serde_json::from_str(r#"{"to": "8010:svc/api:80", "namespace": "calories"}"#).unwrap();
        assert_eq!(
            words(&forward).join(" "),
            "k8s forward run --namespace calories 8010:svc/api:80"
        );
    }
}
