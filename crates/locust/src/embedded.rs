//! The Python side, carried inside the program and unpacked where Python can import it.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The package could not be put where Python can read it.
#[derive(Debug, thiserror::Error)]
#[error("can't unpack the Python package into {}: {error}", path.display())]
pub struct UnpackError {
    /// The folder.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

/// Unpacks the package below `cache`, unless it is there, and returns the folder to import from. The folder is named
/// after its contents, so versions never mix, and it appears as a whole, so several starts at once do no harm.
///
/// # Errors
/// The system's, naming the folder.
pub fn unpack(cache: &Path, n_process: u32) -> Result<PathBuf, UnpackError> {
    let folder = cache.join("locust").join(HASH);
    if is_whole(&folder) {
        return Ok(folder);
    }
    let failed = |error| UnpackError { path: folder.clone(), error };
    let fresh = cache.join("locust").join(format!(".{HASH}.{n_process}"));
    write(&fresh).map_err(failed)?;
    if fs::rename(&fresh, &folder).is_err() {
        // Another start was quicker, or what lies there is damaged.
        if is_whole(&folder) {
            drop(fs::remove_dir_all(&fresh));
            return Ok(folder);
        }
        fs::remove_dir_all(&folder)
            .and_then(|()| fs::rename(&fresh, &folder))
            .map_err(|error| UnpackError { path: folder.clone(), error })?;
    }
    Ok(folder)
}

/// Whether the engine was built in: `SQUALL_PYENGINE=none` leaves it out.
pub fn has_engine() -> bool {
    FILES.iter().any(|(name, _)| *name == "squall_locust/_engine.abi3.so")
}

fn is_whole(folder: &Path) -> bool {
    FILES.iter().all(|(name, bytes)| {
        fs::metadata(folder.join(name)).is_ok_and(|found| found.len() == bytes.len() as u64)
    })
}

fn write(folder: &Path) -> io::Result<()> {
    drop(fs::remove_dir_all(folder));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for (name, bytes) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_unpacked_again() {
        let cache = std::env::temp_dir().join(format!("squall-unpack-{}", std::process::id()));
        let folder = unpack(&cache, 1).unwrap();
        let main = folder.join("squall_locust/__main__.py");
        assert!(main.exists());
        fs::write(&main, "short").unwrap();
        assert_eq!(unpack(&cache, 1).unwrap(), folder);
        assert!(fs::metadata(&main).unwrap().len() > 5);
        fs::remove_dir_all(&cache).unwrap();
    }
}
