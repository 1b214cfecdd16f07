//! `squall demo`: the bundled target, an example script against it, and what to try next. One command on a fresh
//! machine.

use demo::{Target, TargetConfig};

use super::{examples, run as run_command};
use crate::exit::{CommandResult, Failure};
use crate::flags::table::{GLOBAL, OPTIONS, OURS, RUN, RUNTIME};
use crate::flags::{Flag, Kind, Parser};
use crate::run::source::Source;
use crate::session::Session;

/// `demo`'s own flags.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new("time-scale", Kind::Float, "factor", "shorten or lengthen the half minute"),
    Flag::new(
        "record",
        Kind::Text,
        "dir",
        "where to keep the run (default: the user's data folder)",
    ),
    Flag::new("no-record", Kind::Bool, "", "don't keep the run"),
    Flag::new(
        "example",
        Kind::Text,
        "name",
        "write the scripts of an example into DIR instead (sumflow, alphapulse)",
    ),
];

/// The script; the same file lies in the crate's `examples` folder.
const SCRIPT: &str = include_str!("../../examples/demo.js");

/// Runs the demo.
pub(crate) fn run(session: &Session) -> CommandResult {
    if let Some(name) = session.flags.text("example") {
        let folder = match session.flags.args.as_slice() {
            [] => ".",
            [folder] => folder,
            [_, extra, ..] => {
                let text = format!("--example takes one folder, got {extra:?} as well");
                return Err(Failure::usage(text));
            }
        };
        return examples::lay_out(session, name, folder);
    }
    let target = Target::start(TargetConfig::on_free_port())
        .map_err(|error| Failure::usage(format!("can't start the demo target: {error}")))?;
    let mut words = vec!["--env".to_owned(), format!("TARGET={}", target.url()), "demo.js".into()];
    for flag in ["time-scale", "record"] {
        if let Some(value) = session.flags.text(flag) {
            words.extend([format!("--{flag}"), value.to_owned()]);
        }
    }
    for flag in ["no-record", "quiet", "verbose", "no-color"] {
        if session.flags.is_on(flag) {
            words.push(format!("--{flag}"));
        }
    }
    let flags = Parser::new(&[OPTIONS, RUNTIME, RUN, OURS, GLOBAL]).parse(&words)?;
    let source = Source::embedded("demo.js", SCRIPT);
    if !session.quiet() {
        session.terminal.out(&format!(
            "\n  The bundled target listens on {}; the script demo.js loads it for half a minute.\n",
            target.url()
        ));
    }
    let status = run_command::run_source(&session.with_flags(flags), source)?;
    let served = target.served();
    session.terminal.out(&format!(
        "\n  The target itself counted {} requests over {} connections.\n\n  Next:\n    \
         squall demo-target                        the same target, until Ctrl-C\n    \
         squall run script.js                      your own k6 script\n    \
         squall burst http://127.0.0.1:8000/ …     load without a script\n    \
         squall doctor                             is this machine fit for load?\n",
        served.completed, served.connections_used
    ));
    target.stop();
    Ok(status)
}
