//! What was printed as data or written to files: CSV, JSON, HTML reports, logs, anything else as it is.

use crate::case::Case;
use crate::normal::{Names, log_lines};
use crate::sheet;
use serde_json::Value;
use std::collections::BTreeMap;

/// Standard output: lines as they are, and after them the entries of `--json` by what they count. Both come from other
/// places, so their order is not compared.
pub(crate) fn stdout_lines(text: &str, case: &Case, names: &Names) -> Vec<String> {
    let text = names.clean(text);
    let starts = text.match_indices('[').map(|(at, _)| at);
    let mut starts = starts.filter(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n');
    let found = starts.find_map(|start| {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        let data = values
            .next()?
            .ok()
            .filter(|data| is_entries(data) && *data != Value::Array(Vec::new()))?;
        Some((start, start + values.byte_offset(), data))
    });
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    };
    let Some((start, end, data)) = found else { return lines(&text) };
    let mut out = lines(&text[..start]);
    out.extend(lines(text[end..].trim_start_matches('\n')));
    out.extend(json_lines(&data, case));
    out
}

/// Whether this is what `--json` prints.
fn is_entries(data: &Value) -> bool {
    let is_entry = |item: &Value| item["num_requests"].is_u64();
    data.as_array().is_some_and(|items| items.iter().all(is_entry))
}

/// Entries of `--json` by their counts; any other JSON indented.
fn json_lines(data: &Value, case: &Case) -> Vec<String> {
    if !is_entries(data) {
        let text = serde_json::to_string_pretty(data).unwrap();
        return text.lines().map(str::to_owned).collect();
    }
    data.as_array().into_iter().flatten().map(|entry| json_entry(entry, case)).collect()
}

fn json_entry(entry: &Value, case: &Case) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or_default();
    let name = format!("{} {}", text("method"), text("name"));
    let sum = |key: &str| -> u64 {
        let counts = entry[key].as_object().into_iter().flatten();
        counts.filter_map(|(_, n)| n.as_u64()).sum()
    };
    let count = |n: u64| case.count(&name, n);
    let number = |key: &str| count(entry[key].as_u64().unwrap_or(u64::MAX));
    let keys: Vec<&str> =
        entry.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    format!(
        "json {name}: {} requests, {} without a time, {} failed, {} bytes; times of {}, seconds of {} and {}; keys {}",
        number("num_requests"),
        number("num_none_requests"),
        number("num_failures"),
        entry["total_content_length"],
        count(sum("response_times")),
        count(sum("num_reqs_per_sec")),
        count(sum("num_fail_per_sec")),
        keys.join(" ")
    )
}

/// All files, each line after its file's name.
pub(crate) fn lines(files: &BTreeMap<String, String>, case: &Case, names: &Names) -> Vec<String> {
    let mut out = Vec::new();
    for (name, text) in files {
        let ending = name.rsplit('.').next().unwrap_or_default();
        let shown = match ending {
            "csv" => {
                out.extend(sheet::lines(name, text, case, names));
                continue;
            }
            "json" => match serde_json::from_str(text) {
                Ok(data) => json_lines(&data, case),
                Err(error) => vec![format!("not JSON: {error}")],
            },
            "html" => report_lines(text, case, names),
            "log" => log_lines(text, names),
            _ => names.clean(text).lines().map(str::to_owned).collect(),
        };
        out.extend(shown.into_iter().map(|line| format!("{name}: {line}")));
    }
    out
}

/// The data of an HTML report: its keys, and what it counts.
fn report_lines(text: &str, case: &Case, names: &Names) -> Vec<String> {
    let data = text.split_once("window.templateArgs = ").and_then(|(_, rest)| {
        serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()?.ok()
    });
    let Some(data) = data else { return vec!["no data in the report".to_owned()] };
    let mut keys: Vec<&str> =
        data.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    let mut out = vec![format!("keys {}", keys.join(" "))];
    for key in ["host", "locustfile", "is_report", "tasks", "profile"] {
        out.push(names.clean(&format!("{key} {}", data[key])));
    }
    for entry in data["requests_statistics"].as_array().into_iter().flatten() {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        let name = format!("{} {}", text("method"), text("name")).trim().to_owned();
        let count = |key: &str| case.count(&name, entry[key].as_u64().unwrap_or(u64::MAX));
        out.push(format!(
            "{name}: {} requests, {} failed",
            count("num_requests"),
            count("num_failures")
        ));
    }
    for key in ["failures_statistics", "exceptions_statistics"] {
        for entry in data[key].as_array().into_iter().flatten() {
            let field = |key: &str| match &entry[key] {
                Value::Null => String::new(),
                Value::String(text) => format!(" {text}"),
                other => format!(" {other}"),
            };
            let fields: String = ["method", "name", "error", "occurrences", "count", "msg"]
                .into_iter()
                .map(field)
                .collect();
            out.push(names.clean(&format!("{key}:{fields}")));
        }
    }
    out
}
