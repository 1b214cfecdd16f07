//! The whole report of a run, made of its record: at its end, or later as often as one likes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use metrics::Totals;
use plan::criterion::{self, Criterion};
use plan::suite::Baseline;
use report::document::Judged;
use report::{BUILT_IN, Document, Judgement, RunData};

use super::data;
use super::reports::{self, Form, Report};
use crate::exit::{ExitStatus, Failure};
use crate::flags::Parsed;
use crate::session::Session;

/// What `--report all` leaves in a run's folder.
const FILES: [(&str, Form); 3] =
    [("report.html", Form::Html), ("report.md", Form::Markdown), ("report.json", Form::Json)];
const JUNIT_FILE: &str = "junit.xml";

/// The template that Markdown is made with, if one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    name: String,
    text: String,
}

impl Template {
    /// Reads `--template`.
    ///
    /// # Errors
    /// A file that can't be read.
    pub(crate) fn read(flags: &Parsed) -> Result<Option<Self>, Failure> {
        let Some(name) = flags.text("template") else { return Ok(None) };
        let template = Self::of_file(name, Path::new(name)).map_err(|failure| {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, ..)| *name).collect();
            failure.hint(format!("built in are {}", names.join(" and ")))
        })?;
        Ok(Some(template))
    }

    /// Reads a template that a plan names: a built-in one, or a file.
    ///
    /// # Errors
    /// A file that can't be read.
    pub(crate) fn of_file(name: &str, file: &Path) -> Result<Self, Failure> {
        if let Some((name, _, text)) = BUILT_IN.iter().find(|(known, ..)| *known == name) {
            return Ok(Self { name: (*name).to_owned(), text: (*text).to_owned() });
        }
        let text = std::fs::read_to_string(file).map_err(|error| {
            let error = crate::exit::system_text(&error);
            Failure::usage(format!("can't read the template {}: {error}", file.display()))
        })?;
        Ok(Self { name: name.to_owned(), text })
    }

    fn fill(&self, document: &Document) -> Result<String, Failure> {
        report::render_template(&self.name, &self.text, document)
            .map_err(|error| Failure::usage(format!("template {error}")))
    }
}

/// Reads `--criterion`, however often it was given.
///
/// # Errors
/// One that is none, with its column.
pub(crate) fn criteria(flags: &Parsed) -> Result<Vec<Criterion>, Failure> {
    let parsed = flags.all("criterion").map(|text| {
        criterion::parse(text).map_err(|error| {
            let (column, message) = (error.column, error.message);
            Failure::config(format!("--criterion {text:?}, column {column}: {message}"))
        })
    });
    parsed.collect()
}

/// The criteria a run was made with.
fn own_criteria(run: &RunData) -> Vec<Criterion> {
    // What an older or newer version wrote and this one can't read was no criterion of this one's.
    let parsed = run.criteria.iter().filter_map(|text| criterion::parse(text).ok());
    parsed.chain(suite::baseline_criteria(&run.baseline, Baseline::DEFAULT_TOLERANCE)).collect()
}

/// A run with what it came to.
pub(crate) struct Account {
    run: RunData,
    folder: PathBuf,
    criteria: Vec<Criterion>,
    /// What it came to.
    pub(crate) judgement: Judgement,
}

impl Account {
    /// Reads a run's record and judges it by its own criteria.
    ///
    /// # Errors
    /// The record can't be read.
    pub(crate) fn read(directory: &Path) -> Result<Self, Failure> {
        let run = data::load(directory).map_err(Failure::usage)?;
        Ok(Self::of(run, directory, Vec::new()))
    }

    /// Judges a run by these criteria, or by its own where there are none.
    pub(crate) fn of(run: RunData, record: &Path, criteria: Vec<Criterion>) -> Self {
        let criteria = if criteria.is_empty() { own_criteria(&run) } else { criteria };
        let judgement = report::judge(&criteria, &run);
        // A record may be given as its file, wherever that lies.
        let folder = if record.is_dir() { record } else { Path::new(".") }.to_owned();
        Self { run, folder, criteria, judgement }
    }

    /// The run's totals.
    pub(crate) fn totals(&self) -> &Totals {
        &self.run.totals
    }

    /// Where reports go that have no file of their own.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there is anything that a script's thresholds do not tell already.
    pub(crate) fn has_criteria(&self) -> bool {
        !self.criteria.is_empty()
    }

    /// The report as data.
    pub(crate) fn document(&self) -> Document {
        let Self { run, criteria, judgement, .. } = self;
        let title = format!("Load test {}", run.name);
        report::document(&title, &[Judged { run, criteria, judgement }])
    }

    /// Each criterion with what was measured, and the verdict.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("\n");
        for row in self.judgement.rows.iter().filter(|row| !row.is_threshold) {
            let verdict = row.verdict.as_str();
            let _ = write!(text, "{verdict:>14}  {}: {}", row.criterion, row.measured);
            if !row.note.is_empty() {
                let _ = write!(text, " ({})", row.note);
            }
            text.push('\n');
        }
        let _ = writeln!(text, "\n  verdict: {}", self.judgement.headline());
        text
    }

    /// The exit code that follows from the verdict.
    pub(crate) fn status(&self, strict: bool) -> ExitStatus {
        match self.judgement.verdict.map(|verdict| verdict.exit_code(strict)) {
            None | Some(0) => ExitStatus::Success,
            Some(code) => ExitStatus::Code(code),
        }
    }
}

/// Whether one of the reports is made of the record.
pub(crate) fn is_wanted(reports: &[Report]) -> bool {
    reports.iter().any(|report| matches!(report, Report::Page(..) | Report::All))
}

/// Writes the pages among the reports; `folder` is the run's.
///
/// # Errors
/// A template with a mistake. Files that can't be written are told, and do not change how the run ended.
pub(crate) fn write(
    session: &Session,
    document: &Document,
    reports: &[Report],
    folder: &Path,
    template: Option<&Template>,
) -> Result<(), Failure> {
    for report in reports {
        match report {
            Report::Page(form, file) => {
                let text = page(*form, document, template)?;
                reports::tell(session, file, reports::save(file, &text));
            }
            Report::All => write_all(session, document, folder, template)?,
            Report::Junit(_) | Report::Markdown(_) | Report::StepSummary(_) => {}
        }
    }
    Ok(())
}

/// Writes every form into a folder, and tells where they are.
///
/// # Errors
/// A template with a mistake.
pub(crate) fn write_all(
    session: &Session,
    document: &Document,
    folder: &Path,
    template: Option<&Template>,
) -> Result<(), Failure> {
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for (name, form) in FILES {
        files.push((folder.join(name), page(form, document, template)?));
    }
    files.push((folder.join(JUNIT_FILE), report::junit_suites(document)));
    for (file, text) in files {
        let written = reports::save(&file, &text);
        if written.is_ok() {
            session.terminal.out(&format!("  wrote {}\n", file.display()));
        }
        reports::tell(session, &file, written);
    }
    Ok(())
}

fn page(form: Form, document: &Document, template: Option<&Template>) -> Result<String, Failure> {
    Ok(match (form, template) {
        (Form::Markdown, Some(template)) => template.fill(document)?,
        (Form::Markdown, None) => report::report_markdown(document),
        (Form::Html, _) => report::html(document),
        (Form::Json, _) => document.to_json(),
    })
}

/// What a template makes, for standard output.
///
/// # Errors
/// A template with a mistake.
pub(crate) fn filled(template: &Template, document: &Document) -> Result<String, Failure> {
    template.fill(document)
}
