//! The end of a run: when it is over, what is written then, and the exit code.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rt::Nanos;
use serde_json::json;

use super::desk::Desk;
use crate::history::Moment;
use crate::html::Report;
use crate::json;
use crate::message::{Health, Quitting};
use crate::tables::{self, Rates};

/// How long workers may hand over their last measurements after the master has finished.
const LAST_REPORTS: Duration = Duration::from_secs(5);
/// How long a child that has told everything may take to end.
const LAST_WORDS: Duration = Duration::from_secs(30);
/// How long a process may live on after its connection broke.
const AFTER_BREAK: Duration = Duration::from_secs(10);
/// Share of a CPU, and of late beats, from which on the generator itself is to be doubted.
const BUSY: f64 = 0.9;
const LATE: f64 = 0.01;

/// What is known of the end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The child said that the test is over.
    pub(super) quitting: Option<Quitting>,
    /// The leading child went away without having finished.
    pub(super) lead_lost_at: Option<Nanos>,
    /// The process ended.
    pub(super) exited: Option<(Option<ExitStatus>, Nanos)>,
    /// A file could not be written.
    pub(super) could_not_write: bool,
    finished: Option<Finished>,
    is_reported: bool,
    is_killed: bool,
}

#[derive(Debug)]
struct Finished {
    at: Nanos,
    html_file: Option<String>,
    host: Option<String>,
}

impl Ending {
    /// The leading child has told everything.
    pub(super) fn finish(&mut self, html_file: Option<String>, host: Option<String>) {
        self.finished = Some(Finished { at: rt::now(), html_file, host });
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.is_some()
    }
}

