//! Whole commands: the built binary, run as users run it. One test binary, many files.
#![allow(clippy::unwrap_used)] // a panic is how a test fails; clippy knows that of unit tests only

mod codes;
mod commands;
mod examples;
mod flags;
mod jslib;
mod options;
mod ours;
mod outputs;
mod program;
mod record;
mod seed;
mod segments;
mod signals;
mod summary;
