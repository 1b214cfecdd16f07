//! Criteria of a single run: given by flags, judged from its record when it is over.

use std::path::Path;

use plan::criterion::Criterion;

use super::data;
use super::pages::{self, Account};
use crate::exit::{ExitStatus, Failure};
use crate::flags::{Flag, Kind, Parsed};
use crate::session::Session;

/// The flags, of `run`, `burst` and `locust` alike.
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

/// What a run will be held against.
#[derive(Debug, Default)]
pub(crate) struct Criteria {
    criteria: Vec<Criterion>,
    strict: bool,
}

impl Criteria {
    /// Reads the flags before anything runs.
    ///
    /// # Errors
    /// A criterion that is none, a baseline that can't be read, or no record to judge from.
    pub(crate) fn read(flags: &Parsed) -> Result<Self, Failure> {
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
        Ok(Self { criteria, strict: flags.is_on("strict") })
    }

    /// All of them, those of a baseline too.
    pub(crate) fn all(&self) -> &[Criterion] {
        &self.criteria
    }

    /// Whether nothing was asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.criteria.is_empty()
    }

    /// Tells the verdict of a run that was judged by these criteria, and gives the exit code; `status` where nothing was
    /// asked or the run itself went wrong.
    pub(crate) fn conclude(
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
