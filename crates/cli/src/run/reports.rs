//! `--report`: a run as files for machines that build and test.

use std::path::{Path, PathBuf};

use engine::RunOutcome;
use metrics::Totals;
use report::{CiContext, Document, Judgement};

use super::preparation::Prepared;
use super::{self_check, summary};
use crate::environment;
use crate::exit::{ExitStatus, Failure, system_text};
use crate::flags::Parsed;
use crate::log::Level;
use crate::session::Session;

/// GitHub's variable for the file that a job's summary page is made of.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// A form of the whole report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Markdown, or what a template makes.
    Markdown,
    /// A page that stands alone.
    Html,
    /// All of it as data.
    Json,
}

/// A report that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// JUnit's XML.
    Junit(PathBuf),
    /// A page of Markdown.
    Markdown(PathBuf),
    /// The same, added to a job's summary.
    StepSummary(PathBuf),
    /// The whole report, made of the run's record.
    Page(Form, PathBuf),
    /// All of its forms, in the run's folder.
    All,
}

impl Report {
    /// Reads `--report`, however often it was given.
    ///
    /// # Errors
    /// A report that does not exist, or one without a place to go to.
    pub(crate) fn wanted(flags: &Parsed) -> Result<Vec<Self>, Failure> {
        let variable = environment::option_var(STEP_SUMMARY);
        flags.all("report").map(|text| Self::parse(text, variable.as_deref())).collect()
    }

    fn parse(text: &str, step_summary: Option<&str>) -> Result<Self, Failure> {
        let (kind, file) = text.split_once('=').unwrap_or((text, ""));
        match (kind, file) {
            ("github", "") => match step_summary {
                Some(file) => Ok(Self::StepSummary(file.into())),
                None => Err(Failure::usage(format!(
                    "--report github needs the variable {STEP_SUMMARY}"
                ))),
            },
            ("all", "") => Ok(Self::All),
            ("all", _) => Err(Failure::usage("--report all takes no file: it goes into the run's folder")),
            ("junit" | "markdown" | "md" | "html" | "json", "") => {
                Err(Failure::usage(format!("--report {kind} needs a file: --report {kind}=FILE")))
            }
            ("junit", file) => Ok(Self::Junit(file.into())),
            ("markdown", file) => Ok(Self::Markdown(file.into())),
            ("md", file) => Ok(Self::Page(Form::Markdown, file.into())),
            ("html", file) => Ok(Self::Page(Form::Html, file.into())),
            ("json", file) => Ok(Self::Page(Form::Json, file.into())),
            _ => Err(Failure::usage(format!("invalid report {text:?}")).hint(
                "there are md=FILE, html=FILE, json=FILE, junit=FILE, markdown=FILE, github and all",
            )),
        }
    }
}

/// Writes the reports of a run that has ended.
pub(crate) fn write_run(
    session: &Session,
    prepared: &Prepared,
    outcome: &RunOutcome,
    failure: Option<&Failure>,
    (reports, judgement): (&[Report], Option<&Judgement>),
) {
    if reports.is_empty() {
        return;
    }
    let failure = failure.filter(|failure| failure.status != ExitStatus::ThresholdsCrossed);
    let check = self_check::figures(&outcome.self_check);
    let trend_stats = summary::trend_stats(prepared);
    let context = CiContext {
        script: &prepared.source.argument,
        failure: failure.map(|failure| failure.message.as_str()),
        trend_stats: &trend_stats,
        self_check: Some(&check),
        judgement,
    };
    write(session, &outcome.totals, &context, reports);
}

/// Writes the reports. One that can't be written is told, and does not change how the run ended.
pub(crate) fn write(
    session: &Session,
    totals: &Totals,
    context: &CiContext<'_>,
    reports: &[Report],
) {
    for report in reports {
        let (file, written) = match report {
            Report::Junit(file) => (file, save(file, &report::junit(totals, context))),
            Report::Markdown(file) => (file, save(file, &report::markdown(totals, context))),
            Report::StepSummary(file) => (file, append(file, &report::markdown(totals, context))),
            // Made of the record: see `pages`.
            Report::Page(..) | Report::All => continue,
        };
        tell(session, file, written);
    }
}

/// Writes those of the reports that are made of totals for a run that is no script of k6: of the whole report instead.
pub(crate) fn write_document(session: &Session, document: &Document, reports: &[Report]) {
    for report in reports {
        let (file, written) = match report {
            Report::Junit(file) => (file, save(file, &report::junit_suites(document))),
            Report::Markdown(file) => (file, save(file, &report::report_markdown(document))),
            Report::StepSummary(file) => (file, append(file, &report::report_markdown(document))),
            Report::Page(..) | Report::All => continue,
        };
        tell(session, file, written);
    }
}

/// Tells of a file that could not be written.
pub(crate) fn tell(session: &Session, file: &Path, written: std::io::Result<()>) {
    if let Err(error) = written {
        let fields = [("error", system_text(&error))];
        let text = format!("the report {} could not be written", file.display());
        session.log.log(Level::Error, &text, &fields);
    }
}

/// Missing folders are made.
pub(crate) fn save(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, text)
}

fn append(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(file)?;
    std::io::Write::write_all(&mut file, format!("{text}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_named_with_their_files() {
        for (text, expect) in [
            ("junit=a=b.xml", Report::Junit("a=b.xml".into())),
            ("markdown=x.md", Report::Markdown("x.md".into())),
            ("github", Report::StepSummary("/s".into())),
            ("html=r.html", Report::Page(Form::Html, "r.html".into())),
            ("md=r.md", Report::Page(Form::Markdown, "r.md".into())),
            ("json=r.json", Report::Page(Form::Json, "r.json".into())),
        ] {
            assert_eq!(Report::parse(text, Some("/s")), Ok(expect), "{text}");
        }
        for text in ["junit", "markdown=", "html=", "pdf=x", "", "github"] {
            assert!(Report::parse(text, None).is_err(), "{text}");
        }
    }
}
