//! The HTML report: the page of the user's own `locust` package, filled with our numbers.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::history::percentile_key;
use crate::message::ExceptionRow;
use crate::missed::WITH_MISSED;
use crate::number::{proper_round, repr_float};
use crate::statistics::{Statistics, Value as Number, View};
use crate::time::{duration, utc};

/// What the report shows besides the statistics.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The numbers.
    pub statistics: &'a Statistics,
    /// What tasks raised.
    pub exceptions: &'a [ExceptionRow],
    /// The points of the charts.
    pub history: &'a [Value],
    /// The target.
    pub host: Option<&'a str>,
    /// The Locust file's name.
    pub locustfile: &'a str,
    /// `--profile`.
    pub profile: Option<&'a str>,
    /// How users and tasks were distributed; an object.
    pub tasks: &'a Value,
    /// Percentiles of the table of requests.
    pub percentiles_to_statistics: &'a [f64],
    /// Percentiles of the charts.
    pub percentiles_to_chart: &'a [f64],
    /// Percentiles of the table of response times.
    pub percentiles_for_html: &'a [f64],
    /// Whether the page offers itself for download.
    pub show_download_link: bool,
    /// Whether the page is dark.
    pub is_dark: bool,
}

impl Report<'_> {
    /// The page's data.
    pub fn data(&self) -> Value {
        let statistics = self.statistics;
        let start_s = statistics.start_s();
        let end_s = statistics.last_s().unwrap_or(start_s);
        let mut views = statistics.sorted();
        views.push(statistics.total());
        let times = views.iter().map(|view| {
            let mut row = Map::new();
            row.insert("name".into(), json!(view.entry.name));
            row.insert("method".into(), json!(view.entry.method));
            let values = view.percentiles(self.percentiles_for_html);
            for (part, value) in self.percentiles_for_html.iter().zip(values) {
                row.insert(repr_float(*part), json!(value));
            }
            Value::Object(row)
        });
        let with_missed = statistics.with_missed().map(|all| {
            let mut row = Map::new();
            row.insert("name".into(), json!(WITH_MISSED));
            row.insert("method".into(), json!(""));
            let values = all.percentiles(self.percentiles_for_html);
            for (part, value) in self.percentiles_for_html.iter().zip(values) {
                row.insert(repr_float(*part), json!(statistics.shown(value)));
            }
            Value::Object(row)
        });
        let failures = statistics.errors_by_key().into_iter().map(|error| {
            json!({
                "method": error.method,
                "name": error.name,
                "error": error.error,
                "occurrences": error.occurrences,
                "first_seen": error.first_s,
                "last_seen": error.last_s,
            })
        });
        json!({
            "is_report": true,
            "requests_statistics": views
                .iter()
                .map(|view| row(*view, self.percentiles_to_statistics))
                .collect::<Vec<_>>(),
            "failures_statistics": failures.collect::<Vec<_>>(),
            "exceptions_statistics": exceptions(self.exceptions),
            "response_time_statistics": times.chain(with_missed).collect::<Vec<_>>(),
            "start_time": utc(start_s),
            "end_time": utc(end_s),
            "duration": duration(start_s, end_s),
            // The text `None` where there is no host, as in Locust.
            "host": self.host.unwrap_or("None"),
            "history": self.history,
            "show_download_link": self.show_download_link,
            "locustfile": self.locustfile,
            "tasks": self.tasks,
            "percentiles_to_chart": self.percentiles_to_chart,
            "profile": self.profile,
        })
    }

    /// The whole page. `package` is the folder of the user's `locust` package; without its page the report is a plain
    /// one of tables.
    pub fn page(&self, package: &Path) -> String {
        let theme = if self.is_dark { "dark" } else { "light" };
        let data = in_script(&self.data());
        let path = package.join("webui").join("dist").join("report.html");
        match fs::read_to_string(path).ok().and_then(|template| fill(&template, &data, theme)) {
            Some(page) => page,
            None => self.plain_page(),
        }
    }

    fn plain_page(&self) -> String {
        let statistics = self.statistics;
        let layout = crate::tables::Layout::default();
        let tables = [
            crate::tables::requests(statistics, layout, crate::tables::Rates::Total),
            crate::tables::percentiles(statistics, layout, self.percentiles_for_html),
            crate::tables::errors(statistics, layout),
        ]
        .concat();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Locust</title></head>\n<body>\n\
             <h1>{}</h1>\n<p>{} to {}</p>\n<pre>{}</pre>\n</body></html>\n",
            escaped(self.locustfile),
            utc(statistics.start_s()),
            utc(statistics.last_s().unwrap_or_else(|| statistics.start_s())),
            escaped(&tables),
        )
    }
}

