//! Squall's `metrics` crate.
