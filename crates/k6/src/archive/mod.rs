//! Archives in k6's format: a test with everything it reads, in one tar file.
//!
//! `metadata.json` says what it is (options, environment, where the script lay), `data` is the script, and below `file/`
//! and `https/` lies what it imports and opens, by the path it had. Users' names are taken out of paths.

mod path;
mod tar;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

pub use self::path::anonymous;
use self::tar::{Kind, Writer};
use crate::resolve;
use crate::world::{Reader, lock};

pub use self::tar::TarError;

/// Largest archive, bytes.
pub const MAX_ARCHIVE: usize = 1 << 30;

/// Files by path; of remote modules the path starts with the host.
type Files = BTreeMap<String, Arc<[u8]>>;

/// A test and everything it needs.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    /// The options of all sources, not derived, as JSON.
    pub options: Value,
    /// URL of the script.
    pub filename: String,
    /// URL of the folder that relative paths start from.
    pub pwd: String,
    /// The script.
    pub data: Vec<u8>,
    /// Variables of `__ENV`; `None` where they were left out.
    pub env: Option<BTreeMap<String, String>>,
    /// k6's compatibility mode.
    pub compatibility_mode: String,
    /// The version of k6 it is made for.
    pub k6_version: String,
    /// The system it was made on, in Go's words.
    pub goos: String,
    /// What the script says it needs, by name.
    pub dependencies: BTreeMap<String, String>,
    file: Files,
    https: Files,
}

/// Why bytes are no archive of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveError(pub String);

impl std::fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether bytes are an archive, by k6's rule: they start with a tar header.
pub fn is_archive(bytes: &[u8]) -> bool {
    tar::is_tar(bytes)
}

impl Archive {
    /// Reads an archive.
    ///
    /// # Errors
    /// What is wrong with it, in k6's words where it has some.
    pub fn read(bytes: &[u8]) -> Result<Archive, ArchiveError> {
        let mut archive = Archive::default();
        let mut has_metadata = false;
        let entries = tar::read(bytes).map_err(|error| ArchiveError(error.to_string()))?;
        for entry in entries.iter().filter(|entry| entry.kind == Kind::File) {
            let content = &bytes[entry.content.clone()];
            match entry.name.as_str() {
                "metadata.json" => {
                    archive.metadata(content).map_err(ArchiveError)?;
                    has_metadata = true;
                }
                "data" => archive.data = content.to_vec(),
                name => archive.add_entry(name, content)?,
            }
        }
        if !has_metadata {
            return Err(ArchiveError("it has no metadata.json".to_owned()));
        }
        let main = archive.data.clone();
        let url = archive.filename.clone();
        archive.add(&url, main.into());
        Ok(archive)
    }

    fn metadata(&mut self, json: &[u8]) -> Result<(), String> {
        let json: Map<String, Value> =
            serde_json::from_slice(json).map_err(|error| format!("metadata.json: {error}"))?;
        let text =
            |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match text("type").as_str() {
            "js" => {}
            kind => return Err(format!("unsupported test type '{kind}'")),
        }
        let pairs = |name: &str| {
            json.get(name).and_then(Value::as_object).map(|map| {
                map.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
            })
        };
        self.options = json.get("options").cloned().unwrap_or_default();
        self.env = pairs("env");
        self.dependencies = pairs("dependencies").unwrap_or_default();
        self.compatibility_mode = text("compatibilityMode");
        self.k6_version = text("k6version");
        self.goos = text("goos");
        let url = |name: &str| {
            let value = text(name);
            if resolve::is_url(&value) {
                value
            } else {
                // Older archives have paths.
                let path = anonymous(&value);
                format!("file://{}{path}", if path.starts_with('/') { "" } else { "/" })
            }
        };
        (self.filename, self.pwd) = (url("filename"), url("pwd"));
        Ok(())
    }

    fn add_entry(&mut self, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
        let name = anonymous(name);
        let Some(slash) = name.find('/') else { return Ok(()) };
        let (tree, mut path) = name.split_at(slash);
        let files = match tree {
            "file" => &mut self.file,
            "https" => &mut self.https,
            // k6 before 0.25.
            "files" | "scripts" => match path.strip_prefix("/_") {
                Some(local) => {
                    path = local;
                    &mut self.file
                }
                None => &mut self.https,
            },
            _ => {
                return Err(ArchiveError(format!(
                    "unknown file prefix `{tree}` for file `{name}`"
                )));
            }
        };
        files.insert(anonymous(path), content.into());
        Ok(())
    }

