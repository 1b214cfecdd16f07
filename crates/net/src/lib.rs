//! Squall's `net` crate.
