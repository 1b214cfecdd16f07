//! Script-less load: one request, or a few in turn, at a rate or as fast as a number of clients can.
//!
//! A burst is a plan of one scenario whose VUs each own an HTTP client; the engine paces it like any other. This crate
//! turns what the user asked for into that plan ([`Load::scenario`]) and sends the requests ([`Burst`]). It must not
//! know flags, printing or reports. Start reading at [`Load`].

mod load;
mod script;

pub use self::load::{Load, LoadError, Shape, parse_bursts};
pub use self::script::{Burst, ERRORS, Target, UNANSWERED};