    /// Adds what lies at a URL.
    pub fn add(&mut self, url: &str, content: Arc<[u8]>) {
        let path = path::of_url(url);
        if resolve::is_remote(url) {
            self.https.insert(path, content);
        } else {
            self.file.insert(anonymous(&path), content);
        }
    }

    /// The archive as bytes, made at `now` seconds of Unix time.
    pub fn write(&self, now: u64) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.add("metadata.json", &Kind::File, self.metadata_json().as_bytes(), now);
        writer.add("data", &Kind::File, &self.data, now);
        let remote = resolve::is_remote(&self.filename);
        let main = path::of_url(&self.filename);
        let main =
            if remote { format!("https{main}") } else { format!("file{}", anonymous(&main)) };
        for (tree, files) in [("file", &self.file), ("https", &self.https)] {
            let mut folders = BTreeSet::new();
            for path in files.keys() {
                let all = path.match_indices('/').map(|(at, _)| format!("{tree}{}", &path[..at]));
                folders.extend(all);
            }
            for folder in &folders {
                writer.add(folder, &Kind::Folder, &[], now);
            }
            for (path, content) in files {
                let name = format!("{tree}{path}");
                if name == main {
                    writer.add(&name, &Kind::Link("data".to_owned()), &[], now);
                } else {
                    writer.add(&name, &Kind::File, content, now);
                }
            }
        }
        writer.finish()
    }

    fn metadata_json(&self) -> String {
        let mut json = serde_json::json!({
            "type": "js",
            "options": self.options,
            "filename": path::anonymous_url(&self.filename),
            "pwd": path::anonymous_url(&self.pwd),
            "env": self.env,
            "compatibilityMode": self.compatibility_mode,
            "k6version": self.k6_version,
            "goos": self.goos,
        });
        if let (Value::Object(map), false) = (&mut json, self.dependencies.is_empty()) {
            map.insert("dependencies".to_owned(), serde_json::json!(self.dependencies));
        }
        serde_json::to_string_pretty(&json).unwrap_or_default() + "\n"
    }

    /// The path of the script, as stacks show it.
    pub fn script_path(&self) -> PathBuf {
        resolve::path_of(&self.filename)
            .unwrap_or_else(|| PathBuf::from(path::of_url(&self.filename)))
    }
}

/// Reads from an archive; what is not in it comes over the network, as in k6.
pub struct ArchiveReader {
    archive: Arc<Archive>,
    network: Arc<dyn Reader>,
}

impl ArchiveReader {
    /// A reader of `archive`; of `network` only [`Reader::fetch`] is used.
    pub fn new(archive: Arc<Archive>, network: Arc<dyn Reader>) -> Self {
        Self { archive, network }
    }
}

impl Reader for ArchiveReader {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let path = anonymous(&path.to_string_lossy());
        if let Some(content) = self.archive.file.get(&path) {
            return Ok(content.to_vec());
        }
        let folder = format!("{}/", path.trim_end_matches('/'));
        let next = self.archive.file.range(folder.clone()..).next();
        let is_folder = next.is_some_and(|(path, _)| path.starts_with(&folder));
        Err(Error::from(if is_folder { ErrorKind::IsADirectory } else { ErrorKind::NotFound }))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.archive.file.contains_key(&anonymous(&path.to_string_lossy()))
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        match self.archive.https.get(&path::of_url(url)) {
            Some(content) => Ok(content.to_vec()),
            None => self.network.fetch(url),
        }
    }
}

/// Passes on what another reader reads, and keeps it for an archive.
pub struct Recorder {
    inner: Arc<dyn Reader>,
    kept: Mutex<BTreeMap<String, Arc<[u8]>>>,
}

impl Recorder {
    /// Keeps what `inner` reads.
    pub fn new(inner: Arc<dyn Reader>) -> Self {
        Self { inner, kept: Mutex::default() }
    }

    /// What was read, by URL.
    pub fn kept(&self) -> Vec<(String, Arc<[u8]>)> {
        lock(&self.kept).iter().map(|(url, content)| (url.clone(), content.clone())).collect()
    }
}

