//! `squall suite`: the built binary, run as users run it.
#![allow(clippy::unwrap_used)] // a panic is how a test fails; clippy knows that of unit tests only

#[path = "../support/child.rs"]
mod child;
mod endings;
mod examples;
mod plans;
#[path = "../cli/program.rs"]
#[allow(dead_code, reason = "shared with other tests, which use all of it")]
mod program;
mod verdicts;
