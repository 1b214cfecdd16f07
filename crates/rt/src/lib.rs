//! Squall's `rt` crate.
