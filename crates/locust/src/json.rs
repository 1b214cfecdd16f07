//! What `--json` and `--json-file` write: every entry, as Locust serialises it.

use serde_json::{Map, Value, json};

use crate::entry::Second;
use crate::missed::WITH_MISSED;
use crate::number::repr_float;
use crate::statistics::{Statistics, View};

/// The entries that had requests or failures, as Python's `json.dumps(…, indent=4)` has them.
pub fn text(statistics: &Statistics) -> String {
    let mut entries: Vec<Value> = statistics
        .in_order()
        .filter(|view| view.entry.requests > 0 || view.entry.failures > 0)
        .map(entry)
        .collect();
    entries.extend(with_missed(statistics));
    indented(&Value::Array(entries))
}

/// The row of requests and missed slots together, in the form of an entry; none where there is nothing to tell.
fn with_missed(statistics: &Statistics) -> Option<Value> {
    let all = statistics.with_missed()?;
    let mut counts: Map<String, Value> = Map::new();
    for (bucket, n) in all.times().buckets() {
        let time = statistics.shown(metrics::histogram::mid_point(bucket)).to_string();
        let before = counts.get(&time).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(time, json!(before + n));
    }
    let total = statistics.total();
    Some(json!({
        "name": WITH_MISSED,
        "method": "",
        "last_request_timestamp": total.entry.last_s,
        "start_time": total.entry.start_s,
        // None of its own: those of the other rows are all requests there were.
        "num_requests": 0,
        "num_none_requests": 0,
        "num_failures": 0,
        "missed_slots": all.slots,
        "total_response_time": all.times().sum(),
        "max_response_time": all.times().max(),
        "min_response_time": all.times().min(),
        "total_content_length": 0,
        "response_times": counts,
        "percentiles": percentiles(&all.percentiles(&PARTS)),
        "num_reqs_per_sec": {},
        "num_fail_per_sec": {},
    }))
}

/// Percentiles that are told of requests and missed slots together.
pub const PARTS: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 1.0];

/// [`PARTS`] by name, milliseconds.
pub fn percentiles(values: &[f64]) -> Value {
    let named = PARTS.iter().zip(values);
    named.map(|(part, value)| (repr_float(*part), json!(value))).collect::<Map<_, _>>().into()
}

fn entry(view: View<'_>) -> Value {
    let entry = view.entry;
    let zero = || json!(0);
    let seconds = |count: fn(Second) -> u64| -> Map<String, Value> {
        entry
            .seconds()
            .map(|(second, counts)| (second.to_string(), count(counts)))
            .filter(|(_, n)| *n > 0)
            .map(|(second, n)| (second, json!(n)))
            .collect()
    };
    let times: Map<String, Value> =
        view.response_times().into_iter().map(|(time, n)| (time.to_string(), json!(n))).collect();
    json!({
        "name": entry.name,
        "method": entry.method,
        "last_request_timestamp": entry.last_s,
        "start_time": entry.start_s,
        "num_requests": entry.requests,
        "num_none_requests": entry.nones,
        "num_failures": entry.failures,
        "total_response_time": entry.trend().sum(),
        "max_response_time": view.max_response_time().map_or_else(zero, |max| json!(max)),
        "min_response_time": view.min_response_time(),
        "total_content_length": entry.length,
        "response_times": times,
        "num_reqs_per_sec": seconds(|counts| counts.requests),
        "num_fail_per_sec": seconds(|counts| counts.failures),
    })
}

/// JSON as Python writes it with four spaces to a level.
fn indented(value: &Value) -> String {
    let mut out = String::new();
    write(value, Form { indent: 4, is_sorted: false }, 0, &mut out);
    out
}

/// JSON as Locust's API has it: two spaces to a level, keys sorted, a line end.
pub fn sorted(value: &Value) -> String {
    let mut out = String::new();
    write(value, Form { indent: 2, is_sorted: true }, 0, &mut out);
    out.push('\n');
    out
}

#[derive(Clone, Copy)]
struct Form {
    indent: usize,
    is_sorted: bool,
}

fn write(value: &Value, form: Form, level: usize, out: &mut String) {
    let new_line = |level: usize| format!("\n{}", " ".repeat(form.indent * level));
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(&new_line(level + 1));
                write(item, form, level + 1, out);
            }
            out.push_str(&new_line(level));
            out.push(']');
        }
        Value::Object(fields) if !fields.is_empty() => {
            let mut fields: Vec<_> = fields.iter().collect();
            if form.is_sorted {
                fields.sort_by_key(|(key, _)| *key);
            }
            out.push('{');
            for (at, (key, field)) in fields.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(&new_line(level + 1));
                out.push_str(&ascii(&Value::from(key.as_str())));
                out.push_str(": ");
                write(field, form, level + 1, out);
            }
            out.push_str(&new_line(level));
            out.push('}');
        }
        Value::Number(n) if n.is_f64() => out.push_str(&repr_float(n.as_f64().unwrap_or(0.0))),
        other => out.push_str(&ascii(other)),
    }
}

/// Python escapes whatever is not ASCII.
fn ascii(value: &Value) -> String {
    let text = value.to_string();
    if text.is_ascii() {
        return text;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut units = [0; 2];
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_python_writes_it() {
        let value = json!({"b": [1, 1.0, 1e-7, {}], "a": "ä😀\n"});
        assert_eq!(
            sorted(&value),
            "{\n  \"a\": \"\\u00e4\\ud83d\\ude00\\n\",\n  \"b\": [\n    1,\n    1.0,\n    1e-07,\n    {}\n  ]\n}\n"
        );
    }
}
