//! The real client against the simulated API server: the recorded story, failures, forwards, programs in containers.
#![allow(clippy::unwrap_used)] // a panic is how a test fails; clippy knows that of unit tests only

mod control_plane;
mod exec;
mod forward;
mod logs;
mod objects;
mod story;
mod trouble;
mod watching;
