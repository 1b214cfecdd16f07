//! The program's HTTP side: k6's REST API, by which Kubernetes operators and scripts drive a run.
//!
//! A server lives on one thread of its own with a small tokio runtime, beside the cores, and only while an address is
//! given. It talks to a run through [`engine::control`]: every answer comes from the director, so nothing here is on the
//! path of an iteration. It must not print, read the environment or know what a script is: what is the script's comes
//! through [`Test`].
//!
//! [`pages`] serves what another program's server has, but for some pages that are answered here: Locust's web UI.
//!
//! [`client`] is the other side, for commands that talk to a run of another process.
//!
//! Start reading at [`Server::start`], then `k6_api`, [`pages`].

pub mod client;
mod k6_api;
pub mod pages;
mod server;

pub use self::server::{BindError, Server};

/// What of a test only its front end knows, and where the server's own lines go.
pub trait Test: Send + Sync + 'static {
    /// What `setup()` returned, JSON; `None` where it returned nothing or has not run.
    fn setup_data(&self) -> Option<String>;

    /// Replaces it, for VUs that are handed to a scenario from now on.
    fn set_setup_data(&self, json: Option<String>);

    /// A request was answered: its method and path, and the status.
    fn answered(&self, request: &str, status: u16);

    /// Something a request asked for failed.
    fn failed(&self, what: &str, error: &str);
}
