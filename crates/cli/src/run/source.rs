//! The script: which file, its text, the names it goes by.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::exit::{Failure, system_text};

/// The largest script taken from standard input or a file, bytes.
const MAX_SCRIPT: u64 = 64 << 20;

/// A script to run.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// As typed; what the banner and error texts name.
    pub(crate) argument: String,
    /// Where it lies; relative imports and `open()` start here.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: Vec<u8>,
}

impl Source {
    /// Reads the one script the command line names; `-` is standard input.
    ///
    /// # Errors
    /// k6's texts, code 255.
    pub(crate) fn read(args: &[String]) -> Result<Self, Failure> {
        let [argument] = args else {
            return Err(Failure::usage(format!(
                "accepts 1 arg(s), received {}: arg should either be \"-\", if reading script from stdin, or a path \
                 to a script file",
                args.len()
            )));
        };
        let here = std::env::current_dir()
            .map_err(|error| Failure::usage(format!("can't find the current folder: {error}")))?;
        if argument == "-" {
            let mut text = Vec::new();
            std::io::stdin()
                .take(MAX_SCRIPT)
                .read_to_end(&mut text)
                .map_err(|error| Failure::usage(format!("can't read standard input: {error}")))?;
            return Ok(Self { argument: argument.clone(), path: here.join("-"), text });
        }
        let path = here.join(argument.strip_prefix("file://").unwrap_or(argument));
        let text = read_file(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory => {
                Failure::usage(missing(argument))
            }
            _ => Failure::usage(format!("open {}: {}", path.display(), system_text(&error))),
        })?;
        if is_archive(&text) {
            return Err(Failure::usage(format!(
                "{argument} is a k6 archive; running archives is not available in this version of squall"
            ))
            .hint("unpack the tar file and run the script in it"));
        }
        Ok(Self { argument: argument.clone(), path, text })
    }

    /// A script that is part of the binary.
    pub(crate) fn embedded(name: &str, text: &str) -> Self {
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self { argument: name.to_owned(), path: folder.join(name), text: text.as_bytes().to_vec() }
    }

    /// Its URL, as stack traces show it. Standard input is `file:///-`, as in k6.
    pub(crate) fn url(&self) -> String {
        if self.argument == "-" {
            "file:///-".into()
        } else {
            format!("file://{}", self.path.display())
        }
    }
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_SCRIPT).read_to_end(&mut text)?;
    Ok(text)
}

/// A tar header has its magic at byte 257.
fn is_archive(text: &[u8]) -> bool {
    text.get(257..262) == Some(b"ustar")
}

/// k6's text for a script that is not there.
fn missing(argument: &str) -> String {
    format!(
        "The moduleSpecifier \"{argument}\" couldn't be found on local disk. Make sure that you've specified the \
         right path to the file. If you're running k6 using the Docker image make sure you have mounted the local \
         directory (-v /local/path/:/inside/docker/path) containing your script and modules so that they're \
         accessible by k6 from inside of the container, see \
         https://grafana.com/docs/k6/latest/using-k6/modules/#use-modules-with-docker."
    )
}
