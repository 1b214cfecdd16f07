//! The bundled system under test: every HTTP service that Squall's users load, plus delays, faults
//! and a log that make it the ground truth which our own measurements are checked against.
//!
//! It serves the totalizer (`/v1/healthcheck`, `/v1/results`), a predict API (`/predict`,
//! `/feedback`, `/metrics`), a trading and a deployment API (`/api/…`), helpers that test scripts ask for (`/anything`, `/status/:code`,
//! `/cookies/set`, …), injects exactly known delays and faults (`?delay=12.5ms`, `?close=reset`, …,
//! or server-wide through `PUT /_control`), and records for every request when its last byte arrived
//! by the kernel's stamp and how long the answer really took (`/_log`, `/_stats`, `/_transcript`).
//!
//! It must not know the engine, the client or anything else that makes load: a ground truth that
//! shares code with what it judges would agree with its errors. Below it is only `rt`.
//!
//! Start reading at [`Target`], then `connection` (the life of one request), `decision` (what
//! happens to it) and `book` (what is remembered of it).

mod admin;
mod answer;
mod auth;
mod book;
pub mod cluster;
mod command;
mod connection;
mod control;
mod cookie;
mod decision;
mod echo;
mod exposition;
mod fault;
mod form;
mod grpc;
pub mod lateness;
mod log;
mod percent;
mod predict;
mod reader;
mod redirect;
mod rollout;
mod route;
mod sample;
mod service;
mod span;
mod stats;
mod stream;
mod target;
mod totalizer;
mod trading;
mod transcript;
mod websocket;

pub use self::command::{Command, CommandError, address, command};
pub use self::control::{Control, ControlError, DelayPlan, StallPlan};
pub use self::log::{Fault, LogEntry};
pub use self::stats::{RouteCount, Served};
pub use self::target::{Target, TargetConfig, TargetHandle};
pub use self::transcript::{TranscriptEntry, TranscriptPart};
