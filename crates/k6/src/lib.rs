//! Runs k6 scripts: k6's JavaScript API on QuickJS-NG, one runtime for each VU, each VU on a fiber of its core.
//!
//! A script is compiled once ([`load`], which also runs its init code as k6's probe does) and becomes a [`Test`], which
//! the engine asks for VUs. Host functions are written against [`js`], reach their VU through
//! [`host::VuHost`] and wait with [`host::VuHost::wait`]. This crate must not know who prints: logs go to a
//! [`LogSink`], summaries are rendered by a function it is given.
//!
//! Start reading at [`test`], then `vu` (the life of a VU), `realm` (its JS world), `compile` and `module`.

pub mod archive;
mod certificates;
mod compile;
mod csv;
mod embedded;
mod events;
mod exception;
mod grpc;
pub mod host;
mod html;
pub mod http;
mod imports;
pub mod js;
mod jslib;
mod loading;
mod locate;
mod log;
mod metadata;
pub(crate) mod module;
mod packages;
mod realm;
mod resolve;
mod secrets;
mod summary_files;
mod tags;
pub mod test;
mod tsconfig;
mod vu;
mod web;
mod world;

pub use self::imports::{Imports, imports};
pub use self::log::{Level, LogRecord, LogSink};
pub use self::packages::find_package;
pub use self::secrets::{NamedSource, SecretSource, Secrets};
pub use self::summary_files::{SummaryFile, SummaryResult};
pub use self::tags::VuTags;
pub use self::test::{LoadOptions, Loaded, Test, load};
pub use self::vu::K6Vu;
pub use self::world::{DEFAULT_SYSTEM_TAGS, Reader, SystemTags, TestConfig, TextSummary, World};

/// Parsers of foreign bytes, for `crates/k6/fuzz`.
#[cfg(feature = "fuzzing")]
pub use grpc::fuzzing;
