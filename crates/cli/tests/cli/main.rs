//! Whole commands: the built binary, run as users run it. One test binary, many files.

mod flags;
mod program;
