//! Squall's `engine` crate.