impl Reader for Recorder {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let content = self.inner.read(path)?;
        lock(&self.kept).insert(resolve::url_of(path), content.as_slice().into());
        Ok(content)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.inner.is_file(path)
    }

    fn real(&self, path: &Path) -> PathBuf {
        self.inner.real(path)
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let content = self.inner.fetch(url)?;
        lock(&self.kept).insert(url.to_owned(), content.as_slice().into());
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Reader for Nothing {
        fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
            Err(ErrorKind::NotFound.into())
        }
    }

    fn sample() -> Archive {
        let mut archive = Archive {
            options: serde_json::json!({"vus": 3}),
            filename: "file:///home/me/t/script.js".into(),
            pwd: "file:///home/me/t/".into(),
            data: b"export default () => {}".to_vec(),
            env: Some([("A".to_owned(), "b".to_owned())].into()),
            compatibility_mode: "extended".into(),
            k6_version: "2.2.0".into(),
            goos: "linux".into(),
            ..Archive::default()
        };
        archive.add("file:///home/me/t/script.js", b"export default () => {}"[..].into());
        archive.add("file:///home/me/t/data/x.bin", [1, 2, 3][..].into());
        archive.add("https://h/a%20b.js?x=1", b"1"[..].into());
        archive
    }

    #[test]
    fn an_archive_survives_writing_and_reading_without_the_users_name() {
        let bytes = sample().write(1_700_000_000);
        assert!(is_archive(&bytes));
        assert!(!String::from_utf8_lossy(&bytes).contains("home/me"));
        let archive = Archive::read(&bytes).unwrap();
        assert_eq!(archive.filename, "file:///home/nobody/t/script.js");
        assert_eq!(archive.script_path(), Path::new("/home/nobody/t/script.js"));
        assert_eq!(archive.options, serde_json::json!({"vus": 3}));
        assert_eq!(archive.env.as_ref().unwrap()["A"], "b");
        let reader = ArchiveReader::new(Arc::new(archive), Arc::new(Nothing));
        assert_eq!(reader.read(Path::new("/home/other/t/data/x.bin")).unwrap(), [1, 2, 3]);
        assert_eq!(
            reader.read(Path::new("/home/nobody/t/script.js")).unwrap(),
            b"export default () => {}"
        );
        let folder = reader.read(Path::new("/home/nobody/t/data")).unwrap_err();
        assert_eq!(folder.kind(), ErrorKind::IsADirectory);
        assert_eq!(reader.read(Path::new("/none")).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(reader.fetch("https://h/a%20b.js?x=1").unwrap(), b"1");
        assert!(reader.fetch("https://h/none.js").is_err());
    }

    #[test]
    fn what_is_no_test_says_so() {
        let tar = |name: &str, content: &str| {
            let mut writer = Writer::default();
            writer.add(name, &Kind::File, content.as_bytes(), 0);
            writer.finish()
        };
        for (bytes, part) in [
            (tar("metadata.json", "{"), "metadata.json"),
            (tar("metadata.json", r#"{"type": "py"}"#), "unsupported test type 'py'"),
            (tar("etc/x", ""), "unknown file prefix `etc` for file `etc/x`"),
            (tar("data", ""), "no metadata.json"),
            (vec![1; 512], "invalid tar header"),
        ] {
            let error = Archive::read(&bytes).unwrap_err().0;
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn archives_of_old_are_read() {
        let mut writer = Writer::default();
        let metadata = r#"{"type":"js","filename":"C:\\Users\\me\\t.js","pwd":"C:\\Users\\me"}"#;
        writer.add("metadata.json", &Kind::File, metadata.as_bytes(), 0);
        writer.add("files/_/C/Users/me/d.txt", &Kind::File, b"d", 0);
        writer.add("scripts/h/x.js", &Kind::File, b"x", 0);
        let archive = Archive::read(&writer.finish()).unwrap();
        assert_eq!(archive.filename, "file:///C/Users/nobody/t.js");
        let reader = ArchiveReader::new(Arc::new(archive), Arc::new(Nothing));
        assert_eq!(reader.read(Path::new("/C/Users/nobody/d.txt")).unwrap(), b"d");
        assert_eq!(reader.fetch("https://h/x.js").unwrap(), b"x");
    }

    #[test]
    fn damaged_archives_are_read_or_refused() {
        let whole = sample().write(1_700_000_000);
        // xorshift64 (Marsaglia 2003).
        let mut state = 0x5eed_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below.max(1) as u64) as usize
        };
        let mut read = 0;
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes.truncate(at.next_multiple_of(512).min(bytes.len())),
                    1 => bytes[at] ^= 1 << random(8),
                    2 => bytes[at] = [0, b'7', b'x', b'L', 0x80, b'='][random(6)],
                    // A size, in the first header.
                    _ => bytes[124 + random(12)] = b'0' + random(8) as u8,
                }
                if random(2) == 0 && bytes.len() >= 512 {
                    tar::set_checksum(&mut bytes[..512]);
                }
                if bytes.is_empty() {
                    break;
                }
            }
            if let Ok(archive) = Archive::read(&bytes) {
                read += 1;
                let again = Archive::read(&archive.write(0)).unwrap();
                assert_eq!(again.data, archive.data);
            }
        }
        assert!(read > 100, "{read} were archives");
    }
}
