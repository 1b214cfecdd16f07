//! What a run says about itself, as text and JSON: k6's end-of-test summary, its legacy form, the
//! data of `handleSummary`, `--summary-export`, and what Squall adds (requests by name,
//! self-check, burst).
//!
//! Everything here is a pure function of [`metrics::Totals`] and a few settings: no I/O, no clock,
//! no environment, so that a summary can be printed again from a run's record to the byte. Whether
//! there is a terminal, and where text goes, is decided by `cli`. Start reading at [`number`],
//! which holds k6's formats, then `summary`.

mod burst;
mod collation;
mod columns;
mod legacy;
mod name;
pub mod number;
mod paint;
mod requests;
mod short;
mod trust;

pub use burst::{BurstFigures, LatencyFigures, burst_json, burst_text};
pub use legacy::text_summary;
pub use requests::{RequestFigures, request_table};
pub use trust::{SelfCheckFigures, Verdict, trust};

/// The trend statistics k6 prints unless `summaryTrendStats` says otherwise.
pub const DEFAULT_TREND_STATS: [&str; 6] = ["avg", "min", "med", "max", "p(90)", "p(95)"];
