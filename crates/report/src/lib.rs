//! Squall's `report` crate.
