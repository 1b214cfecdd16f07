//! What a record's options say of the load that was asked for: rows for a report, and phases that criteria can name.

use plan::options::{Derivation, Options};
use plan::segment::Striping;
use report::Phase;
use serde_json::Value;

/// What a run is called: its script, or what a burst went to.
pub(crate) fn title(script: &str, options: &Value) -> String {
    match options["burst"]["urls"].as_array().map(Vec::as_slice) {
        Some([Value::String(url)]) => format!("{script} {url}"),
        Some([Value::String(url), more @ ..]) => {
            format!("{script} {url} and {} more", more.len())
        }
        _ => script.to_owned(),
    }
}

/// The load of a run in words: `scenario load` and what it was to do.
pub(crate) fn plan(options: &Value) -> Vec<(String, String)> {
    if options["locust"].is_object() {
        return locust(&options["locust"]);
    }
    if options["burst"].is_object() {
        return burst(&options["burst"]);
    }
    if !options.is_object() {
        return Vec::new();
    }
    k6(options)
}

fn k6(options: &Value) -> Vec<(String, String)> {
    let mut options = options.clone();
    if let Some(fields) = options.as_object_mut()
        && fields.get("scenarios").and_then(Value::as_object).is_some_and(|all| !all.is_empty())
    {
        // Options that scenarios were derived from still have the shortcuts, which would be in conflict.
        for shortcut in ["vus", "duration", "iterations", "stages"] {
            fields.remove(shortcut);
        }
    }
    let is_exported = |_: &str| true;
    let derivation = Derivation { default_vus: 1, is_exported: &is_exported };
    let scenarios = Options::from_script_json(&options.to_string())
        .ok()
        .and_then(|(options, _)| options.derive_scenarios(derivation).ok());
    let Some((scenarios, _)) = scenarios else { return Vec::new() };
    let whole = Striping::whole();
    scenarios.iter().map(|scenario| (scenario.name.clone(), scenario.describe(&whole))).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn locust(options: &Value) -> Vec<(String, String)> {
    [
        ("users", "num_users"),
        ("spawn rate", "spawn_rate"),
        ("run time", "run_time"),
        ("host", "host"),
    ]
    .into_iter()
    .filter_map(|(word, key)| Some((word.to_owned(), text(&options[key])?)))
    .collect()
}

fn burst(options: &Value) -> Vec<(String, String)> {
    let urls = options["urls"].as_array().into_iter().flatten().filter_map(text);
    let load = text(&options["load"]).map(|load| ("load".to_owned(), load));
    load.into_iter().chain(urls.map(|url| ("URL".to_owned(), url))).collect()
}

/// The phases of a Locust run by its options.
pub(crate) fn locust_phases(options: &Value, end_s: f64) -> Vec<Phase> {
    let number = |key: &str| options["locust"][key].as_f64().unwrap_or(0.0);
    report::phases::of_locust(number("num_users"), number("spawn_rate"), end_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_front_end_says_what_was_asked_for() {
        for (options, expected) in [
            (json!({"vus": 5, "duration": "10s"}), vec![("default", "5 looping VUs for 10s")]),
            (
                json!({"locust": {"num_users": 100, "spawn_rate": 10, "run_time": "5m", "host": null}}),
                vec![("users", "100"), ("spawn rate", "10"), ("run time", "5m")],
            ),
            (
                json!({"burst": {"urls": ["http://a/"], "load": "50 requests/s"}}),
                vec![("load", "50 requests/s"), ("URL", "http://a/")],
            ),
            (json!(null), vec![]),
        ] {
            let rows = plan(&options);
            let rows: Vec<(&str, &str)> =
                rows.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            let starts =
                rows.iter().zip(&expected).all(|(a, b)| a.0 == b.0 && a.1.starts_with(b.1));
            assert!(starts && rows.len() == expected.len(), "{options}: {rows:?}");
        }
        let phases = locust_phases(&json!({"locust": {"num_users": 100, "spawn_rate": 10}}), 60.0);
        assert_eq!(phases[0], Phase { name: "ramp-up".into(), from_s: 0.0, to_s: 10.0 });
    }
}
