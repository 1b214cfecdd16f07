//! `squall runs`: what has been run, newest first.

use std::path::{Path, PathBuf};

use plan::criterion::Quantity;
use record::Listed;
use report::quantity;
use serde_json::{Value, json};

use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::flags::{Flag, Kind};
use crate::run::described;
use crate::run::pages::Account;
use crate::run::recording::runs_folder;
use crate::session::Session;

/// `runs`' own flags.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new("all", Kind::Bool, "", "list every run (default: the newest 20)"),
    Flag::new("last", Kind::Int, "n", "list the newest n runs"),
    Flag::new("json", Kind::Bool, "", "as JSON"),
];

/// Runs that are listed unless told otherwise.
const NEWEST: usize = 20;
/// Longest script name in the table.
const MAX_SCRIPT: usize = 40;
const HEADS: [&str; 9] =
    ["started", "script", "took", "requests", "rate", "p95", "errors", "verdict", "end"];
/// Columns whose cells stand on the right.
const RIGHT: std::ops::Range<usize> = 2..7;

/// Lists the runs of a folder.
pub(crate) fn run(session: &Session) -> CommandResult {
    let folder = folder(&session.flags.args)?;
    let newest = newest(session)?;
    let (runs, all) =
        record::list(&folder, newest, facts).map_err(|error| Failure::usage(error.to_string()))?;
    if session.flags.is_on("json") {
        let list: Vec<Value> = runs.iter().map(as_json).collect();
        session.terminal.out_raw(format!("{:#}\n", Value::Array(list)).as_bytes());
        return Ok(ExitStatus::Success);
    }
    if runs.is_empty() {
        session.terminal.out(&format!("no recorded run in {}\n", folder.display()));
        return Ok(ExitStatus::Success);
    }
    session.terminal.out(&table(&runs));
    let folder = folder.display();
    let mut text = format!("\n{} of {all} runs in {folder}\n", runs.len());
    if runs.len() == all {
        text = format!("\n{all} runs in {folder}\n");
    }
    text.push_str("squall report FOLDER/NAME tells of one, squall report of the newest\n");
    session.terminal.out(&text);
    Ok(ExitStatus::Success)
}

fn newest(session: &Session) -> Result<usize, Failure> {
    if session.flags.is_on("all") {
        return Ok(usize::MAX);
    }
    let Some(wanted) = session.flags.int("last") else { return Ok(NEWEST) };
    usize::try_from(wanted)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| Failure::usage(format!("--last must be at least 1, not {wanted}")))
}

fn folder(args: &[String]) -> Result<PathBuf, Failure> {
    match args {
        [] => runs_folder()
            .ok_or_else(|| Failure::usage("there is no data folder to look for runs in")),
        [folder] => Ok(PathBuf::from(folder)),
        more => Err(Failure::usage(format!(
            "accepts at most 1 arg, received {}: a folder of runs",
            more.len()
        ))),
    }
}

/// What is found out about a run and kept: its figures and its verdict.
fn facts(directory: &Path) -> Value {
    let Ok(account) = Account::read(directory) else { return Value::Null };
    let document = account.document();
    let Some(run) = document.runs.first() else { return Value::Null };
    let figures = &run.figures;
    json!({
        "front": run.front,
        "started": run.started,
        "elapsed_s": run.elapsed_s,
        "requests": figures.requests,
        "failures": figures.failures,
        "error_rate": figures.error_rate,
        "throughput": figures.throughput,
        "p50_ms": figures.latency.p50,
        "p95_ms": figures.latency.p95,
        "p99_ms": figures.latency.p99,
        "users": figures.users,
        "verdict": run.verdict,
    })
}

fn as_json(run: &Listed) -> Value {
    json!({
        "name": run.name,
        "directory": run.directory.display().to_string(),
        "bytes": run.bytes,
        "script": run.description["script"],
        "created": run.description["created"],
        "state": run.description["state"],
        "reason": run.description["reason"],
        "exit_code": run.description["exit_code"],
        "figures": run.facts,
    })
}

