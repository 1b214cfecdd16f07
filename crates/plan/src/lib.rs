//! What to run, as pure data: options, scenarios, the arithmetic of executors, segments, the syntax of thresholds and criteria.
//!
//! The crate turns what a script, a configuration file, the environment and the command line say into a list of
//! [`scenario::Scenario`]s, and answers every question of the form "what happens at time t": when the k-th iteration
//! is due ([`arrivals`]), how many VUs run ([`ramping`]), which share of it all this instance owns ([`segment`]). It
//! must not know how anything is executed, measured or printed, does no I/O and reads no clock: each function
//! depends on its arguments only, so schedules of hours are tested to the nanosecond without waiting.
//!
//! Behaviour, defaults and texts are those of k6 2.2; where a comment says "k6", that is what was observed there.
//!
//! Start reading at [`options::Options`] (input), then [`scenario::Scenario`] (output).

pub mod arrivals;
pub mod criterion;
pub mod duration;
pub mod options;
pub mod probe;
pub mod ramping;
pub mod scenario;
pub mod segment;
pub mod suite;
pub mod threshold;
