//! Tests of `plan` through its public interface, most of them against what k6 2.2 was observed to do.

#![allow(clippy::unwrap_used, reason = "clippy only knows the functions marked #[test] as tests")]
#![allow(clippy::type_complexity, reason = "tables of cases")]

mod arrivals;
mod criteria;
mod durations;
mod layers;
mod observed;
mod properties;
mod ramping;
mod scenarios;
mod segments;
mod thresholds;
