//! Squall's `k6` crate.
