//! What a run says about itself, as text and JSON: k6's end-of-test summary, its legacy form, the
//! data of `handleSummary`, `--summary-export`, and what Squall adds (requests by name,
//! self-check, burst).
//!
//! Everything here is a pure function of [`metrics::Totals`] and a few settings: no I/O, no clock,
//! no environment, so that a summary can be printed again from a run's record to the byte. Whether
//! there is a terminal, and where text goes, is decided by `cli`. Start reading at [`number`],
//! which holds k6's formats, then [`summary()`].

pub mod bottleneck;
mod burst;
mod calendar;
pub mod charts;
mod ci;
mod collation;
mod columns;
pub mod document;
mod export;
pub mod judge;
mod legacy;
mod name;
mod notes;
pub mod number;
mod page;
mod paint;
pub mod phases;
pub mod quantity;
mod requests;
mod run;
pub mod scaling;
mod short;
mod summary;
mod trust;
mod values;

pub use burst::{BurstFigures, LatencyFigures, burst_json, burst_text};
pub use ci::{CiContext, junit, markdown};
pub use document::{Document, Judged, document};
pub use export::{
    MachineSummaryOptions, SummaryDataOptions, export_text, handle_summary_data, machine_summary,
    path_id, summary_export,
};
pub use judge::{Judgement, judge};
pub use legacy::text_summary;
pub use notes::{notes, untested_thresholds};
pub use page::{BUILT_IN, TemplateError, html, junit_suites, render_template, report_markdown};
pub use requests::{RequestFigures, request_table, requests};
pub use run::{Baseline, Ending, Front, Phase, RunData, phases_of_events};
pub use summary::{SummaryMode, SummaryOptions, is_listed, is_listed_part, summary};
pub use trust::{SelfCheckFigures, Verdict, trust};
pub use values::TrendStat;

/// The trend statistics k6 prints unless `summaryTrendStats` says otherwise.
pub const DEFAULT_TREND_STATS: [&str; 6] = ["avg", "min", "med", "max", "p(90)", "p(95)"];
