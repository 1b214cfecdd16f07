//! The file of `--summary-export`, one line a metric, threshold, group or check, without what depends on time.

use crate::normal::Names;
use serde_json::{Map, Value};

pub(crate) fn lines(text: &str, names: &Names, cut: &[String]) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let Ok(value) = serde_json::from_str::<Value>(&names.clean(text)) else {
        return vec![format!("not JSON: {text}")];
    };
    let mut out = Vec::new();
    for (name, metric) in value["metrics"].as_object().into_iter().flatten() {
        if let Some(metric) =
            metric.as_object().filter(|_| !matches!(name.as_str(), "vus" | "vus_max"))
        {
            let is_cut = cut.iter().any(|cut| cut == name.split('{').next().unwrap_or(name));
            metric_lines(name, metric, is_cut, &mut out);
        }
    }
    group_lines(&value["root_group"], &mut out);
    if let Some(data) = value.get("setup_data") {
        out.push(format!("setup_data {}", sorted(data)));
    }
    out.sort();
    out
}

/// Whether a metric's values are of this run only: built-in times.
pub(crate) fn is_measured(name: &str) -> bool {
    let built_in = [
        "http_req_",
        "grpc_req_",
        "iteration_duration",
        "group_duration",
        "vus",
        "ws_connecting",
        "ws_session_duration",
        "ws_ping",
    ];
    built_in.iter().any(|prefix| name.starts_with(prefix)) && !name.starts_with("http_req_failed")
}

/// JSON with its keys in order: those of k6 come from Go maps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<(String, Value)> =
                map.iter().map(|(k, v)| (k.clone(), sorted(v))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn metric_lines(name: &str, metric: &Map<String, Value>, is_cut: bool, out: &mut Vec<String>) {
    let mut values: Vec<String> = Vec::new();
    for (key, value) in metric {
        if key == "thresholds" {
            let results = value.as_object().into_iter().flatten();
            out.extend(results.map(|(source, is_failed)| {
                format!("threshold {name} {source:?} failed={is_failed}")
            }));
            continue;
        }
        // Of a counter, only the rate depends on time.
        let is_rate_of_counter = key == "rate" && metric.contains_key("count");
        if is_cut || is_measured(name) || is_rate_of_counter {
            values.push(key.clone());
        } else {
            values.push(format!("{key}={value}"));
        }
    }
    values.sort();
    out.push(format!("metric {name} {}", values.join(" ")));
}

fn group_lines(group: &Value, out: &mut Vec<String>) {
    if let Some(path) = group["path"].as_str() {
        out.push(format!("group {path:?} id={}", group["id"]));
    }
    for check in group["checks"].as_object().into_iter().flatten().map(|(_, check)| check) {
        out.push(format!(
            "check {} passes={} fails={}",
            check["path"], check["passes"], check["fails"]
        ));
    }
    for (_, inner) in group["groups"].as_object().into_iter().flatten() {
        group_lines(inner, out);
    }
}
