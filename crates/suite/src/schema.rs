//! The published schema of plan files.

/// JSON Schema (draft 2020-12) of a plan, for editors and for `squall suite schema`.
pub const SCHEMA: &str = include_str!("../../../docs/suite.schema.json");
