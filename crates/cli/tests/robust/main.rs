//! What must hold when things go wrong: hostile servers, wild scripts, signals, kills, a starved generator.
//!
//! The built binary runs against the bundled target in this process and listeners that misbehave. Every test has ports
//! and a folder of its own. `SQUALL_SLOW=1` runs the long forms (1 GiB bodies, 10 minutes of memory, all repetitions).

#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of a test are tests; what they saw is shown on failure

mod bodies;
#[path = "../support/child.rs"]
mod child;
mod crash;
mod hostile;
mod interrupt;
mod memory;
mod scripts;
mod selfcheck;
mod servers;
mod squall;
