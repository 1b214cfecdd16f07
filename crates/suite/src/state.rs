//! How a suite stands, on disk: what `--resume` goes on from after anything, `kill -9` included.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file in the suite's folder.
const FILE: &str = "suite.json";
/// Grows when an older program would misread the file.
const VERSION: u32 = 1;
/// The longest such file that is read, bytes.
const MAX_BYTES: u64 = 64 << 20;

/// A suite that runs, or ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// What the suite is called.
    pub suite: String,
    /// The plan, as an absolute path.
    pub plan: PathBuf,
    /// The plan's text, so that a suite is never resumed with another one.
    pub plan_text: String,
    /// The factor all times were multiplied by.
    pub time_scale: f64,
    /// When it was begun, unix time in nanoseconds.
    pub started_unix_ns: u64,
    /// When it ended; `None` while it runs, or after it was killed.
    pub ended_unix_ns: Option<u64>,
    /// Its scenarios, in order.
    pub items: Vec<Item>,
}

/// A scenario of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The scenario.
    pub name: String,
    /// How it stands.
    pub state: ItemState,
    /// How often it was begun.
    pub attempts: u32,
    /// Its folder in the suite's, of the last attempt.
    pub folder: Option<PathBuf>,
    /// The exit code of its process.
    pub exit_code: Option<i32>,
    /// Why it is as it is, where that needs a sentence.
    pub reason: Option<String>,
    /// When it began, unix time in nanoseconds.
    pub started_unix_ns: Option<u64>,
    /// When it ended.
    pub ended_unix_ns: Option<u64>,
}

/// How a scenario stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemState {
    /// It has not begun.
    Waiting,
    /// It runs; in a file of a suite that no longer does, it was cut off.
    Running,
    /// Its process ended by itself.
    Done,
    /// It did not come to an end: a gate, a command of its setup, a signal.
    Broken,
    /// It was left out.
    Skipped,
}

impl State {
    /// A suite that begins, with these scenarios.
    pub fn new(suite: &str, plan: &Path, text: &str, time_scale: f64, now_unix_ns: u64) -> State {
        State {
            version: VERSION,
            suite: suite.to_owned(),
            plan: plan.to_owned(),
            plan_text: text.to_owned(),
            time_scale,
            started_unix_ns: now_unix_ns,
            ended_unix_ns: None,
            items: Vec::new(),
        }
    }

    /// Reads it from a suite's folder.
    ///
    /// # Errors
    /// There is none, it can't be read, or a newer program wrote it; a sentence.
    pub fn load(folder: &Path) -> Result<State, String> {
        let path = folder.join(FILE);
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let meta = fs::metadata(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("{} has no suite to resume", folder.display()),
            _ => told(&error),
        })?;
        if meta.len() > MAX_BYTES {
            return Err(told(&"too large for the state of a suite"));
        }
        let text = fs::read_to_string(&path).map_err(|error| told(&error))?;
        let state: State = serde_json::from_str(&text).map_err(|error| told(&error))?;
        if state.version > VERSION {
            let version = state.version;
            return Err(told(&format!("version {version}, this program knows {VERSION}")));
        }
        Ok(state)
    }

    /// Writes it: whoever reads finds the state before or the one after, whole.
    ///
    /// # Errors
    /// The operating system's.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        write_whole(&folder.join(FILE), text.as_bytes())
    }

    /// The scenario of this name.
    pub fn item_mut(&mut self, name: &str) -> &mut Item {
        let at = self.items.iter().position(|item| item.name == name);
        let at = at.unwrap_or_else(|| {
            self.items.push(Item::new(name));
            self.items.len() - 1
        });
        &mut self.items[at]
    }
}

impl Item {
    fn new(name: &str) -> Item {
        Item {
            name: name.to_owned(),
            state: ItemState::Waiting,
            attempts: 0,
            folder: None,
            exit_code: None,
            reason: None,
            started_unix_ns: None,
            ended_unix_ns: None,
        }
    }
}

/// Replaces a file by another text, at once.
///
/// # Errors
/// The operating system's.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, path)?;
    // The rename itself, where folders can be synced.
    match path.parent().map(File::open) {
        Some(Ok(folder)) => folder.sync_all().or(Ok(())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let folder = std::env::temp_dir().join(format!("squall-state-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(State::load(&folder).unwrap_err().contains("no suite to resume"));
        let mut state = State::new("s", Path::new("/p.yaml"), "suite: s\n", 0.5, 7);
        state.item_mut("a").state = ItemState::Done;
        state.item_mut("b").attempts = 2;
        state.item_mut("a").exit_code = Some(99);
        state.save(&folder).unwrap();
        assert_eq!(State::load(&folder), Ok(state.clone()));
        state.version = VERSION + 1;
        state.save(&folder).unwrap();
        assert!(State::load(&folder).unwrap_err().contains("this program knows"));
        fs::write(folder.join(FILE), "{").unwrap();
        assert!(State::load(&folder).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
