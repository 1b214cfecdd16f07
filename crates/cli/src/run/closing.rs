//! What a command line asks to be made of a run when it is over: reports of it, and a verdict.
//!
//! All of it is read before the run starts, so that a mistake does not cost a run.

use std::path::Path;

use record::Meta;
use serde_json::Value;

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

/// What a run is held against; it stands in the run's record, by which it is judged.
pub(crate) struct HeldAgainst {
    /// Criteria, each as its text.
    criteria: Vec<String>,
    /// What an earlier run measured, as `report::Baseline`; `null` without one.
    baseline: Value,
}

impl HeldAgainst {
    /// Reads what the command line says.
    ///
    /// # Errors
    /// A criterion that is none, or a baseline that can't be read.
    fn read(flags: &Parsed) -> Result<Self, Failure> {
        let parsed = pages::criteria(flags)
            .map_err(|failure| failure.hint("`squall run --help` shows one"))?;
        let criteria = parsed.into_iter().map(|criterion| criterion.text).collect();
        let baseline = match flags.text("baseline") {
            None => Value::Null,
            Some(directory) => {
                let run = data::load(Path::new(directory))
                    .map_err(|error| Failure::config(format!("--baseline: {error}")))?;
                serde_json::to_value(suite::as_baseline(&run)).unwrap_or_default()
            }
        };
        let held_against = Self { criteria, baseline };
        if flags.is_on("no-record") && !held_against.is_empty() {
            let text = "--criterion and --baseline judge the record, which --no-record keeps away";
            return Err(Failure::config(text));
        }
        Ok(held_against)
    }

    /// Notes it at the head of a record.
    pub(crate) fn noted(&self, meta: Meta) -> Meta {
        Meta { criteria: self.criteria.clone(), baseline: self.baseline.clone(), ..meta }
    }

    fn is_empty(&self) -> bool {
        self.criteria.is_empty() && self.baseline.is_null()
    }
}

/// The reports and the criteria of a run.
pub(crate) struct Closing {
    reports: Vec<Report>,
    template: Option<Template>,
    held_against: HeldAgainst,
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
            held_against: HeldAgainst::read(flags)?,
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

    /// What the run will be held against.
    pub(crate) fn held_against(&self) -> &HeldAgainst {
        &self.held_against
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
        if !has_reports && self.held_against.is_empty() {
            return None;
        }
        let account = match directory {
            Some(directory) => Account::read(directory),
            None => Err(Failure::usage("the run was not recorded")),
        };
        let told = account.map_err(|why| {
            if has_reports {
                session.log.warn(&format!("there is no report of the run: {why}"));
            }
            if !self.held_against.is_empty() {
                session.log.warn(&format!("the criteria can't be judged: {why}"));
            }
        });
        told.ok()
    }

    /// Tells the verdict, writes the reports that are made of the record, and gives the exit code: `status` where the run
    /// itself went wrong or nothing was asked. A report that can't be written is told, and changes nothing.
    pub(crate) fn conclude(
        &self,
        session: &Session,
        account: Option<&Account>,
        status: ExitStatus,
    ) -> ExitStatus {
        let status = self.verdict(session, account, status);
        if let Some(account) = account.filter(|_| self.has_reports_of_record()) {
            let document = account.document();
            if !self.has_own_reports {
                reports::write_document(session, &document, &self.reports);
            }
            let template = self.template.as_ref();
            if let Err(failure) =
                pages::write(session, &document, &self.reports, account.folder(), template)
            {
                session.log.log(Level::Error, &failure.message, &failure.fields);
            }
        }
        status
    }

    fn verdict(
        &self,
        session: &Session,
        account: Option<&Account>,
        status: ExitStatus,
    ) -> ExitStatus {
        if self.held_against.is_empty() {
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
