//! Finding the Python that the user means.

use std::path::{Path, PathBuf};

/// What says which Python is meant.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// `--python`.
    pub chosen: Option<String>,
    /// `$VIRTUAL_ENV`.
    pub virtual_env: Option<PathBuf>,
    /// `$CONDA_PREFIX`.
    pub conda_prefix: Option<PathBuf>,
    /// `$PATH`.
    pub path: Vec<PathBuf>,
}

/// There is no Python.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct NoPython {
    /// What was looked for.
    pub text: String,
    /// What to do.
    pub hint: &'static str,
}

const INSTALL: &str = "install Python 3.11 or later, then `python3 -m pip install locust`; or choose one with --python PATH";

impl Search {
    /// The Python to start: the chosen one, that of the active environment, or the first of the path.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self) -> Result<PathBuf, NoPython> {
        if let Some(chosen) = &self.chosen {
            let found = if chosen.contains('/') {
                Some(PathBuf::from(chosen)).filter(|path| is_program(path))
            } else {
                self.on_path(chosen)
            };
            return found.ok_or_else(|| NoPython {
                text: format!("--python {chosen}: there is no such program"),
                hint: INSTALL,
            });
        }
        let environments = [&self.virtual_env, &self.conda_prefix];
        let of_environment = environments
            .into_iter()
            .flatten()
            .flat_map(|prefix| ["python3", "python"].map(|name| prefix.join("bin").join(name)));
        of_environment
            .into_iter()
            .find(|path| is_program(path))
            .or_else(|| self.on_path("python3"))
            .or_else(|| self.on_path("python"))
            .ok_or_else(|| NoPython {
                text: "Locust files need Python, and there is no `python3` on the PATH".to_owned(),
                hint: INSTALL,
            })
    }

    fn on_path(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|path| is_program(path))
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_chosen_python_comes_before_the_environments_and_that_before_the_paths() {
        let root = std::env::temp_dir().join(format!("squall-python-{}", std::process::id()));
        let (venv, on_path) = (root.join("venv"), root.join("bin"));
        program(&venv.join("bin/python"));
        program(&on_path.join("python3"));
        program(&on_path.join("python3.12"));
        let search = Search {
            chosen: Some("python3.12".to_owned()),
            virtual_env: Some(venv.clone()),
            path: vec![root.join("nowhere"), on_path.clone()],
            ..Search::default()
        };
        assert_eq!(search.find().unwrap(), on_path.join("python3.12"));
        let search = Search { chosen: None, ..search };
        assert_eq!(search.find().unwrap(), venv.join("bin/python"));
        let search = Search { virtual_env: None, ..search };
        assert_eq!(search.find().unwrap(), on_path.join("python3"));
        let search = Search { path: Vec::new(), ..search };
        assert!(search.find().unwrap_err().text.contains("no `python3`"));
        fs::remove_dir_all(root).unwrap();
    }
}
