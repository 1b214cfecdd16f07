//! What is run: a script with what its head says about how.
//!
//! The head is the leading lines that start with `//!`. A line `key: value` is one of
//! * `case NAME: WORDS` one run with these words on the command line; without such a line there is one run without;
//! * `args: WORDS` words for every run;
//! * `env: NAME=VALUE` a variable of the environment;
//! * `order: any` several VUs at once: requests, log lines and samples are compared sorted;
//! * `cut: NAMES` the counts of these metrics depend on the moment the run is cut, so they are not compared;
//! * `tries: N` how often to try at most (1);
//! * `grpc` a gRPC server is there as well: `GRPC` of the environment is its `host:port`, `{GRPC}` in words;
//! * `loud` banner and progress are wanted;
//! * `secure` the script talks to `__ENV.SECURE`, a server with HTTP/2 over TLS;
//! * `file: NAME` the words run this file instead of the script itself; `stdin` gives the script on standard input.
//!
//! Any other line says what the script is for. `{TARGET}` in words is the target's `host:port`.

use std::fs;
use std::path::{Path, PathBuf};

/// One run of one script.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// `script` or `script.case`: the recording's name.
    pub(crate) name: String,
    /// The script, relative to the folder of scripts.
    pub(crate) script: PathBuf,
    /// What stands for the script on the command line; `-` for standard input.
    pub(crate) file: String,
    pub(crate) words: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) is_ordered: bool,
    pub(crate) cut: Vec<String>,
    pub(crate) tries: u32,
    pub(crate) is_loud: bool,
    pub(crate) wants_grpc: bool,
    pub(crate) is_secure: bool,
}

/// All cases of a folder, sorted by name. Subfolders hold what scripts import or open.
pub(crate) fn all(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            cases.extend(of(&path));
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn of(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).unwrap();
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let file = path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut base = Case {
        name: stem.to_owned(),
        script: PathBuf::from(&file),
        file,
        words: Vec::new(),
        env: Vec::new(),
        is_ordered: true,
        cut: Vec::new(),
        tries: 1,
        is_loud: false,
        wants_grpc: false,
        is_secure: false,
    };
    let mut runs = Vec::new();
    for line in text.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.trim();
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        let words = || value.split_whitespace().map(str::to_owned);
        match key {
            "args" => base.words = words().collect(),
            "env" => {
                base.env.push(value.split_once('=').map(|(k, v)| (k.into(), v.into())).unwrap())
            }
            "order" => base.is_ordered = value != "any",
            "cut" => base.cut = words().collect(),
            "tries" => base.tries = value.parse().unwrap(),
            "loud" => base.is_loud = true,
            "grpc" => base.wants_grpc = true,
            "secure" => base.is_secure = true,
            "file" => value.clone_into(&mut base.file),
            "stdin" => "-".clone_into(&mut base.file),
            _ => {
                if let Some(name) = key.strip_prefix("case ") {
                    runs.push((name.to_owned(), words().collect::<Vec<_>>()));
                }
            }
        }
    }
    if runs.is_empty() {
        return vec![base];
    }
    let run = |(name, words): (String, Vec<String>)| Case {
        name: format!("{stem}.{name}"),
        words: base.words.iter().cloned().chain(words).collect(),
        ..base.clone()
    };
    runs.into_iter().map(run).collect()
}
