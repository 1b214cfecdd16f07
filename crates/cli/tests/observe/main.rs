//! `--observe` against what it is for: real PostgreSQL, Redis, Prometheus and VictoriaMetrics, log files, a Docker engine
//! (recorded; with `SQUALL_DOCKERD=1` a real one), and the same when they fail.
//!
//! * `SQUALL_NO_SERVERS=1` leaves out the tests that need the servers (`scripts/servers.sh` installs them).
//! * `SQUALL_DOCKERD=1` starts `dockerd` (of Debian's `docker.io`; as root) for the tests in `dockerd`.
//!
//! Start reading at `program` (shared with the other tests of the command), then `kept`, `databases` and `everything`.

// Tests may read the environment and stop at what is not there; the lints are for the product.
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::unwrap_used)]

mod bursts;
#[path = "../support/child.rs"]
mod child;
mod databases;
mod dockerd;
mod engine;
mod everything;
mod exec;
mod failures;
mod kept;
mod kills;
#[path = "../cli/program.rs"]
#[allow(dead_code, reason = "the other test binaries use the rest")]
mod program;
#[path = "../outputs/servers.rs"]
#[allow(dead_code, reason = "the tests of outputs use the rest")]
mod servers;

fn is_on(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0" && value != "false")
}
