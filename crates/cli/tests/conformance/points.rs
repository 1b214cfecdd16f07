//! The file of `--out json`: its points counted and summed by metric and tags, and the definitions of metrics.

use crate::export::is_measured;
use crate::normal::Names;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Default)]
struct Sum {
    n: u64,
    sum: f64,
}

pub(crate) fn lines(text: &str, names: &Names, cut: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut series: BTreeMap<(String, String), Sum> = BTreeMap::new();
    for line in names.clean(text).lines() {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            out.push(format!("not JSON: {line}"));
            continue;
        };
        let name = value["metric"].as_str().unwrap_or_default().to_owned();
        // One each second, from the first second on.
        if matches!(name.as_str(), "vus" | "vus_max") {
            continue;
        }
        let data = &value["data"];
        if value["type"] == "Metric" {
            out.push(definition(&name, data));
            continue;
        }
        let sum = series.entry((name, tags(data))).or_default();
        sum.n += 1;
        sum.sum += data["value"].as_f64().unwrap_or(f64::NAN);
    }
    for ((name, tags), Sum { n, sum }) in series {
        let counts = if cut.contains(&name) {
            String::new()
        } else if is_measured(&name) {
            format!(" n={n}")
        } else {
            format!(" n={n} sum={sum}")
        };
        out.push(format!("{name}{{{tags}}}{counts}"));
    }
    out.sort();
    out
}

fn definition(name: &str, data: &Value) -> String {
    let mut submetrics: Vec<String> = data["submetrics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| s["name"].to_string())
        .collect();
    submetrics.sort();
    format!(
        "metric {name} {} {} thresholds={} submetrics=[{}]",
        data["type"],
        data["contains"],
        data["thresholds"],
        submetrics.join(",")
    )
}

/// `k=v,k2=v2` in the order of the file, which is the order of names, and metadata after a bar.
fn tags(data: &Value) -> String {
    let pairs = |key: &str| -> Vec<String> {
        let pairs = data[key].as_object().into_iter().flatten();
        pairs
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("not a text")))
            .collect()
    };
    let metadata = pairs("metadata");
    let bar = if metadata.is_empty() { "" } else { " | " };
    format!("{}{bar}{}", pairs("tags").join(","), metadata.join(","))
}
