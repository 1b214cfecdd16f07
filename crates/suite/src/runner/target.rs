//! The bundled target of a plan, as a process of its own on free ports.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use plan::suite::DemoTarget;

use super::{Host, Program};
use crate::commands;
use crate::read::Target;

/// How long it may take to say where it listens.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at what it has said.
const PAUSE: Duration = Duration::from_millis(20);
/// The last line of its greeting.
const LAST_LINE: &str = "Ctrl-C ends it.";

/// What it says when its cluster is there too.
const CLUSTER: &str = "Kubernetes API is at";
/// How slowly and how fast the cluster's story can be played.
const SLOWEST: f64 = 0.1;
const FASTEST: f64 = 1000.0;

/// A target that runs.
pub(super) struct Running {
    child: Child,
    /// Where it listens.
    pub(super) target: Target,
}

/// Starts it.
///
/// # Errors
/// A sentence.
pub(super) fn start(
    host: &mut dyn Host,
    settings: &DemoTarget,
    folder: &Path,
    time_scale: f64,
) -> Result<Running, String> {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    let (log, kubeconfig) = (folder.join("target.log"), folder.join("kubeconfig.yaml"));
    let mut words = words(settings);
    if settings.cluster {
        // Its story takes a minute, and as much less as the suite does.
        let speed = (1.0 / time_scale).clamp(SLOWEST, FASTEST);
        words.extend(["--cluster", "127.0.0.1:0", "--cluster-kubeconfig"].map(str::to_owned));
        words.extend([kubeconfig.display().to_string(), "--cluster-speed".to_owned()]);
        words.push(speed.to_string());
    }
    let mut child = commands::spawn(host, Program::Own(words), Vec::new(), &folder, &log)
        .map_err(|error| format!("the bundled target can't be started: {error}"))?;
    let end = rt::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let has_cluster = !settings.cluster || text.contains(CLUSTER);
        if let Some(mut target) = addresses(&text).filter(|_| has_cluster) {
            target.kubeconfig = kubeconfig.display().to_string();
            return Ok(Running { child, target });
        }
        let why = match child.try_wait() {
            Ok(Some(status)) => commands::ended(status),
            _ if rt::now() >= end => "it does not say where it listens".to_owned(),
            _ if host.wait(PAUSE).is_some() => "the suite was stopped".to_owned(),
            _ => continue,
        };
        commands::finish(host, &mut child);
        let said = commands::tail(&log).join(" / ");
        return Err(format!("the bundled target did not start: {why}: {said}"));
    }
}

impl Running {
    /// Why it does not run any more; `None` while it does.
    pub(super) fn end(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(Some(status)) => Some(commands::ended(status)),
            _ => None,
        }
    }

    pub(super) fn stop(mut self, host: &mut dyn Host) {
        commands::finish(host, &mut self.child);
    }
}

fn words(settings: &DemoTarget) -> Vec<String> {
    let free = "127.0.0.1:0";
    let mut words = vec!["demo-target".to_owned(), "--listen".to_owned(), free.to_owned()];
    let mut push = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([flag.to_owned(), value]);
        }
    };
    push("--grpc", settings.grpc.then(|| free.to_owned()));
    push("--delay", settings.delay.clone());
    push("--pipeline-delay", settings.pipeline_delay.map(|time| time.to_string()));
    push("--stall", settings.stall.clone());
    push("--fail", settings.fail.map(|share| share.0.to_string()));
    push("--fail-status", settings.fail_status.map(|status| status.0.to_string()));
    words
}

/// Where it listens, as soon as it has said all of it.
fn addresses(text: &str) -> Option<Target> {
    if !text.lines().any(|line| line.trim() == LAST_LINE) {
        return None;
    }
    let find = |scheme: &str| {
        text.lines().map(str::trim).find(|line| line.starts_with(scheme)).map(str::to_owned)
    };
    let grpc = find("grpc://").unwrap_or_default();
    let grpc = grpc.strip_prefix("grpc://").unwrap_or_default().to_owned();
    Some(Target { url: find("http://")?, grpc, kubeconfig: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_says_where_the_target_listens() {
        let text = "squall demo target listens on\n  http://127.0.0.1:4000\n  grpc://127.0.0.1:4001\n\nIt serves\n";
        assert_eq!(addresses(text), None);
        let target = addresses(&format!("{text}\nCtrl-C ends it.\n")).unwrap();
        assert_eq!(target.url, "http://127.0.0.1:4000");
        assert_eq!(target.grpc, "127.0.0.1:4001");
    }

    #[test]
    fn settings_are_the_flags_of_the_command() {
        let settings: DemoTarget =
            serde_json::from_str(r#"{"delay": "mix", "pipeline_delay": "50ms", "grpc": true}"#)
                .unwrap();
        assert_eq!(
            words(&settings).join(" "),
            "demo-target --listen 127.0.0.1:0 --grpc 127.0.0.1:0 --delay mix --pipeline-delay 50ms"
        );
    }
}