impl Desk<'_> {
    /// Whether nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        self.ending.exited.is_some() && (self.ending.is_reported || self.hello().is_none())
    }

    /// The longest to wait for events, near the end.
    pub(super) fn patience(&self) -> Duration {
        let is_ending = self.ending.is_finished()
            || self.ending.lead_lost_at.is_some()
            || self.ending.exited.is_some();
        Duration::from_millis(if is_ending { 20 } else { 1_000 })
    }

    /// Writes the reports when everything has come that will, and ends processes that do not.
    pub(super) fn end_if_due(&mut self) {
        let now = rt::now();
        let waited = |since: Option<Nanos>, patience: Duration| {
            since.is_some_and(|since| now.since(since) >= patience)
        };
        let all_closed = self.n_open() == 0;
        let finished_at = self.ending.finished.as_ref().map(|finished| finished.at);
        let lost_at = self.ending.lead_lost_at;
        let exited_at = self.ending.exited.map(|(_, at)| at);
        if self.hello().is_some() && !self.ending.is_reported {
            let only_lead = self.n_open() <= 1;
            let is_complete = finished_at.is_some() && only_lead
                || waited(finished_at, LAST_REPORTS)
                || exited_at.is_some() && all_closed
                || waited(exited_at, LAST_REPORTS)
                || waited(lost_at, AFTER_BREAK);
            if is_complete {
                self.ending.is_reported = true;
                self.report();
            }
        }
        let is_stuck = waited(finished_at, LAST_WORDS) || waited(lost_at, AFTER_BREAK);
        if is_stuck && exited_at.is_none() && !self.ending.is_killed {
            self.ending.is_killed = true;
            self.host.warn("the Python process does not end by itself; it is killed");
            self.kill();
        }
    }

    /// Writes and prints everything that stays of the test.
    fn report(&mut self) {
        let Some(hello) = self.hello().cloned() else { return };
        if !self.ending.is_finished() {
            let text = match self.ending.exited {
                Some((Some(status), _)) if status.signal().is_some() => {
                    format!(
                        "the Python process was killed by signal {}; what it had reported is below",
                        status.signal().unwrap_or(0)
                    )
                }
                _ => "the Python process ended before its test did; what it had reported is below"
                    .to_owned(),
            };
            self.host.warn(&text);
        }
        self.update_files();
        if let Some(path) = self.html_file(hello.text("html_file")) {
            self.write(&path, |desk| desk.html(Path::new(&hello.package)));
        }
        if hello.is_on("json") {
            let text = json::text(&self.statistics);
            self.host.out(&format!("{text}\n"));
        }
        if let Some(path) = hello.text("json_file") {
            self.write(&format!("{path}.json"), |desk| json::text(&desk.statistics));
        } else {
            self.print_tables();
        }
        if !self.request.as_locust {
            let line = self.own_lines();
            self.host.err(&line);
        }
        self.tell_lead(&json!({"type": "reported"}));
    }

    fn print_tables(&mut self) {
        let layout = self.layout();
        let text = [
            tables::requests(&self.statistics, layout, Rates::Total),
            tables::percentiles(&self.statistics, layout, &self.settings.to_report),
            tables::errors(&self.statistics, layout),
        ]
        .concat();
        self.show_tables(&text);
    }

    /// The report's file: a child that was killed could not fill in its name.
    fn html_file(&self, given: Option<&str>) -> Option<String> {
        match &self.ending.finished {
            Some(finished) => finished.html_file.clone(),
            None => given.map(str::to_owned),
        }
    }

    fn html(&mut self, package: &Path) -> String {
        if let Some(last_s) = self.statistics.last_s() {
            let mut chart = std::mem::take(&mut self.chart);
            chart.close(&self.statistics, Moment { now_s: last_s, ..self.moment() });
            self.chart = chart;
        }
        let hello = self.hello();
        let finished = self.ending.finished.as_ref().and_then(|finished| finished.host.as_deref());
        let report = Report {
            statistics: &self.statistics,
            exceptions: &self.exceptions,
            history: self.chart.points(),
            host: finished.or(self.state.host.as_deref()),
            locustfile: hello.map_or("", |hello| hello.locustfile.as_str()),
            profile: hello.and_then(|hello| hello.text("profile")),
            tasks: &self.tasks,
            percentiles_to_statistics: &self.settings.to_statistics,
            percentiles_to_chart: &self.settings.to_chart,
            percentiles_for_html: &self.settings.for_html,
            show_download_link: false,
            is_dark: false,
        };
        report.page(package)
    }

    fn write(&mut self, path: &str, text: impl FnOnce(&mut Self) -> String) {
        let text = text(self);
        let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
        let made = folder.map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = made.and_then(|()| fs::write(path, text)) {
            self.host.warn(&format!("can't write {path}: {error}"));
            self.ending.could_not_write = true;
        }
    }

    /// What Locust does not tell: latency below the millisecond, and whether the generator kept up.
    fn own_lines(&self) -> String {
        let total = self.statistics.total();
        let mut text = String::new();
        if total.entry.trend().count() > 0 {
            let times = total.exact_percentiles(&[0.5, 0.95, 0.99]);
            text.push_str(&format!(
                "Squall: p50 {:.3} ms, p95 {:.3} ms, p99 {:.3} ms over {} requests",
                times[0], times[1], times[2], total.entry.requests
            ));
            match self.slow_requests() {
                (0, _) => text.push('\n'),
                (n, reasons) => {
                    let reasons: Vec<String> = reasons
                        .iter()
                        .take(3)
                        .map(|(reason, n)| format!("{reason}: {n}"))
                        .collect();
                    let reasons = reasons.join(", ");
                    text.push_str(&format!(
                        "; {n} of them went Locust's own, slower way ({reasons})\n"
                    ));
                }
            }
        }
        if let Some(all) = self.statistics.with_missed() {
            let times = all.percentiles(&[0.5, 0.95, 0.99]);
            text.push_str(&format!(
                "With the {} slots that users with a constant pace missed while they waited: p50 {:.3} ms, p95 {:.3} ms, \
                 p99 {:.3} ms\n",
                all.slots, times[0], times[1], times[2]
            ));
        }
        if let Some(line) = generator(&self.health()) {
            text.push_str(&line);
        }
        match self.statistics.lost_snapshots() {
            0 => {}
            n => text.push_str(&format!("Lost: {n} seconds of one process's measurements\n")),
        }
        text
    }

    /// Locust's rule, from the numbers of all processes.
    pub(super) fn exit_code_by_rule(&self) -> i64 {
        let quitting = self.ending.quitting.clone().unwrap_or_default();
        let has_failed = !self.statistics.errors().is_empty()
            || !self.exceptions.is_empty()
            || quitting.exceptions > 0;
        let on_error = || {
            self.hello().and_then(|hello| hello.options["exit_code_on_error"].as_i64()).unwrap_or(1)
        };
        if has_failed {
            on_error()
        } else if quitting.unhandled {
            2
        } else if quitting.stop_test.is_some() && self.statistics.total().entry.requests == 0 {
            // Locust says 0 where not one user could be made: a test that tested nothing.
            1
        } else {
            0
        }
    }

    /// The exit code, and how the run ended.
    pub(super) fn verdict(&self) -> (u8, String) {
        let status = self.ending.exited.and_then(|(status, _)| status);
        let byte = |code: i64| u8::try_from(code.rem_euclid(256)).unwrap_or(1);
        let (code, reason) = match (status.and_then(|status| status.code()), &self.ending.finished)
        {
            (Some(code), Some(_)) => (byte(i64::from(code)), "finished".to_owned()),
            (Some(code), None) => {
                let rule = if self.hello().is_some() { self.exit_code_by_rule() } else { 0 };
                let code = if code == 0 { byte(rule) } else { byte(i64::from(code)) };
                (code, "the Python process ended before its test did".to_owned())
            }
            (None, Some(_)) => (byte(self.exit_code_by_rule()), "finished".to_owned()),
            (None, None) => {
                let signal = status.and_then(|status| status.signal()).unwrap_or(0);
                let code = byte(self.exit_code_by_rule()).max(1);
                (code, format!("the Python process was killed by signal {signal}"))
            }
        };
        let code = if self.ending.could_not_write { code.max(1) } else { code };
        (code, reason)
    }
}

/// Whether the processes that made load kept up: the worst of them counts.
fn generator(processes: &[(Health, f64)]) -> Option<String> {
    let late_part = |health: &Health| health.late as f64 / health.beats.max(1) as f64;
    let cpu = processes.iter().map(|(_, cpu)| *cpu).reduce(f64::max)?;
    let late = processes.iter().map(|(health, _)| late_part(health)).reduce(f64::max)?;
    let worst_ms = processes.iter().map(|(health, _)| health.worst_ms).reduce(f64::max)?;
    let verdict = match (cpu >= BUSY, late >= LATE) {
        (true, _) => "busy: more processes (--processes) would make more load",
        (false, true) => "woken late: other programs took its CPU",
        (false, false) => "kept up",
    };
    Some(format!(
        "Generator {verdict} ({:.0} % of a CPU, late by over 10 ms in {:.1} % of looks, at worst {worst_ms:.0} ms)\n",
        cpu * 100.0,
        late * 100.0,
    ))
}
