//! Squall's `plan` crate.
