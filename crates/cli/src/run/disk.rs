//! What scripts read: files of the disk, modules of the network.

use std::path::{Path, PathBuf};

use k6::Reader;

use super::remote::Remote;
use crate::environment;
use crate::exit::Failure;
use crate::session::{Session, setting};

/// The lock file that is heeded where it lies beside the script.
const LOCK_FILE: &str = "squall.lock";

/// Reads modules and opened files from the disk, and remote modules if that is allowed.
pub(crate) struct Disk(Option<Remote>);

impl Disk {
    /// As flags and environment want it, for a script in `folder`.
    ///
    /// # Errors
    /// The lock file can't be read.
    pub(crate) fn new(session: &Session, folder: &Path) -> Result<Self, Failure> {
        let flags = &session.flags;
        let beside = folder.join(LOCK_FILE);
        let lock = setting(flags, "import-lock", "SQUALL_IMPORT_LOCK")
            .map(PathBuf::from)
            .or_else(|| beside.is_file().then_some(beside));
        let cache = environment::cache_folder().map(|folder| folder.join("imports"));
        Ok(Self(Some(Remote::new(
            cache,
            lock,
            flags.is_on("insecure-skip-tls-verify"),
            session.log.clone(),
        )?)))
    }

    /// Without the network.
    pub(crate) fn offline() -> Self {
        Self(None)
    }
}

impl Reader for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn real(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        match &self.0 {
            Some(remote) => remote.fetch(url),
            None => Err("modules are not loaded over the network here".to_owned()),
        }
    }
}