fn table(runs: &[Listed]) -> String {
    let mut rows: Vec<[String; 9]> = vec![HEADS.map(str::to_owned)];
    rows.extend(runs.iter().map(cells));
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if RIGHT.contains(&column) {
                line.push_str(&format!("{cell:>width$}  "));
            } else {
                line.push_str(&format!("{cell:<width$}  "));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn cells(run: &Listed) -> [String; 9] {
    let facts = &run.facts;
    let number = |key: &str, unit: Quantity| {
        facts[key].as_f64().map_or_else(|| "-".to_owned(), |value| quantity::text(unit, value))
    };
    let description = &run.description;
    let script = description["script"].as_str().unwrap_or("?");
    let end = match (description["state"].as_str(), description["reason"].as_str()) {
        (Some("ended"), Some(reason)) => reason.to_owned(),
        // Killed, or still running: the record does not know.
        _ => "unfinished".to_owned(),
    };
    [
        started(&run.name, description["created"].as_str()),
        short(&described::title(script, &description["options"])),
        number("elapsed_s", Quantity::Seconds),
        number("requests", Quantity::Count),
        number("throughput", Quantity::PerSecond),
        number("p95_ms", Quantity::Milliseconds),
        number("error_rate", Quantity::Ratio),
        facts["verdict"].as_str().unwrap_or("-").to_owned(),
        end,
    ]
}

/// The time in a directory's name, which is the user's; else what the description says, which is UTC.
fn started(name: &str, created: Option<&str>) -> String {
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    let mut parts = name.splitn(3, '-');
    if let (Some(date), Some(time)) = (parts.next(), parts.next())
        && digits(date, 8)
        && digits(time, 6)
    {
        let (year, rest) = date.split_at(4);
        let (month, day) = rest.split_at(2);
        let (hour, rest) = time.split_at(2);
        let (minute, second) = rest.split_at(2);
        return format!("{year}-{month}-{day} {hour}:{minute}:{second}");
    }
    created.unwrap_or(name).to_owned()
}

/// The end of a long path says more than its start. Nothing in it moves the terminal.
fn short(script: &str) -> String {
    let plain: String =
        script.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let n = plain.chars().count();
    if n <= MAX_SCRIPT {
        return plain;
    }
    format!("…{}", plain.chars().skip(n + 1 - MAX_SCRIPT).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_from_names_that_have_one() {
        assert_eq!(started("20261120-225503-test-01234", None), "2026-11-20 22:55:03");
        assert_eq!(started("mine", Some("2026-11-20T22:55:03Z")), "2026-11-20T22:55:03Z");
        assert_eq!(started("mine-or-yours", None), "mine-or-yours");
        assert_eq!(short(&"x".repeat(50)).chars().count(), MAX_SCRIPT);
        assert_eq!(short("a\u{1b}[0m"), "a\u{fffd}[0m");
    }

    #[test]
    fn columns_line_up_and_unknown_figures_are_dashes() {
        let run = |name: &str, facts: Value| Listed {
            directory: PathBuf::from(name),
            name: name.to_owned(),
            description: json!({"script": "a.js", "state": "ended", "reason": "finished"}),
            bytes: 10,
            facts,
        };
        let text = table(&[
            run(
                "20261120-225503-a-1",
                json!({"requests": 12345, "p95_ms": 12.3, "verdict": "PASS"}),
            ),
            run("20261120-225504-a-2", Value::Null),
        ]);
        assert_eq!(
            text,
            "started              script  took  requests  rate     p95  errors  verdict  end
2026-11-20 22:55:03  a.js       -    12,345     -  12.3ms       -  PASS     finished
2026-11-20 22:55:04  a.js       -         -     -       -       -  -        finished
"
        );
    }
}
