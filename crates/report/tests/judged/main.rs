//! Runs made to order, judged and explained.

#![allow(clippy::unwrap_used, reason = "clippy only knows the functions marked #[test] as tests")]

mod findings;
mod pages;
mod sample;
mod verdicts;
