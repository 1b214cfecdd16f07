//! `squall k8s …`: what concerns a Kubernetes cluster and is no run.

mod background;
mod exec;
mod forward;

use crate::exit::{CommandResult, Failure};
use crate::flags::{Flag, Kind};
use crate::session::Session;

/// The flags of `k8s exec`.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new(
        "container",
        Kind::Text,
        "name",
        "of `exec`: the container (default: the pod's first)",
    ),
    Flag::new("stdin", Kind::Bool, "", "of `exec`: pass standard input on").short('i'),
];

/// Does what the words say.
pub(crate) fn run(session: &Session) -> CommandResult {
    let words: Vec<&str> = session.flags.args.iter().map(String::as_str).collect();
    match words[..] {
        ["forward", "run", ref specs @ ..] => forward::run(session, specs),
        ["forward", "start", ref specs @ ..] => background::start(session, specs),
        ["forward", "stop", ref which @ ..] => background::stop(session, which),
        ["forward", "status", ref which @ ..] => background::status(session, which),
        ["forward", other, ..] => Err(usage(format!(
            "`k8s forward` runs, starts, stops or tells its status, not {other:?}"
        ))),
        ["forward"] => Err(usage("`k8s forward` needs one of run, start, stop, status".to_owned())),
        ["exec", ref words @ ..] => exec::run(session, words),
        [other, ..] => Err(usage(format!("`k8s` knows `forward` and `exec`, not {other:?}"))),
        [] => Err(usage("`k8s` needs to know what to do".to_owned())),
    }
}

fn usage(text: String) -> Failure {
    Failure::usage(text).hint("squall k8s forward start 8010:svc/api:80")
}
