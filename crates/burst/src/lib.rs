//! Squall's `burst` crate.
