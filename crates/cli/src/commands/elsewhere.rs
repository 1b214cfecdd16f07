//! Commands of k6 that Squall has no use for: each says what does the same here.

use crate::exit::{CommandResult, Failure};
use crate::session::Session;

/// A command of k6 1 or 2, and what to do instead.
struct Elsewhere {
    words: &'static [&'static str],
    instead: &'static str,
}

const TABLE: &[Elsewhere] = &[
    Elsewhere {
        words: &["cloud", "run"],
        instead: "squall does not send tests to a cloud; `run FILE` runs it on this machine with the same options",
    },
    Elsewhere {
        words: &["cloud", "login"],
        instead: "squall needs no account; `run FILE` runs a test on this machine",
    },
    Elsewhere {
        words: &["cloud", "upload"],
        instead: "squall does not send tests to a cloud; `archive FILE` puts a test and all it needs into one file",
    },
    Elsewhere {
        words: &["cloud"],
        instead: "squall has no cloud; `run FILE` runs a test on this machine with the same options",
    },
    Elsewhere {
        words: &["login", "influxdb"],
        instead: "there is nothing to log into; K6_INFLUXDB_USERNAME and K6_INFLUXDB_PASSWORD give an output its credentials",
    },
    Elsewhere {
        words: &["login"],
        instead: "there is nothing to log into; `run FILE` runs a test on this machine",
    },
    Elsewhere {
        words: &["convert"],
        instead: "k6 dropped it as well; the npm package har-to-k6 makes a script of a HAR file",
    },
    Elsewhere {
        words: &["x"],
        instead: "squall takes no extensions, so there are no commands of any",
    },
];

/// Whether a word is a command of k6 that is answered here.
pub(crate) fn knows(word: &str) -> bool {
    TABLE.iter().any(|entry| entry.words[0] == word)
}

/// Says what to use instead; code 255, as k6 ends where a command can't be had.
///
/// # Errors
/// Always.
pub(crate) fn run(command: &str, session: &Session) -> CommandResult {
    let second = session.flags.args.first().map(String::as_str);
    let is_it = |entry: &&Elsewhere| {
        entry.words[0] == command && entry.words.get(1).is_none_or(|word| Some(*word) == second)
    };
    let instead = TABLE.iter().find(is_it).map_or("", |entry| entry.instead);
    let typed = match second.filter(|_| command != "convert") {
        Some(second) => format!("{command} {second}"),
        None => command.to_owned(),
    };
    Err(Failure::usage(format!("`{typed}` is not available in squall")).hint(instead))
}
