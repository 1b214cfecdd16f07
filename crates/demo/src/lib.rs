//! Squall's `demo` crate.
