//! `squall k8s exec`: a program in a container, with this terminal's streams, as `kubectl exec` has it. Probes of databases that
//! no port leads to start it.

use kubernetes::Program;

use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::run::forwards::access;
use crate::session::Session;
use crate::terminal;

/// Executes a program in a pod; its exit code is ours.
pub(super) fn run(session: &Session, words: &[&str]) -> CommandResult {
    let [pod, command @ ..] = words else {
        return Err(usage("`k8s exec` needs a pod and a program".to_owned()));
    };
    if command.is_empty() {
        return Err(usage(format!("nothing to execute in pod {pod}")));
    }
    let program = Program {
        pod: pod.strip_prefix("pod/").unwrap_or(pod).to_owned(),
        container: session.flags.text("container").map(str::to_owned),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        has_input: session.flags.is_on("stdin"),
    };
    let code = kubernetes::exec(&access(&session.flags), &program, terminal::passed_on())
        .map_err(|error| Failure::usage(error.to_string()))?;
    Ok(match u8::try_from(code) {
        Ok(0) => ExitStatus::Success,
        Ok(code) => ExitStatus::Code(code),
        Err(_) => ExitStatus::Failure,
    })
}

fn usage(text: String) -> Failure {
    Failure::usage(text).hint("squall k8s exec -n shop -i postgres-0 -- psql -U postgres")
}
