//! The engine inside a Python process that runs a Locust file: an HTTP client that never waits by itself, and the
//! statistics of its requests.
//!
//! gevent keeps the loop. Each thread that makes requests has an [`engine::Engine`], a core of `rt` whose descriptor gevent
//! watches among its others; when it is readable, [`engine::Engine::turn`] reads what has come, and
//! [`engine::Engine::next_ready`] names, one after the other, who waits for what is complete. Who waits is a type
//! parameter: Python's greenlets in the product, numbers in the tests. Nothing here switches between greenlets, and nothing
//! is borrowed while Python runs.
//!
//! What it must not know: users, tasks, rates. When to request what is Locust's business, and how a request is told to its
//! event listeners that of the Python files beside it (`crates/locust/python/squall_locust`).
//!
//! Start reading at [`engine`], then `connection` (the life of a request on a socket), [`head`] (what goes out) and
//! [`statistics`]. The module `python`, behind the feature `extension`, is what Python sees of all this.

mod connection;
pub mod engine;
pub mod head;
mod others;
pub mod outcome;
pub mod pacing;
mod pool;
#[cfg(feature = "extension")]
mod python;
pub mod statistics;
pub mod tally;
pub mod target;
mod wire;

#[cfg(test)]
mod tests;
