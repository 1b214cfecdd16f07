//! `squall locust` as its users see it: Locust files against the bundled target, whose own counts are the truth.
//!
//! They need a Python with the pinned Locust, which `scripts/locust.sh` makes and `SQUALL_LOCUST_PYTHON` names. With
//! `CI=true` a missing one is a failure unless `SQUALL_NO_LOCUST=1`.

// Tests may read the environment, wait, and stop at what is not there; the lints are for the product.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "../support/child.rs"]
mod child;
#[path = "../cli/program.rs"]
#[allow(dead_code, reason = "shared with other tests, which use all of it")]
mod program;

mod asgi;
mod endings;
mod files;
mod lab;
mod missed;
mod mixed;
mod options;
mod processes;
mod runs;
mod source;
mod unittests;
mod web;
mod wheel;
