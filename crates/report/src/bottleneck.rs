//! What held the system back, and what did not: rules over a run's load and what its probes saw.
//!
//! Findings are data with their evidence. A rule asks for the *level* of a resource (a CPU at its limit, connections
//! at their maximum); that something moves along with latency only says which of several suspects comes first.
//! Resources that were watched and stayed low are named as well: they are not the cause.
//!
//! The generator is looked at first: while it is the limit, every other finding is about it.

mod course;
mod database;
mod errors;
mod facts;
mod load;
mod queue;
mod resources;
mod scaling;
mod statistics;

pub use scaling::Scaling;

use plan::criterion::Criterion;
use serde::{Deserialize, Serialize};

use crate::run::RunData;
use facts::Facts;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth looking into.
    Warning,
    /// It held the system back, or broke it.
    Critical,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// By exclusion, or by one sign alone.
    Low,
    /// Several signs, or one that is clear.
    Medium,
    /// It was measured.
    High,
}

/// A number that a finding stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was measured.
    pub what: String,
    /// The value, with its unit.
    pub value: String,
    /// What it is compared with; empty where it speaks for itself.
    pub limit: String,
    /// When, seconds after the start.
    pub at_s: Option<f64>,
}

impl Evidence {
    fn new(what: impl Into<String>, value: impl Into<String>) -> Self {
        Self { what: what.into(), value: value.into(), limit: String::new(), at_s: None }
    }

    fn limit(self, limit: impl Into<String>) -> Self {
        Self { limit: limit.into(), ..self }
    }

    fn at(self, at_s: f64) -> Self {
        Self { at_s: Some(at_s), ..self }
    }
}

/// Something that held the system back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule found it.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What was seen, one sentence.
    pub claim: String,
    /// What it likely comes from; empty where that is the claim itself.
    pub cause: String,
    /// The numbers behind it.
    pub evidence: Vec<Evidence>,
    /// What may help.
    pub advice: Vec<String>,
}

impl Finding {
    fn new(id: &str, severity: Severity, confidence: Confidence, claim: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            severity,
            confidence,
            claim: claim.into(),
            cause: String::new(),
            evidence: Vec::new(),
            advice: Vec::new(),
        }
    }

    fn cause(self, cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), ..self }
    }

    fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }
}

/// A resource that was watched and was not the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exonerated {
    /// The resource.
    pub resource: String,
    /// How far it came.
    pub why: String,
}

/// What the rules make of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// What is not the cause.
    pub exonerated: Vec<Exonerated>,
    /// Autoscalers and what they did.
    pub scaling: Vec<Scaling>,
    /// What may help, each once, the weightiest first.
    pub recommendations: Vec<String>,
    /// What was not watched, so that nothing can be said about it.
    pub unknown: Vec<String>,
}

impl Analysis {
    fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn exonerate(&mut self, resource: &str, why: impl Into<String>) {
        self.exonerated.push(Exonerated { resource: resource.to_owned(), why: why.into() });
    }
}

/// Looks for what held a run back. The criteria tell how slow is too slow.
pub fn analyse(run: &RunData, criteria: &[Criterion]) -> Analysis {
    let facts = Facts::of(run, criteria);
    let mut analysis = Analysis::default();
    load::generator(&facts, &mut analysis);
    load::intended(&facts, &mut analysis);
    load::saturation(&facts, &mut analysis);
    queue::look(&facts, &mut analysis);
    resources::look(&facts, &mut analysis);
    database::postgres(&facts, &mut analysis);
    database::redis(&facts, &mut analysis);
    load::symptoms(&facts, &mut analysis);
    errors::look(&facts, &mut analysis);
    course::outliers(&facts, &mut analysis);
    course::drift(&facts, &mut analysis);
    scaling::look(&facts, &mut analysis);
    course::probes(&facts, &mut analysis);
    analysis
        .findings
        .sort_by(|a, b| (b.severity, b.confidence, &a.id).cmp(&(a.severity, a.confidence, &b.id)));
    let advice = analysis.findings.iter().flat_map(|finding| &finding.advice);
    for text in advice.cloned().collect::<Vec<_>>() {
        if !analysis.recommendations.contains(&text) {
            analysis.recommendations.push(text);
        }
    }
    analysis
}
