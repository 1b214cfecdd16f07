//! Plans as files: what is wrong with them is told once and in its place, and the published schema says the same.

#![allow(clippy::unwrap_used, reason = "test code, its helpers included")]

mod examples;
mod folder;
mod mistakes;
mod schema;
