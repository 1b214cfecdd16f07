//! The script: which file, its text, the names it goes by, and where what it imports is read.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use k6::Reader;
use k6::archive::{Archive, ArchiveReader, MAX_ARCHIVE, is_archive};

use super::disk::Disk;
use crate::exit::{Failure, system_text};
use crate::flags::Parsed;
use crate::session::{Session, setting};

/// The largest script or archive, bytes.
const MAX_INPUT: u64 = MAX_ARCHIVE as u64;

/// A script to run.
#[derive(Clone)]
pub(crate) struct Source {
    /// As typed; what the banner and error texts name.
    pub(crate) argument: String,
    /// Where it lies; relative imports and `open()` start here.
    pub(crate) path: PathBuf,
    /// Its URL, as stack traces show it, where that is not its path's.
    pub(crate) remote: Option<String>,
    /// Its text.
    pub(crate) text: Vec<u8>,
    /// The archive it came in.
    pub(crate) archive: Option<Arc<Archive>>,
    /// Reads what it imports and opens.
    pub(crate) reader: Arc<dyn Reader>,
}

/// What a file is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Script,
    Archive,
}

impl Source {
    /// Reads the one script or archive the command line names; `-` is standard input.
    ///
    /// # Errors
    /// k6's texts, code 255.
    pub(crate) fn read(session: &Session) -> Result<Self, Failure> {
        let flags = &session.flags;
        let [argument] = flags.args.as_slice() else {
            return Err(Failure::usage(format!(
                "accepts 1 arg(s), received {}: arg should either be \"-\", if reading script from stdin, or a path \
                 to a script file",
                flags.args.len()
            )));
        };
        let here = std::env::current_dir()
            .map_err(|error| Failure::usage(format!("can't find the current folder: {error}")))?;
        let folder = here.join(argument);
        let folder = folder.parent().unwrap_or(&here);
        let disk: Arc<dyn Reader> = Arc::new(Disk::new(session, folder)?);
        let source = Self::locate(argument, &here, &disk)?;
        match kind(flags, &source)? {
            Type::Script => Ok(source),
            Type::Archive => source.unpack(),
        }
    }

    fn locate(argument: &str, here: &Path, reader: &Arc<dyn Reader>) -> Result<Self, Failure> {
        let source = |path: PathBuf, remote, text| Self {
            argument: argument.to_owned(),
            path,
            remote,
            text,
            archive: None,
            reader: reader.clone(),
        };
        if argument == "-" {
            let mut text = Vec::new();
            std::io::stdin()
                .take(MAX_INPUT)
                .read_to_end(&mut text)
                .map_err(|error| Failure::usage(format!("can't read standard input: {error}")))?;
            return Ok(source(here.join("-"), None, text));
        }
        let path = here.join(argument.strip_prefix("file://").unwrap_or(argument));
        match read_file(&path) {
            Ok(text) => Ok(source(path, None, text)),
            Err(_) if argument.starts_with("https://") || argument.starts_with("http://") => {
                let text = reader.fetch(argument).map_err(|why| {
                    Failure::usage(format!(
                        "The moduleSpecifier \"{argument}\" couldn't be retrieved from the resolved url \
                         \"{argument}\". Error : \"{why}\""
                    ))
                })?;
                Ok(source(here.join("-"), Some(argument.to_owned()), text))
            }
            Err(error) => Err(match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory => {
                    Failure::usage(missing(argument))
                }
                _ => Failure::usage(format!("open {}: {}", path.display(), system_text(&error))),
            }),
        }
    }

    /// The script in an archive.
    fn unpack(self) -> Result<Self, Failure> {
        let archive = Archive::read(&self.text).map_err(|error| {
            Failure::usage(format!(
                "could not initialize '{0}': could not load test archive bundle '{1}': {error}",
                self.argument,
                self.url()
            ))
        })?;
        let archive = Arc::new(archive);
        let is_remote = !archive.filename.starts_with("file://");
        Ok(Self {
            argument: self.argument,
            path: archive.script_path(),
            remote: is_remote.then(|| archive.filename.clone()),
            text: archive.data.clone(),
            reader: Arc::new(ArchiveReader::new(archive.clone(), self.reader)),
            archive: Some(archive),
        })
    }

    /// A script that is part of the binary.
    pub(crate) fn embedded(name: &str, text: &str) -> Self {
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self {
            argument: name.to_owned(),
            path: folder.join(name),
            remote: None,
            text: text.as_bytes().to_vec(),
            archive: None,
            reader: Arc::new(Disk::offline()),
        }
    }

    /// Its URL, as stack traces show it. Standard input is `file:///-`, as in k6.
    pub(crate) fn url(&self) -> String {
        match &self.remote {
            Some(url) => url.clone(),
            None if self.argument == "-" && self.archive.is_none() => "file:///-".into(),
            None => format!("file://{}", self.path.display()),
        }
    }
}

/// What the flags, or else the bytes, say the file is.
fn kind(flags: &Parsed, source: &Source) -> Result<Type, Failure> {
    match setting(flags, "type", "K6_TYPE").as_deref() {
        None | Some("") => Ok(if is_archive(&source.text) { Type::Archive } else { Type::Script }),
        Some("js") => Ok(Type::Script),
        Some("archive") => Ok(Type::Archive),
        Some(kind) => Err(Failure::usage(format!(
            "could not initialize '{}': unknown or unspecified test type '{kind}' for '{}'",
            source.argument,
            source.url()
        ))),
    }
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_INPUT).read_to_end(&mut text)?;
    Ok(text)
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
