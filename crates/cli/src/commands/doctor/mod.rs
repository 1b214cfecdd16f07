//! `squall doctor`: can this machine generate load, what is missing, how to get it.

mod checks;
mod services;
mod target;

use std::fmt::Write as _;
use std::time::Duration;

use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::session::Session;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// As it should be.
    Good,
    /// Works, but could be better, or is optional.
    Note,
    /// Will fail.
    Bad,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    /// What to do about it; empty where nothing is to be done.
    remedy: String,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Good, found: found.into(), remedy: String::new() }
    }

    fn note(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Note, found: found.into(), remedy: remedy.into() }
    }

    fn bad(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Bad, found: found.into(), remedy: remedy.into() }
    }
}

/// Prints the table; fails when a check is bad.
pub(crate) fn run(session: &Session) -> CommandResult {
    let timeout = match session.flags.text("timeout") {
        Some(text) => plan::duration::parse_go(text)
            .map_err(|error| Failure::usage(error.to_string()))?
            .as_duration(),
        None => Duration::from_secs(3),
    };
    let mut checks = checks::machine();
    for url in &session.flags.args {
        checks.push(if services::knows(url) {
            services::service(url, timeout)
        } else {
            target::reachable(url, timeout)
        });
    }
    checks.extend(services::all(timeout));
    checks.extend(checks::programs());
    session.terminal.out(&table(&checks, session.terminal.abilities.stdout_color()));
    let bad = checks.iter().filter(|check| check.verdict == Verdict::Bad).count();
    Ok(if bad == 0 { ExitStatus::Success } else { ExitStatus::Failure })
}

fn table(checks: &[Check], color: bool) -> String {
    let name = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let (word, paint) = match check.verdict {
            Verdict::Good => ("ok  ", 32),
            Verdict::Note => ("note", 33),
            Verdict::Bad => ("FAIL", 31),
        };
        let word = if color { format!("\x1b[{paint}m{word}\x1b[0m") } else { word.to_owned() };
        let _ = writeln!(text, "{word}  {:<name$}  {}", check.name, check.found);
        if !check.remedy.is_empty() {
            let _ = writeln!(text, "      {:<name$}  hint: {}", "", check.remedy);
        }
    }
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let _ = writeln!(
        text,
        "\n{} checks: {} ok, {} notes, {} failed",
        checks.len(),
        count(Verdict::Good),
        count(Verdict::Note),
        count(Verdict::Bad),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_without_colour_and_puts_remedies_below() {
        let checks =
            [Check::good("cores", "2"), Check::bad("descriptors", "256 at most", "raise it")];
        assert_eq!(
            table(&checks, false),
            "ok    cores        2\n\
             FAIL  descriptors  256 at most\n                   hint: raise it\n\
             \n2 checks: 1 ok, 0 notes, 1 failed\n"
        );
    }
}
