//! From a specifier to a module: k6's rules first, then Node's.
//!
//! What k6's rules say needs no disk. What only Node's rules find is looked up while the script is compiled (and while
//! the probe calls `require()`) and remembered; VUs never look at the disk.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::compile::Graph;
use crate::packages::{Asked, Finder};
use crate::resolve::{self, Resolved};
use crate::world::Reader;

/// A module that can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Located {
    /// A module of ours, by its canonical name.
    Builtin(&'static str),
    /// A file, by its canonical URL.
    File(String),
}

/// What a name was found to be, or why it can't be used, by the module that uses it.
type Found = FxHashMap<(String, String, Asked), Result<String, String>>;

/// Names that k6's rules do not settle.
#[derive(Debug, Default)]
pub(crate) struct Aliases(RwLock<Found>);

impl Aliases {
    fn get(&self, base: &str, specifier: &str, asked: Asked) -> Option<Result<String, String>> {
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if found.is_empty() {
            return None;
        }
        found.get(&(base.to_owned(), specifier.to_owned(), asked)).cloned()
    }

    fn remember(&self, base: &str, specifier: &str, asked: Asked, result: Result<String, String>) {
        let mut found = self.0.write().unwrap_or_else(PoisonError::into_inner);
        found.insert((base.to_owned(), specifier.to_owned(), asked), result);
    }
}

impl Graph {
    /// Finds the module that `specifier` names in the module `base`. Without a `reader` only what was found before is.
    ///
    /// # Errors
    /// k6's text, or why what is there can't be used.
    pub(crate) fn locate(
        &self,
        base: &str,
        specifier: &str,
        asked: Asked,
        reader: Option<&dyn Reader>,
    ) -> Result<Located, String> {
        let resolved = resolve::resolve(base, specifier)?;
        let url = match resolved {
            Resolved::Builtin(name) => return Ok(Located::Builtin(name)),
            Resolved::Url(url) if self.get(&url).is_some() => return Ok(Located::File(url)),
            Resolved::Url(url) => Some(url),
            Resolved::Bare => None,
        };
        if let Some(found) = self.aliases.get(base, specifier, asked) {
            return found.map(Located::File);
        }
        let Some(reader) = reader else {
            return url.map(Located::File).ok_or_else(|| resolve::unrecognised(specifier));
        };
        let file = match &url {
            Some(url) => match resolve::path_of(url) {
                Some(path) => Finder(reader).file(&path),
                None => return Ok(Located::File(url.clone())),
            },
            None => match resolve::path_of(base) {
                Some(path) => {
                    Finder(reader).package(&path, specifier, asked).inspect_err(|why| {
                        // A package that tries what may be missing does so in every VU.
                        self.aliases.remember(base, specifier, asked, Err(why.clone()));
                    })?
                }
                None => None,
            },
        };
        match (file, url) {
            (Some(file), url) => {
                let found = resolve::url_of(&real(reader, &file));
                if url.as_ref() != Some(&found) {
                    self.aliases.remember(base, specifier, asked, Ok(found.clone()));
                }
                Ok(Located::File(found))
            }
            // Reading it says what is wrong with it.
            (None, Some(url)) => Ok(Located::File(url)),
            (None, None) => Err(resolve::unrecognised(specifier)),
        }
    }
}

/// Package managers link packages to where they keep them, and what those import lies beside that place.
fn real(reader: &dyn Reader, file: &Path) -> PathBuf {
    let in_package = file.components().any(|part| part.as_os_str() == "node_modules");
    if in_package { reader.real(file) } else { file.to_owned() }
}
