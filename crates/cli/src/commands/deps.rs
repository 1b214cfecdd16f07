//! `squall deps`: what a script imports, and whether it needs more than there is.

use std::fmt::Write as _;
use std::sync::Arc;

use metrics::Registry;
use serde_json::json;

use crate::exit::{CommandResult, ExitStatus};
use crate::flags::{Flag, Kind};
use crate::run::front;
use crate::run::runtime::Runtime;
use crate::run::script_log::ScriptLog;
use crate::run::source::Source;
use crate::session::K6_VERSION;
use crate::session::Session;

pub(super) const FLAGS: &[Flag] = &[Flag::new("json", Kind::Bool, "", "as JSON")];

/// Prints the list.
pub(super) fn run(session: &Session) -> CommandResult {
    let source = Source::read(session)?;
    let runtime = Runtime::read(&session.flags, false)?;
    let log = ScriptLog::new(session.log.clone());
    let registry = Arc::new(Registry::with_builtins());
    let imports = front::imports(&source, &runtime, &log, &registry)?;
    // An extension is nothing this program can load.
    let custom =
        imports.needs.iter().any(|(name, version)| name != "k6" || !satisfies(K6_VERSION, version));
    if session.flags.is_on("json") {
        let json = json!({
            "buildDependencies": imports.needs,
            "imports": imports.modules,
            "customBuildRequired": custom,
        });
        session.terminal.out(&format!("{json:#}\n"));
        return Ok(ExitStatus::Success);
    }
    let mut text = "Build Dependencies:\n".to_owned();
    for (name, version) in &imports.needs {
        let _ = writeln!(text, "  {name}: {version}");
    }
    text.push_str("\nImports:\n");
    for module in &imports.modules {
        let _ = writeln!(text, "  {module}");
    }
    let _ = writeln!(text, "\nCustom Build Required: {}", if custom { "yes" } else { "no" });
    session.terminal.out(&text);
    Ok(ExitStatus::Success)
}

/// Whether a version is among those a constraint allows (`>=1.2`, `^2`, `~1.4.0`, `*`, several with commas, `||`).
fn satisfies(version: &str, constraint: &str) -> bool {
    constraint
        .split("||")
        .any(|all| all.split(',').all(|one| satisfies_one(parts(version), one.trim())))
}

fn satisfies_one(version: [u64; 3], constraint: &str) -> bool {
    let number = constraint.trim_start_matches(['>', '<', '=', '!', '^', '~', 'v', ' ']);
    let operator = constraint[..constraint.len() - number.len()].trim_end_matches(['v', ' ']);
    let given = number.split('.').filter(|part| part.parse::<u64>().is_ok()).count().min(3);
    let wanted = parts(number);
    if given == 0 {
        return true;
    }
    match operator {
        ">=" | "=>" => version >= wanted,
        ">" => version > wanted && version[..given] != wanted[..given],
        "<=" | "=<" => version <= wanted || version[..given] == wanted[..given],
        "<" => version < wanted,
        "!=" => version[..given] != wanted[..given],
        "~" => version >= wanted && version[..given.min(2)] == wanted[..given.min(2)],
        "^" => {
            let first = wanted[..given].iter().position(|part| *part != 0).unwrap_or(given - 1);
            version >= wanted && version[..=first] == wanted[..=first]
        }
        _ => version[..given] == wanted[..given],
    }
}

fn parts(version: &str) -> [u64; 3] {
    let mut parts = [0; 3];
    let core = version.split(['-', '+']).next().unwrap_or_default();
    for (part, text) in parts.iter_mut().zip(core.split('.')) {
        *part = text.parse().unwrap_or(0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_held_against_constraints() {
        for (constraint, holds) in [
            ("*", true),
            (">=2", true),
            (">2", false),
            (">2.1", true),
            (">=2.2.0", true),
            ("<2.2.0", false),
            ("<=2", true),
            ("^2.1", true),
            ("^1.9", false),
            ("~2.2.0", true),
            ("~2.1", false),
            ("=v2.2.0", true),
            ("2.1", false),
            (">=1.0,<3", true),
            ("<1||>=2", true),
            ("!=2.2", false),
        ] {
            assert_eq!(satisfies("2.2.0", constraint), holds, "{constraint}");
        }
    }
}