/// A row of the table of requests, as Locust's API gives it.
pub fn row(view: View<'_>, percentiles: &[f64]) -> Value {
    let number = |value: Number| match value {
        Number::Int(n) => json!(n),
        Number::Float(x) => json!(x),
    };
    let min = view.min_response_time().map_or_else(|| json!(0), |min| json!(proper_round(min, 0)));
    let mut row = Map::new();
    row.insert("method".into(), json!(view.entry.method));
    row.insert("name".into(), json!(view.entry.name));
    row.insert("num_requests".into(), json!(view.entry.requests));
    row.insert("num_failures".into(), json!(view.entry.failures));
    row.insert("min_response_time".into(), min);
    let max = proper_round(view.max_response_time().unwrap_or(0.0), 0);
    row.insert("max_response_time".into(), json!(max));
    row.insert("current_rps".into(), json!(view.current_rps()));
    row.insert("current_fail_per_sec".into(), json!(view.current_fail_per_sec()));
    row.insert("avg_response_time".into(), json!(view.avg_response_time()));
    row.insert("median_response_time".into(), number(view.median_response_time()));
    row.insert("total_rps".into(), json!(view.total_rps()));
    row.insert("total_fail_per_sec".into(), json!(view.total_fail_per_sec()));
    for (part, value) in percentiles.iter().zip(view.percentiles(percentiles)) {
        row.insert(percentile_key(*part), json!(value));
    }
    row.insert("avg_content_length".into(), number(view.avg_content_length()));
    Value::Object(row)
}

/// Exceptions as the page and the API have them.
pub fn exceptions(rows: &[ExceptionRow]) -> Vec<Value> {
    rows.iter()
        .map(|row| {
            json!({
                "count": row.count,
                "msg": row.msg,
                "traceback": row.traceback,
                "nodes": row.nodes.join(", "),
            })
        })
        .collect()
}

/// JSON that may stand in a script: nothing in it ends the element or begins another, as Jinja's `tojson` has it.
pub fn in_script(data: &Value) -> String {
    data.to_string()
        .replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('\'', "\\u0027")
}

/// Fills Locust's template. It is Jinja's, of which it uses two expressions and raw blocks; `None` where it has not the
/// first of them, so is another one.
fn fill(template: &str, data: &str, theme: &str) -> Option<String> {
    let mut page = String::with_capacity(template.len() + data.len());
    let mut rest = template;
    let mut has_data = false;
    while let Some(at) = rest.find('{') {
        page.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(raw) = tag(rest, "{%", "%}").filter(|(inner, _)| inner.trim() == "raw") {
            let (body, after) = end_of_raw(raw.1)?;
            page.push_str(body);
            rest = after;
        } else if let Some((inner, after)) = tag(rest, "{{", "}}") {
            match inner.replace(' ', "").as_str() {
                "template_args|tojson" => {
                    page.push_str(data);
                    has_data = true;
                }
                "theme" => page.push_str(theme),
                _ => return None,
            }
            rest = after;
        } else {
            page.push('{');
            rest = &rest[1..];
        }
    }
    page.push_str(rest);
    has_data.then_some(page)
}

/// The inside of a tag at the start of `text`, and what follows it.
fn tag<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(open)?.split_once(close)
}

fn end_of_raw(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find("{%").map(|at| at + from) {
        if let Some((inner, after)) = tag(&text[at..], "{%", "%}")
            && inner.trim() == "endraw"
        {
            return Some((&text[..at], after));
        }
        from = at + 2;
    }
    None
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_filled_and_raw_blocks_stay_as_they_are() {
        let template = "<a>{% raw %}var x={{y}};{%z%}{% endraw %}<s>{{ template_args|tojson }}</s>{{theme}}{b}";
        assert_eq!(
            fill(template, "{\"a\":1}", "dark").as_deref(),
            Some("<a>var x={{y}};{%z%}<s>{\"a\":1}</s>dark{b}")
        );
        assert_eq!(fill("no data", "{}", "light"), None);
        assert_eq!(fill("{{ other }}{{ template_args|tojson }}", "{}", "light"), None);
    }

    #[test]
    fn data_can_not_end_the_script_it_stands_in() {
        assert_eq!(
            in_script(&json!({"a": "</script>&'"})),
            "{\"a\":\"\\u003c/script\\u003e\\u0026\\u0027\"}"
        );
    }
}
