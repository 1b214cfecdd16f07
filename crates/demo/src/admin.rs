//! The `/_…` endpoints: the log, the figures, the modes and the transcript of the target itself.

use crate::answer::{Answer, JSON};
use crate::book::Book;
use crate::control::Control;
use crate::percent;
use crate::reader::Request;
use crate::route::Route;
use crate::stats::{self, Scope};
use serde_json::{Value, json};

const JSON_LINES: &str = "application/x-ndjson";
/// How many log entries one answer holds at most.
const MAX_LINES: usize = 200_000;

/// Answers an admin request.
pub(crate) fn answer(request: &Request<'_>, route: Route, book: &mut Book, answer: &mut Answer) {
    let (_, query) = request.path_and_query();
    match route {
        Route::Control if request.method() == b"PUT" => match Control::from_json(request.body) {
            Ok(control) => {
                book.set_control(control);
                answer.text(JSON, control.to_json().as_bytes());
            }
            Err(error) => answer.error(400, &error.to_string()),
        },
        Route::Control => answer.text(JSON, book.director.control().to_json().as_bytes()),
        Route::Log => log(query, book, answer),
        Route::Stats => figures(query, book, answer),
        Route::Reset => {
            book.reset();
            answer.json(&json!({ "reset": true }));
        }
        Route::Transcript => {
            let entries: Vec<Value> =
                book.transcript.entries().iter().map(|entry| entry.to_json()).collect();
            answer.json(&json!({
                "on": book.transcript.is_on(),
                "dropped": book.transcript.n_dropped(),
                "requests": entries,
            }));
        }
        _ => answer.error(404, "not found"),
    }
}

/// `?since=SEQ&limit=N`: JSON lines; `X-Next-Since` says where to go on, `X-First-Seq` which entry
/// is the oldest still held.
fn log(query: &str, book: &Book, answer: &mut Answer) {
    let Ok(since) = number(query, "since") else {
        return answer.error(400, "`since` is not a number");
    };
    let Ok(limit) = number(query, "limit") else {
        return answer.error(400, "`limit` is not a number");
    };
    let limit = limit.map_or(MAX_LINES, |n| (n as usize).min(MAX_LINES));
    let since = since.unwrap_or(0);
    let mut next = since.max(book.log.first_seq()).min(book.log.next_seq());
    answer.content_type = JSON_LINES;
    for (seq, record) in book.log.records(since).take(limit) {
        answer.body.extend_from_slice(book.log.entry(seq, record).to_json().as_bytes());
        answer.body.push(b'\n');
        next = seq + 1;
    }
    answer.header("X-First-Seq", &book.log.first_seq().to_string());
    answer.header("X-Next-Since", &next.to_string());
}

/// `?since=SEQ&route=/v1/results&rate=1000`.
fn figures(query: &str, book: &Book, answer: &mut Answer) {
    let Ok(since) = number(query, "since") else {
        return answer.error(400, "`since` is not a number");
    };
    let rate = percent::value(query, "rate").map(|text| text.parse::<f64>());
    let rate = match rate {
        None => None,
        Some(Ok(rate)) if rate.is_finite() && rate > 0.0 => Some(rate),
        Some(_) => return answer.error(400, "`rate` is not a positive number"),
    };
    let route = percent::value(query, "route").unwrap_or_default();
    let scope = Scope { since: since.unwrap_or(0), route: &route, rate };
    answer.json(&stats::document(&book.served(), &book.log, &scope));
}

fn number(query: &str, key: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    percent::value(query, key).map(|text| text.parse()).transpose()
}
