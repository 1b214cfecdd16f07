//! What a command line asks to be made of a run when it is over: reports of it, and a verdict.
//!
//! All of it is read before the run starts, so that a mistake does not cost a run.

use std::path::Path;

use plan::criterion::Criterion;

use super::data;
use super::pages::{self, Account, Template};
use super::reports::{self, Report};
use crate::exit::{ExitStatus, Failure};
use crate::flags::{Flag, Kind, Parsed};
use crate::log::Level;
use crate::session::Session;

/// The flags about the verdict, of `run`, `burst` and `locust` alike; those about reports are among the table's.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new(
        "criterion",
        Kind::Array,
        "criterion",
        "what must hold, e.g. `p(95) < 500ms marginal < 700ms`; repeatable",
    ),
    Flag::new(
        "baseline",
        Kind::Text,
        "dir",
        "the record of an earlier run: being a fifth worse than it is MARGINAL",
    ),
    Flag::new("strict", Kind::Bool, "", "end with code 99 where the verdict is MARGINAL"),
];

/// The reports and the criteria of a run.
pub(crate) struct Closing {
    reports: Vec<Report>,
    template: Option<Template>,
    /// Those of a baseline too.
    criteria: Vec<Criterion>,
    /// Whether MARGINAL ends with a code of its own.
    strict: bool,
    /// Whether JUnit and the short Markdown are made of what the run left in memory, as those of a k6 script are.
    has_own_reports: bool,
}

impl Closing {
    /// For a script of k6, which makes its JUnit and its short Markdown itself.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub(crate) fn of_script(flags: &Parsed) -> Result<Self, Failure> {
        Self::with(flags, true)
    }

    /// For a run all of whose reports are made of its record.
    ///
    /// # Errors
    /// A report or criterion that is none, a template or baseline that can't be read, or no record to make them from.
    pub(crate) fn read(flags: &Parsed) -> Result<Self, Failure> {
        Self::with(flags, false)
    }

    fn with(flags: &Parsed, has_own_reports: bool) -> Result<Self, Failure> {
        let closing = Self {
            reports: Report::wanted(flags)?,
            template: Template::read(flags)?,
            criteria: criteria(flags)?,
            strict: flags.is_on("strict"),
            has_own_reports,
        };
        if flags.is_on("no-record") && closing.has_reports_of_record() {
            let which = if has_own_reports { "md, html and json are" } else { "is" };
            let text =
                format!("--report {which} made of the run's record, which --no-record keeps away");
            return Err(Failure::usage(text));
        }
        Ok(closing)
    }

    /// The reports that are wanted.
    pub(crate) fn reports(&self) -> &[Report] {
        &self.reports
    }

    fn has_reports_of_record(&self) -> bool {
        if self.has_own_reports {
            pages::is_wanted(&self.reports)
        } else {
            !self.reports.is_empty()
        }
    }

    /// The account of a run that is just over, if one is wanted: for its reports, or to be judged. Trouble is told.
    pub(crate) fn account(&self, session: &Session, directory: Option<&Path>) -> Option<Account> {
        let has_reports = self.has_reports_of_record();
        if !has_reports && self.criteria.is_empty() {
            return None;
        }
        let account = match directory {
            Some(directory) => Account::read(directory, self.criteria.clone()),
            None => Err(Failure::usage("the run was not recorded")),
        };
        let told = account.map_err(|why| {
            if has_reports {
                session.log.warn(&format!("there is no report of the run: {why}"));
            }
            if !self.criteria.is_empty() {
                session.log.warn(&format!("the criteria can't be judged: {why}"));
            }
        });
        told.ok()
    }

    /// Writes the reports that are made of the record, tells the verdict, and gives the exit code: `status` where the run
    /// itself went wrong or nothing was asked. A report that can't be written is told, and changes nothing.
    pub(crate) fn conclude(
        &self,
        session: &Session,
        account: Option<&Account>,
        status: ExitStatus,
    ) -> ExitStatus {
        if let Some(account) = account.filter(|_| self.has_reports_of_record()) {
            let document = account.document();
            if !self.has_own_reports {
                reports::write_document(session, &document, &self.reports);
            }
            let template = self.template.as_ref();
            if let Err(failure) = pages::write(session, &document, &self.reports, template) {
                session.log.log(Level::Error, &failure.message, &failure.fields);
            }
        }
        self.verdict(session, account, status)
    }

    fn verdict(
        &self,
        session: &Session,
        account: Option<&Account>,
        status: ExitStatus,
    ) -> ExitStatus {
        if self.criteria.is_empty() {
            return status;
        }
        let Some(account) = account else {
            return if status == ExitStatus::Success { ExitStatus::Failure } else { status };
        };
        session.terminal.out(&account.text());
        match status {
            ExitStatus::Success | ExitStatus::ThresholdsCrossed => account.status(self.strict),
            _ => status,
        }
    }
}

/// What a run will be held against.
fn criteria(flags: &Parsed) -> Result<Vec<Criterion>, Failure> {
    let mut criteria = Vec::new();
    for text in flags.all("criterion") {
        let parsed = pages::parse(text);
        criteria.push(parsed.map_err(|failure| failure.hint("`squall run --help` shows one"))?);
    }
    if let Some(directory) = flags.text("baseline") {
        let data = data::load(Path::new(directory))
            .map_err(|error| Failure::config(format!("--baseline: {error}")))?;
        criteria.extend(suite::as_baseline(&data));
    }
    if flags.is_on("no-record") && !criteria.is_empty() {
        let text = "--criterion and --baseline judge the record, which --no-record keeps away";
        return Err(Failure::config(text));
    }
    Ok(criteria)
}
