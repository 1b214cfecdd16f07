//! Stop rules: criteria that are looked at once a second while a scenario runs.

use std::time::Duration;

use metrics::Timeline;
use metrics::timeline::Builder;
use plan::criterion::{self, Criterion, Scope};
use plan::suite::{StopRule, StopWhen};
use record::Followed;
use report::{Ending, Phase};

use crate::facts;

/// Over how much time a rule looks unless the plan says otherwise.
const SPAN: Duration = Duration::from_secs(10);
/// The shortest such time: the record comes once a second.
const SHORTEST: Duration = Duration::from_secs(2);
/// The phase that is judged.
const RECENT: &str = "recent";

/// The rules of a suite, with what they are judged by.
pub(super) struct Rules {
    rules: Vec<(Criterion, Duration)>,
    builder: Option<Builder>,
}

impl Rules {
    /// The rules that are looked at meanwhile, under this factor.
    pub(super) fn new(rules: &[StopRule], time_scale: f64) -> Self {
        let live = |rule: &StopRule| match &rule.when {
            StopWhen::Fail => None,
            StopWhen::Missed(text) => {
                let mut criterion = criterion::parse(text).ok()?;
                criterion.scope = Scope { phase: Some(RECENT.to_owned()), every: None };
                criterion.marginal = None;
                let span = rule.lasting.map_or(SPAN, |time| time.0).mul_f64(time_scale);
                Some((criterion, span.max(SHORTEST)))
            }
        };
        let rules = rules.iter().filter_map(live).collect();
        Self { rules, builder: None }
    }

    /// Takes in something new. Without rules nothing is kept.
    pub(super) fn take(&mut self, followed: &Followed) {
        if self.rules.is_empty() {
            return;
        }
        match (&mut self.builder, followed) {
            (Some(builder), Followed::Load(snapshot)) => builder.load(snapshot),
            (Some(builder), Followed::Observed(snapshot)) => builder.observe(snapshot),
            (None, Followed::Load(snapshot)) => {
                let mut builder = Timeline::builder(snapshot.start_unix_ns());
                builder.load(snapshot);
                self.builder = Some(builder);
            }
            (None, Followed::Observed(_)) => {}
        }
    }

    /// The first rule that does not hold, as a sentence.
    pub(super) fn broken(&mut self) -> Option<String> {
        let timeline = self.builder.as_ref()?.clone().finish(None);
        let end_s = timeline.end_s;
        let mut data = facts::bare(timeline, Ending::CutOff)?;
        for (criterion, span) in &self.rules {
            let from_s = end_s - span.as_secs_f64();
            // A rule about ten seconds says nothing before there were ten.
            if from_s < 0.0 {
                continue;
            }
            data.phases = vec![Phase { name: RECENT.to_owned(), from_s, to_s: end_s }];
            let judgement = report::judge(std::slice::from_ref(criterion), &data);
            if let Some(measured) = facts::missed(&judgement) {
                let span = plan::suite::Time(*span);
                return Some(format!("`{}` did not hold for {span}: {measured}", criterion.text));
            }
        }
        None
    }
}
