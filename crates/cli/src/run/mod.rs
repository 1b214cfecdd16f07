//! The parts of `squall run`: options in layers, banner, progress, outputs, summary, record.

pub(crate) mod progress;
pub(crate) mod view;
pub(crate) mod output;
pub(crate) mod runtime;
pub(crate) mod script_log;
pub(crate) mod recording;
pub(crate) mod stopping;
pub(crate) mod banner;
pub(crate) mod cli_options;
