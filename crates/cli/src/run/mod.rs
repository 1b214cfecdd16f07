//! The parts of `squall run`: options in layers, banner, progress, outputs, summary, record.

pub(crate) mod progress;
pub(crate) mod view;
