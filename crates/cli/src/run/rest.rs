//! The REST API of a run: whether there is one, where, and what it knows of the script.

use std::sync::Arc;

use engine::control::ControlHandle;
use plan::scenario::Executor;
use web::{BindError, Server};

use super::preparation::Prepared;
use crate::exit::{ExitStatus, Failure, system_text};
use crate::log::{Level, Logger};
use crate::session::{Session, setting};

/// Where k6 1 had its API unless told otherwise; the commands that talk to one look there.
pub(crate) const DEFAULT_ADDRESS: &str = "localhost:6565";

/// Starts the API where the flags want one, or where the run could not go on without.
///
/// # Errors
/// The flag's address can't be had: exit code 106, as in k6.
pub(crate) fn start(
    session: &Session,
    prepared: &Prepared,
    control: ControlHandle,
) -> Result<Option<Server>, Failure> {
    // An empty address is none, as in k6.
    let wanted =
        setting(&session.flags, "address", "K6_ADDRESS").filter(|address| !address.is_empty());
    let Some(address) = wanted.or_else(|| needed(prepared).then(|| DEFAULT_ADDRESS.to_owned()))
    else {
        return Ok(None);
    };
    let test = Arc::new(Front { test: prepared.test.clone(), log: session.log.clone() });
    match Server::start(&address, control, test) {
        Ok(server) => {
            let text = format!("Starting the REST API server on {}", server.address());
            session.log.log(Level::Debug, &text, &[]);
            Ok(Some(server))
        }
        Err(error) => {
            let fields = vec![("error", bind_text(&error))];
            if session.flags.text("address").is_some() {
                let text = "Error from API server";
                return Err(Failure { fields, ..Failure::new(ExitStatus::Code(106), text) });
            }
            session.log.log(Level::Warning, "Error from API server", &fields);
            Ok(None)
        }
    }
}

/// Runs that wait for somebody outside: k6 2 leaves them without a way to be reached, k6 1 did not.
fn needed(prepared: &Prepared) -> bool {
    let is_controlled =
        |s: &plan::scenario::Scenario| matches!(s.executor, Executor::ExternallyControlled(_));
    prepared.options.paused == Some(true) || prepared.scenarios.iter().any(is_controlled)
}

/// As Go says it: `listen tcp 127.0.0.1:6565: bind: address already in use`.
fn bind_text(error: &BindError) -> String {
    format!("listen tcp {}: bind: {}", error.address, system_text(&error.error))
}

/// The script, as the API sees it.
struct Front {
    test: Arc<k6::Test>,
    log: Logger,
}

impl web::Test for Front {
    fn setup_data(&self) -> Option<String> {
        self.test.setup_data().map(|json| json.to_string())
    }

    fn set_setup_data(&self, json: Option<String>) {
        self.test.set_setup_data(json);
    }

    fn answered(&self, request: &str, status: u16) {
        self.log.log(Level::Debug, request, &[("status", status.to_string())]);
    }

    fn failed(&self, what: &str, error: &str) {
        self.log.log(Level::Error, what, &[("error", error.to_owned())]);
    }
}
