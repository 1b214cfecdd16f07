//! A section's metrics, in k6's blocks by subject.

use super::{Block, Page, SummaryMode, indent, is_listed, is_listed_part};
use crate::columns::{Line, Widths};
use crate::name;
use crate::paint::Ink;
use metrics::MetricTotal;

/// The blocks in order, each with the beginnings of the names that belong to it. A custom metric
/// goes where its name sends it: k6 looks at the beginning only. The first block that claims a
/// name has it, therefore `WEB_VITALS` is found before `BROWSER`, and what nobody claims is
/// `CUSTOM`.
const SUBJECTS: [(&str, &[&str]); 7] = [
    (
        "HTTP",
        &[
            "http_reqs",
            "http_req_failed",
            "http_req_duration",
            "http_req_blocked",
            "http_req_connecting",
            "http_req_tls_handshaking",
            "http_req_sending",
            "http_req_waiting",
            "http_req_receiving",
        ],
    ),
    ("EXECUTION", &["vus", "iterations", "iteration_duration", "dropped_iterations"]),
    ("NETWORK", &["data_sent", "data_received"]),
    ("BROWSER", &["browser_"]),
    ("WEB_VITALS", &["browser_web_vital_"]),
    ("GRPC", &["grpc_"]),
    ("WEBSOCKET", &["ws_"]),
];
/// Shown as checks and groups instead.
const NEVER: [&str; 2] = ["checks", "group_duration"];
/// Left out of the compact form.
const PHASES: [&str; 6] = [
    "http_req_blocked",
    "http_req_connecting",
    "http_req_receiving",
    "http_req_sending",
    "http_req_tls_handshaking",
    "http_req_waiting",
];

/// Whether a metric appears among the blocks of `mode`.
pub(crate) fn is_in_blocks(name: &str, mode: SummaryMode) -> bool {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let is_hidden_phase = mode == SummaryMode::Compact && starts(&PHASES);
    !starts(&NEVER) && !is_hidden_phase
}

/// Index of the block: 0 is `CUSTOM`, the others those of [`SUBJECTS`] plus one.
fn subject(name: &str) -> usize {
    let longest = |prefixes: &[&str]| {
        prefixes.iter().filter(|prefix| name.starts_with(**prefix)).map(|prefix| prefix.len()).max()
    };
    let claims = SUBJECTS.iter().enumerate();
    let claims = claims.filter_map(|(i, (_, prefixes))| Some((longest(prefixes)?, i + 1)));
    claims.max().map_or(0, |(_, place)| place)
}

impl Page<'_> {
    pub(super) fn metric_blocks(&self, metrics: &[MetricTotal], depth: usize) -> Vec<Block> {
        let mut shown: Vec<&MetricTotal> = metrics
            .iter()
            .filter(|metric| is_listed(metric) && is_in_blocks(&metric.name, self.mode))
            .collect();
        shown.sort_by(|a, b| name::compare(&a.name, &b.name));
        let lines: Vec<(usize, Line)> = shown
            .into_iter()
            .flat_map(|metric| {
                let subject = subject(&metric.name);
                self.metric_lines(metric).into_iter().map(move |line| (subject, line))
            })
            .collect();
        let widths = Widths::of(lines.iter().map(|(_, line)| line));
        let titles = std::iter::once("CUSTOM").chain(SUBJECTS.iter().map(|(title, _)| *title));
        let mut blocks = Vec::new();
        for (place, title) in titles.enumerate() {
            let own = lines.iter().filter(|(subject, _)| *subject == place);
            let own: Vec<String> = own
                .map(|(_, line)| {
                    format!("{}{}", indent(depth), line.render_indented(&widths, &self.paint))
                })
                .collect();
            if !own.is_empty() {
                let mut block =
                    vec![format!("{}{}", indent(depth), self.paint.on(Ink::Title, title))];
                block.extend(own);
                blocks.push(block);
            }
        }
        blocks
    }

    /// A metric's line and those of its submetrics.
    fn metric_lines(&self, metric: &MetricTotal) -> Vec<Line> {
        let line = |name: String, nested, sink| self.form.line(name, nested, sink, metric.contains);
        let mut parts: Vec<_> =
            metric.submetrics.iter().filter(|part| is_listed_part(part)).collect();
        parts.sort_by(|a, b| name::compare(&a.name, &b.name));
        let mut lines = vec![line(metric.name.clone(), false, &metric.sink)];
        let parts = parts.into_iter();
        lines.extend(parts.map(|part| line(format!("{{ {} }}", part.suffix), true, &part.sink)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_by_the_beginning_of_a_name() {
        // As k6 2.2 sorted custom counters of these names.
        for (title, names) in [
            (
                "CUSTOM",
                "browserx check_x Checks data_x dropped_x group_x grpcx http_ http_foo Http_foo \
                 http_req httpx iteration_x iterationz squall_x websocket_x wsx http_req_ \
                 http_req_dur http_req_looking_up",
            ),
            ("HTTP", "http_req_failedx http_reqsx http_req_durationz http_req_sending1"),
            (
                "EXECUTION",
                "dropped_iterations_foo iteration_durations iterations_y vus_a vus_maxx vusb",
            ),
            ("NETWORK", "data_receivedz data_sent_x data_sentx"),
            ("BROWSER", "browser_ browser_data_y browser_http_x browser_web_vital browser_x"),
            ("WEB_VITALS", "browser_web_vital_ browser_web_vital_x"),
            ("GRPC", "grpc_ grpc_req_duration_x"),
            ("WEBSOCKET", "ws_ ws_x"),
        ] {
            for name in names.split_whitespace() {
                let place = subject(name);
                let got = if place == 0 { "CUSTOM" } else { SUBJECTS[place - 1].0 };
                assert_eq!(got, title, "{name}");
            }
        }
        for name in ["checks", "checksx", "checks_mine", "group_duration_x"] {
            assert!(!is_in_blocks(name, SummaryMode::Full), "{name}");
        }
        assert!(!is_in_blocks("http_req_blocked_mine", SummaryMode::Compact));
        assert!(is_in_blocks("http_req_blocked_mine", SummaryMode::Full));
    }
}
