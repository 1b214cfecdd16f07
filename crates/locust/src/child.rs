//! Starting the Python process and hearing of its end.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::SyncSender;

use crate::run::Event;

/// What is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// The Python.
    pub python: PathBuf,
    /// The folder our package is imported from.
    pub package: PathBuf,
    /// The user's `PYTHONPATH`, which comes behind it.
    pub python_path: Option<OsString>,
    /// Whether the user's environment has `PYTHONSAFEPATH`.
    pub has_safe_path: bool,
    /// Locust's arguments.
    pub arguments: Vec<String>,
    /// Further variables of its environment.
    pub variables: Vec<(String, String)>,
}

impl Start {
    /// Starts it; its end becomes an event. Returns its process number.
    ///
    /// # Errors
    /// The system's.
    pub fn start(&self, socket: &Path, events: SyncSender<Event>) -> io::Result<u32> {
        let mut command = self.command("squall_locust");
        command.args(&self.arguments).env("SQUALL_LOCUST_SOCKET", socket);
        let mut child = command.spawn()?;
        let pid = child.id();
        rt::thread::start("squall-locust-wait", move || {
            let status = child.wait();
            drop(events.send(Event::Exited(status.ok())));
        })?;
        Ok(pid)
    }

    /// A command that runs one of our modules.
    pub(crate) fn command(&self, module: &str) -> Command {
        let mut path = self.package.clone().into_os_string();
        if let Some(users) = self.python_path.as_ref().filter(|users| !users.is_empty()) {
            path.push(":");
            path.push(users);
        }
        let mut command = Command::new(&self.python);
        command
            .args(["-m", module])
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("PYTHONPATH", path);
        // Else `-m` would let files of the current folder stand for modules of the standard library.
        if !self.has_safe_path {
            command.env("PYTHONSAFEPATH", "squall");
        }
        command
    }
}
