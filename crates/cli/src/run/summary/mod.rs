//! After the run: k6's summary or what the script's `handleSummary` makes of it, then what Squall adds.

mod files;

use engine::RunOutcome;
use k6::SummaryResult;
use metrics::Totals;
use report::number::TimeUnit;
use report::{
    MachineSummaryOptions, SelfCheckFigures, SummaryDataOptions, SummaryOptions, TrendStat,
};
use serde_json::Value;

use super::preparation::Prepared;
use super::runtime::SummaryMode;
use super::self_check;
use crate::log::Level;
use crate::session::{K6_VERSION, Name, Session};

/// Rows of the table of requests.
const TOP_REQUESTS: usize = 20;

/// Everything a summary's look depends on.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// How much of it.
    pub(crate) mode: SummaryMode,
    /// Columns of trends; empty for k6's default.
    pub(crate) trend_stats: Vec<String>,
    /// Unit of times; empty for each its own.
    pub(crate) time_unit: String,
    /// Whether colours are wanted.
    pub(crate) color: bool,
}

impl Look {
    fn report_mode(&self) -> report::SummaryMode {
        match self.mode {
            SummaryMode::Full => report::SummaryMode::Full,
            _ => report::SummaryMode::Compact,
        }
    }

    pub(crate) fn trend_stats(&self) -> Vec<TrendStat> {
        if self.trend_stats.is_empty() {
            return TrendStat::defaults();
        }
        // They were checked when the options were; one that slipped through is left out rather than fatal.
        self.trend_stats.iter().filter_map(|stat| TrendStat::parse(stat).ok()).collect()
    }
}

/// The statistics of trends a run's options want.
pub(crate) fn trend_stats(prepared: &Prepared) -> Vec<TrendStat> {
    let stats = prepared.options.summary_trend_stats.clone().unwrap_or_default();
    if stats.is_empty() {
        return TrendStat::defaults();
    }
    stats.iter().filter_map(|stat| TrendStat::parse(stat).ok()).collect()
}

/// k6's text of a mode.
pub(crate) fn text(totals: &Totals, look: &Look) -> String {
    let options = SummaryOptions {
        mode: look.report_mode(),
        trend_stats: look.trend_stats(),
        time_unit: TimeUnit::parse(&look.time_unit),
        colours: look.color,
        clear_lines: false,
    };
    report::summary(totals, &options)
}

/// The table of requests and the line about the generator.
pub(crate) fn additions(totals: &Totals, check: Option<&SelfCheckFigures>) -> String {
    let mut text = report::requests(totals, TOP_REQUESTS);
    if let Some(check) = check {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("  ");
        text.push_str(&report::trust(check));
        text.push('\n');
    }
    text
}

/// Prints what k6 would print at the end of a run, writes the files, and adds what is ours.
pub(crate) fn print(session: &Session, prepared: &Prepared, outcome: &RunOutcome) {
    let mode = prepared.runtime.summary_mode;
    if mode == SummaryMode::Disabled {
        return;
    }
    let data = Data { session, prepared, totals: &outcome.totals };
    let mut gap = "";
    match data.handle() {
        Ok(parts) => {
            let last = parts.iter().rev().find(|(place, _)| place == "stdout");
            if last.is_some_and(|(_, text)| !text.ends_with(b"\n")) {
                gap = "\n\n";
            }
        }
        Err(error) => {
            let fields = [("error", error)];
            session.log.log(Level::Error, "failed to handle the end-of-test summary", &fields);
        }
    }
    if session.name == Name::Squall {
        let check = self_check::figures(&outcome.self_check);
        let text = format!("{gap}{}", additions(&outcome.totals, Some(&check)));
        // With --quiet standard output is what the script or k6 prints, and nothing else: it may be piped.
        if session.quiet() { session.terminal.err(&text) } else { session.terminal.out(&text) }
    }
}

/// What the summary of one run is made of.
struct Data<'a> {
    session: &'a Session,
    prepared: &'a Prepared,
    totals: &'a Totals,
}

