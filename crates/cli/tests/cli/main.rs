//! Whole commands: the built binary, run as users run it. One test binary, many files.
#![allow(clippy::unwrap_used)] // a panic is how a test fails; clippy knows that of unit tests only

mod archive;
#[path = "../support/child.rs"]
mod child;
mod codes;
mod commands;
mod examples;
mod flags;
mod identities;
mod jslib;
mod modules;
mod options;
mod ours;
mod outputs;
mod program;
mod record;
mod remote;
mod reported;
mod reports;
mod seed;
mod segments;
mod signals;
mod summary;
