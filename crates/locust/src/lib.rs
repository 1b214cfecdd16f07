//! The Locust side of Squall: runs Locust files in the user's own Python and is everything around them.
//!
//! A child process runs the real `locust` package with ours laid over it (`python/squall_locust`); it measures into
//! [`metrics`] snapshots and sends them over a Unix socket ([`link`]). Here they are merged ([`statistics`]) and shown as
//! Locust shows them: console tables ([`tables`]), CSV files ([`csv`], [`files`]), JSON and HTML ([`json`], [`html`]), exit
//! codes ([`run`]). The crate must not print, read the environment or know how a request is made: texts go to a [`Host`],
//! measurements come from children.
//!
//! Start reading at [`run`], then [`statistics`].

pub mod child;
pub mod csv;
mod embedded;
pub mod entry;
pub mod files;
pub mod history;
pub mod html;
pub mod inside;
pub mod json;
pub mod link;
pub mod message;
pub mod missed;
pub mod number;
pub mod options;
pub mod pages;
pub mod python;
pub mod run;
pub mod statistics;
pub mod tables;
pub mod time;

pub use embedded::{UnpackError, has_engine, unpack};
pub use options::{CsvNames, Own, Rounding, UsageError};
pub use pages::Page;
pub use run::{Host, Outcome, Request, Signal, run};
