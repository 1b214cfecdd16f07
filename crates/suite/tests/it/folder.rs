//! A folder for a plan and the files it names.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use suite::{Given, Loaded, Mistake};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Removed when the test ends.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// With a script, a Locust file and a body.
    pub(crate) fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("suite-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for name in ["test.js", "locustfile.py", "body.json"] {
            fs::write(path.join(name), "").unwrap();
        }
        Self(path)
    }

    /// Reads a plan of this text.
    pub(crate) fn read(&self, text: &str) -> Result<Loaded, Vec<Mistake>> {
        let file = self.0.join("plan.yaml");
        fs::write(&file, text).unwrap();
        let var = |name: &str| (name == "TOKEN").then(|| "t0k".to_owned());
        suite::read(&file, Given { var: &var, target: None, folder: None, forwards: &[] })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
