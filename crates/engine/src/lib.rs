//! Runs a plan: executors, pacing, the life of VUs, stopping and aborting.
//!
//! It must know no protocol and no language: front ends come in through [`script::Script`], requests never pass through here.
//! Start reading at [`script`].

pub mod script;
pub mod status;
