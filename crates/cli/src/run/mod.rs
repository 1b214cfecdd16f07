//! The parts of `squall run`: options in layers, banner, progress, outputs, summary, record.

pub(crate) mod absent;
pub(crate) mod banner;
pub(crate) mod cli_options;
pub(crate) mod consolidation;
pub(crate) mod disk;
pub(crate) mod ending;
mod env_file;
pub(crate) mod fail_on;
pub(crate) mod features;
pub(crate) mod fetch;
pub(crate) mod front;
pub(crate) mod observer;
pub(crate) mod output;
pub(crate) mod preparation;
pub(crate) mod progress;
pub(crate) mod ram;
pub(crate) mod recording;
pub(crate) mod remote;
pub(crate) mod reports;
pub(crate) mod rest;
pub(crate) mod runtime;
pub(crate) mod script_log;
pub(crate) mod secrets;
pub(crate) mod source;
pub(crate) mod stopping;
pub(crate) mod summary;
pub(crate) mod view;