impl Data<'_> {
    fn look(&self) -> Look {
        let options = &self.prepared.options;
        Look {
            mode: self.prepared.runtime.summary_mode,
            trend_stats: options.summary_trend_stats.clone().unwrap_or_default(),
            time_unit: options.summary_time_unit.clone().unwrap_or_default(),
            color: self.session.terminal.abilities.stdout_color(),
        }
    }

    /// Lets the script have its say, then prints and writes.
    fn handle(&self) -> Result<Vec<files::Part>, String> {
        let timeout = self.prepared.options.handle_summary_timeout_or_default();
        let argument = self.argument().to_string();
        let (mut parts, failed) = match self.prepared.test.handle_summary(&argument, timeout) {
            Ok(SummaryResult::Default) => (vec![self.default_text()], None),
            Ok(SummaryResult::Files(files)) => {
                (files.into_iter().map(|file| (file.name, file.content)).collect(), None)
            }
            Ok(SummaryResult::Threw(text)) => {
                let fields =
                    [("hint", "script exception".to_owned()), ("source", "stacktrace".to_owned())];
                self.session.log.log(Level::Error, &text, &fields);
                (vec![self.default_text()], None)
            }
            Ok(SummaryResult::Invalid(text)) | Err(text) => (Vec::new(), Some(text)),
        };
        let is_printed = |parts: &[files::Part]| parts.iter().any(|(place, _)| place == "stdout");
        if self.session.flags.is_on("with-summary") && !is_printed(&parts) {
            parts.push(self.default_text());
        }
        // Whatever the script makes of its summary, or fails to: an export that was asked for is written.
        if let Some(path) = &self.prepared.runtime.summary_export {
            parts.push((path.clone(), self.export().into_bytes()));
        }
        // What handleSummary printed comes before what it gave.
        self.session.log.flush();
        files::save(&parts, &self.session.terminal)?;
        failed.map_or(Ok(parts), Err)
    }

    fn default_text(&self) -> files::Part {
        let look = self.look();
        let text = if look.mode == SummaryMode::Legacy {
            let options = data_options(&look, self.session, self.setup_data());
            let data = report::handle_summary_data(self.totals, &options);
            match report::text_summary(&data, " ", look.color) {
                Ok(text) => format!("\n{text}\n\n"),
                Err(error) => format!("\nsummary: {error}\n\n"),
            }
        } else {
            text(self.totals, &look)
        };
        ("stdout".into(), text.into_bytes())
    }

    fn setup_data(&self) -> Option<Value> {
        serde_json::from_str(&self.prepared.test.setup_data()?).ok()
    }

    fn argument(&self) -> Value {
        let look = self.look();
        if self.prepared.runtime.machine_readable {
            return self.machine_summary(&look);
        }
        let options = data_options(&look, self.session, self.setup_data());
        report::handle_summary_data(self.totals, &options)
    }

    fn export(&self) -> String {
        let look = self.look();
        let value = if self.prepared.runtime.machine_readable {
            self.machine_summary(&look)
        } else {
            report::summary_export(
                self.totals,
                &data_options(&look, self.session, self.setup_data()),
            )
        };
        report::export_text(&value)
    }

    fn machine_summary(&self, look: &Look) -> Value {
        let now = jiff::Timestamp::from_nanosecond(i128::from(rt::unix_nanos()));
        let options = MachineSummaryOptions {
            mode: look.report_mode(),
            trend_stats: look.trend_stats(),
            script: String::from_utf8_lossy(&self.prepared.source.text).into_owned(),
            generated_at: now.unwrap_or_default().to_string(),
            k6_version: K6_VERSION.to_owned(),
        };
        report::machine_summary(self.totals, &options)
    }
}

fn data_options(look: &Look, session: &Session, setup_data: Option<Value>) -> SummaryDataOptions {
    let abilities = session.terminal.abilities;
    SummaryDataOptions {
        trend_stats: look.trend_stats(),
        time_unit: TimeUnit::parse(&look.time_unit),
        no_color: !abilities.color,
        stdout_is_tty: abilities.stdout_tty,
        stderr_is_tty: abilities.stderr_tty,
        setup_data,
    }
}

/// Writes the file of `--summary-export` for a run that was recorded.
///
/// # Errors
/// The file can't be written.
pub(crate) fn export(
    session: &Session,
    totals: &Totals,
    look: &Look,
    path: &str,
) -> Result<(), String> {
    let value = report::summary_export(totals, &data_options(look, session, None));
    let part = (path.to_owned(), report::export_text(&value).into_bytes());
    files::save(&[part], &session.terminal)
}
