//! `squall burst`: load without a script.

use crate::exit::{CommandResult, Failure};
use crate::flags::Flag;
use crate::session::Session;

/// `burst`'s own flags.
pub(crate) const FLAGS: &[Flag] = &[];

/// Loads the URLs.
pub(crate) fn run(_session: &Session) -> CommandResult {
    Err(Failure::usage("squall burst is not part of this build yet")
        .hint("use `squall run` with a script of a few lines"))
}
