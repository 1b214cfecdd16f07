//! The pages of Locust's web UI that are made of merged numbers. The others are the Python process's.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::csv;
use crate::history::percentile_key;
use crate::html;
use crate::json::{PARTS, percentiles, sorted};
use crate::message::Hello;
use crate::run::PageOf;
use crate::time::local_minute;

/// Rows of a table beyond which the page would be too slow, as in Locust.
const MAX_ROWS: usize = 500;
const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const HTML: &str = "text/html; charset=utf-8";

/// A page's type, further headers and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its type.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its text.
    pub body: String,
}

impl Page {
    fn new(content_type: &'static str, body: String) -> Self {
        // As Locust: pages of any origin may read them.
        let headers = vec![("access-control-allow-origin", "*".to_owned())];
        Self { content_type, headers, body }
    }

    fn json(value: &Value) -> Self {
        Self::new(JSON, sorted(value))
    }

    fn attached(mut self, name: &str) -> Self {
        self.headers.push(("content-disposition", format!("attachment;filename={name}")));
        self
    }
}

/// The page at a path, if it is one of ours.
pub fn page(of: &PageOf<'_>, hello: &Hello, path: &str, query: &str) -> Option<Page> {
    let base = hello.text("web_base_path").unwrap_or_default();
    Some(match path.strip_prefix(base)? {
        "/stats/requests" => Page::json(&requests(of)),
        "/exceptions" => Page::json(&json!({"exceptions": html::exceptions(of.exceptions)})),
        "/stats/requests/csv" => Page::new(CSV, csv::requests(of.statistics, of.form))
            .attached(&file_name(of, hello, "_requests.csv")),
        "/stats/failures/csv" => Page::new(CSV, csv::failures(of.statistics)).attached(&file_name(
            of,
            hello,
            "_failures.csv",
        )),
        "/exceptions/csv" => Page::new(CSV, csv::exceptions(of.exceptions)).attached(&file_name(
            of,
            hello,
            "_exceptions.csv",
        )),
        "/stats/report" => report(of, hello, query),
        _ => return None,
    })
}

fn report(of: &PageOf<'_>, hello: &Hello, query: &str) -> Page {
    let value = |key: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(k, _)| *k == key).map(|(_, v)| v).next_back().unwrap_or_default()
    };
    let is_download = !value("download").is_empty();
    let report = html::Report {
        show_download_link: !is_download,
        is_dark: value("theme") == "dark",
        ..of.report(hello)
    };
    let page = Page::new(HTML, report.page(Path::new(&hello.package)));
    if is_download { page.attached(&file_name(of, hello, ".html")) } else { page }
}

fn file_name(of: &PageOf<'_>, hello: &Hello, ending: &str) -> String {
    let host = of.state.host.as_ref().map_or_else(String::new, |host| format!("_{host}"));
    let minute = local_minute(of.statistics.start_s(), hello.utc_offset_s);
    format!("Locust_{minute}_{}{host}{ending}", hello.locustfile)
}

fn requests(of: &PageOf<'_>) -> Value {
    let statistics = of.statistics;
    let total = statistics.total();
    let mut rows: Vec<Value> = statistics
        .sorted()
        .into_iter()
        .take(MAX_ROWS)
        .map(|view| html::row(view, of.to_statistics))
        .collect();
    rows.push(html::row(total, of.to_statistics));
    let errors: Vec<Value> = statistics
        .errors()
        .iter()
        .take(MAX_ROWS)
        .map(|error| {
            json!({
                "name": error.name,
                "method": error.method,
                "error": error.error,
                "occurrences": error.occurrences,
                "first_seen": error.first_s,
                "last_seen": error.last_s,
            })
        })
        .collect();
    let moment = of.moment;
    let current = total.current_percentiles(moment.percentiles, moment.now_s, moment.window_s);
    let latest: Map<String, Value> = moment
        .percentiles
        .iter()
        .enumerate()
        .map(|(at, part)| (percentile_key(*part), json!(current.as_ref().map(|list| list[at]))))
        .collect();
    let mut report = json!({
        "stats": rows,
        "errors": errors,
        "current_rps": total.current_rps(),
        "current_fail_per_sec": total.current_fail_per_sec(),
        "total_rps": total.total_rps(),
        "total_fail_per_sec": total.total_fail_per_sec(),
        "fail_ratio": total.fail_ratio(),
        "current_response_time_percentiles": latest,
        "state": of.state.state,
        "user_count": of.state.user_count,
    });
    if let Some(all) = statistics.with_missed() {
        report["with_missed_slots"] = json!({
            "missed_slots": all.slots,
            "percentiles": percentiles(&all.percentiles(&PARTS)),
        });
    }
    if let Some(workers) = &of.state.workers {
        report["workers"] = workers.clone();
        report["worker_count"] = json!(of.state.worker_count);
    }
    report
}
