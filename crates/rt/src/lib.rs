//! Core threads: a readiness loop, a clock, timers, local tasks and fibers (stackful coroutines), one set a thread.
//!
//! A core is one OS thread that owns everything it works on: nothing here is shared but the queue through which
//! other threads wake it. The same API runs in simulated time ([`Core::simulated`]), where waiting costs nothing and
//! hours pass in milliseconds; tests of everything built on top use that.
//!
//! This crate must not know what runs on it: no protocol, no metrics, no plan. It is also the only crate that may read
//! a clock, sleep or start a thread.
//!
//! Start reading at [`Core`], then `task` (what a waker is), `reactor` (waiting for sockets and timers) and [`fiber`].

pub mod blocking;
pub mod channel;
mod clock;
mod core;
pub mod fiber;
pub mod net;
mod reactor;
mod signal;
mod task;
pub mod thread;
mod timer;

pub use self::blocking::blocking;
pub use self::clock::{Nanos, millis, now, unix_nanos, unix_of};
pub use self::core::{Core, CoreConfig, CoreStats, stats};
pub use self::signal::Signal;
pub use self::task::{Task, spawn, turn_end, yield_now};
pub use self::timer::{Elapsed, Sleep, sleep, sleep_until, sleep_until_precise, timeout};
