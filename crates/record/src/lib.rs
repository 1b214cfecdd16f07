//! Squall's `record` crate.
