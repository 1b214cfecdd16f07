//! What is run: a locustfile with what its head says about how.
//!
//! The head is the leading lines that start with `#:`. A line `key: value` is one of
//! * `case NAME: WORDS` one run with these words on the command line; without such a line there is one run without;
//! * `args: WORDS` words for every run;
//! * `env: NAME=VALUE` a variable of the environment;
//! * `bare` the words are all there is on the command line. Else `-f FILE --headless --only-summary --host TARGET` stand
//!   before them;
//! * `loud` tables are wanted while it runs (no `--only-summary`; the last one is compared);
//! * `csv` `--csv out` is given, and the four files are compared;
//! * `order: any` several users at once: requests, log lines and printed lines are compared sorted;
//! * `connections` requests are compared with the number of the connection they came over;
//! * `about: METHOD NAME LOW..HIGH` the entry's count depends on time; it is compared as being in this range, and requests
//!   are compared without their number. `about: Aggregated LOW..HIGH` for the sum;
//! * `interrupt: SIGNAL N` this signal is sent once the target has received N requests;
//! * `secure` the same target is there over TLS: `{SECURE}`, and `ca.pem` in the folder knows its certificate;
//! * `unlogged` the log is not compared, for the reason told beside it;
//! * `without: NAME` the recording side has no use for this aspect (it is known to depend on time);
//! * `tries: N` how often to try at most (1); `file: NAME` this file instead of the locustfile itself.
//!
//! Any other line says what the locustfile is for. In words, `{TARGET}` is the target's `host:port`, `{PORT}` a free port.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// One run of one locustfile.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// `file` or `file.case`: the recording's name.
    pub(crate) name: String,
    /// What `-f` is given.
    pub(crate) file: String,
    pub(crate) words: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) is_bare: bool,
    pub(crate) is_loud: bool,
    pub(crate) has_csv: bool,
    pub(crate) is_ordered: bool,
    pub(crate) has_connections: bool,
    pub(crate) about: Vec<(String, RangeInclusive<u64>)>,
    /// A signal's name without `SIG`, and after how many requests.
    pub(crate) interrupt: Option<(String, u64)>,
    pub(crate) is_secure: bool,
    pub(crate) is_logged: bool,
    pub(crate) without: Vec<String>,
    pub(crate) tries: u32,
}

/// All cases of a folder, sorted by name. Subfolders hold what locustfiles import or open.
pub(crate) fn all(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "py") {
            cases.extend(of(&path));
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn of(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).unwrap();
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let mut base = Case {
        name: stem.to_owned(),
        file: path.file_name().unwrap().to_str().unwrap().to_owned(),
        words: Vec::new(),
        env: Vec::new(),
        is_bare: false,
        is_loud: false,
        has_csv: false,
        is_ordered: true,
        has_connections: false,
        about: Vec::new(),
        interrupt: None,
        is_secure: false,
        is_logged: true,
        without: Vec::new(),
        tries: 1,
    };
    let mut runs = Vec::new();
    for line in text.lines().map_while(|line| line.strip_prefix("#:")) {
        let line = line.trim();
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        let words = || value.split_whitespace().map(str::to_owned);
        match key {
            "args" => base.words = words().collect(),
            "env" => {
                base.env.push(value.split_once('=').map(|(k, v)| (k.into(), v.into())).unwrap());
            }
            "bare" => base.is_bare = true,
            "loud" => base.is_loud = true,
            "csv" => base.has_csv = true,
            "connections" => base.has_connections = true,
            "order" => base.is_ordered = value != "any",
            "about" => base.about.push(about(value)),
            "interrupt" => {
                let (signal, n) = value.split_once(' ').unwrap();
                base.interrupt = Some((signal.to_owned(), n.parse().unwrap()));
            }
            "secure" => base.is_secure = true,
            "unlogged" => base.is_logged = false,
            "without" => base.without.extend(words()),
            "tries" => base.tries = value.parse().unwrap(),
            "file" => value.clone_into(&mut base.file),
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

fn about(value: &str) -> (String, RangeInclusive<u64>) {
    let (entry, range) = value.rsplit_once(' ').unwrap();
    let (low, high) = range.split_once("..").unwrap();
    (entry.to_owned(), low.parse().unwrap()..=high.parse().unwrap())
}

impl Case {
    /// A count of an entry, as it is compared.
    pub(crate) fn count(&self, entry: &str, n: u64) -> String {
        match self.about.iter().find(|(name, _)| name == entry) {
            Some((_, range)) if range.contains(&n) => {
                format!("{}..{}", range.start(), range.end())
            }
            _ => n.to_string(),
        }
    }
}

#[test]
fn counts_in_their_range_are_shown_as_it() {
    let (entry, range) = about("GET /a b 5..7");
    assert_eq!((entry.as_str(), range), ("GET /a b", 5..=7));
}
