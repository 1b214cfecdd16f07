//! The invariants of ARCHITECTURE.md that a compiler does not check, and the promises of the top-level documents.
//!
//! Each test reads the sources and fails with a list of sentences that name `file:line`. Comments are blanked before
//! code is searched, so that a comment may say what its code must not do. What is allowed is a table in this file:
//! widening one is a change of architecture and belongs into the same commit as ARCHITECTURE.md's line.

#![allow(clippy::unwrap_used, reason = "clippy only knows the functions marked #[test] as tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest file of ours, lines. Beyond it a file holds more than one noun.
const MAX_LINES: usize = 900;

/// Every crate, its level, and what it may use of ours. An edge must lead to a lower level.
const CRATES: &[(&str, u8, &[&str])] = &[
    ("rt", 0, &[]),
    ("plan", 0, &[]),
    ("html", 0, &[]),
    ("crypto", 0, &[]),
    ("typescript", 0, &[]),
    ("net", 1, &["rt"]),
    ("metrics", 1, &["plan"]),
    ("demo", 1, &["rt"]),
    ("engine", 2, &["rt", "plan", "metrics"]),
    ("record", 2, &["plan", "metrics"]),
    ("report", 2, &["plan", "metrics"]),
    ("observe", 2, &["rt", "plan", "metrics"]),
    ("kubernetes", 3, &["rt", "plan", "metrics", "observe"]),
    ("k6", 3, &["rt", "plan", "html", "crypto", "typescript", "metrics", "net", "engine"]),
    ("burst", 3, &["rt", "plan", "metrics", "net", "engine"]),
    ("outputs", 3, &["rt", "plan", "metrics", "net"]),
    ("pyengine", 3, &["rt", "metrics", "net", "plan"]),
    ("locust", 3, &["rt", "metrics"]),
    ("web", 4, &["rt", "metrics", "engine", "report"]),
    ("suite", 4, &["rt", "plan", "metrics", "net", "record", "report"]),
    (
        "cli",
        5,
        &[
            "rt",
            "plan",
            "metrics",
            "net",
            "engine",
            "record",
            "report",
            "observe",
            "kubernetes",
            "k6",
            "burst",
            "outputs",
            "locust",
            "suite",
            "web",
            "demo",
        ],
    ),
];

/// What tests and benches of a crate may use besides.
const DEV: &[(&str, &[&str])] = &[("k6", &["demo"]), ("kubernetes", &["demo", "report"])];

/// Crates of others that bring sockets, clocks or threads: not for crates that do no I/O.
const IMPURE: &[&str] =
    &["libc", "polling", "mio", "tokio", "rustls", "corosensei", "rquickjs", "rquickjs-sys"];

/// Words that code of some crates must not contain, and what to do instead.
struct Ban {
    /// Crates it holds for; with `all_but`, those it does not hold for.
    crates: &'static [&'static str],
    all_but: bool,
    /// Words, found where no letter, digit or underscore precedes.
    words: &'static [&'static str],
    /// Files that may, each for a reason told beside.
    allowed: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        crates: &["plan", "metrics", "report"],
        all_but: false,
        words: &[
            "std::fs",
            "fs::",
            "File::",
            "std::io",
            "TcpStream",
            "UdpSocket",
            "UnixStream",
            "std::thread",
            "std::env",
            "std::process",
            "Instant",
            "SystemTime",
            "TimeZone::system",
            "std::os",
        ],
        allowed: &[],
        why: "plan, metrics and report do no I/O and read no clock: take it as a parameter",
    },
    Ban {
        crates: &["rt"],
        all_but: true,
        words: &[
            "Instant::now",
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            "thread::sleep",
            "thread::spawn",
            "thread::Builder",
            "clock_gettime",
        ],
        allowed: &[],
        why: "only rt reads a clock, sleeps or starts a thread: use rt::now, rt::sleep, rt::thread::start",
    },
    Ban {
        crates: &["cli"],
        all_but: true,
        words: &[
            "println!",
            "print!",
            "eprintln!",
            "eprint!",
            "dbg!",
            "stdout()",
            "stderr()",
            "env::var",
            "env::vars",
            "env::args",
            "process::exit",
        ],
        allowed: &[],
        why: "only cli prints, reads the environment and exits: return the text, take the value",
    },
    Ban {
        crates: &["cli"],
        all_but: false,
        words: &["env::var", "env::vars", "env::args"],
        allowed: &["crates/cli/src/environment.rs"],
        why: "cli reads the environment in one place: crates/cli/src/environment.rs",
    },
    Ban {
        crates: &["cli"],
        all_but: false,
        words: &["println!", "print!", "eprintln!", "eprint!", "dbg!", "stdout()", "stderr()"],
        // The log's thread writes lines to standard error by itself when no terminal draws there.
        allowed: &["crates/cli/src/terminal.rs", "crates/cli/src/log/destination.rs"],
        why: "cli prints through crates/cli/src/terminal.rs, which keeps progress and text apart",
    },
    Ban {
        crates: &["record"],
        all_but: true,
        words: &["RUN_FILE", "META_FILE", "run.sqr", "meta.json"],
        allowed: &[],
        why: "only record knows the files of a run's directory",
    },
    Ban {
        crates: &["engine"],
        all_but: false,
        words: &["http", "Http", "HTTP_", "JavaScript", "quickjs", "url", "Url"],
        allowed: &[],
        why: "engine knows no protocol and no language: front ends come in through engine::script::Script",
    },
    Ban {
        crates: &["net"],
        all_but: false,
        words: &["metrics", "Shard", "TagSet", "Sample"],
        allowed: &[],
        why: "net knows no metrics: it returns timings, the caller makes samples",
    },
    Ban {
        crates: &["rt", "net", "engine", "k6", "burst"],
        all_but: false,
        // As a derive has them; `url` has a `Serializer`.
        words: &["Serialize,", "Serialize)", "Deserialize,", "Deserialize)"],
        allowed: &[],
        why: "serde derives only at boundaries (plan's input, the snapshot, the run record, reports, the demo's API)",
    },
    Ban {
        crates: &[],
        all_but: true,
        words: &["todo!", "unimplemented!", "#[ignore"],
        // These words are what this file looks for.
        allowed: &["crates/cli/tests/tidy.rs"],
        why: "what is not there says so in a clear error; a test that does not run proves nothing",
    },
];

/// Files that may contain `unsafe`: the reactor, stacks and clocks of rt, the script engine's C API, and two corners of
/// cli (signals, limits) that call libc.
const UNSAFE: &[&str] =
    &["crates/rt/", "crates/k6/src/", "crates/cli/src/signals.rs", "crates/cli/src/machine.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(relative: &str) -> String {
    fs::read_to_string(root().join(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// A source file: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The crate it belongs to, if any.
    fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether it is code of the product: neither test nor example nor fuzz target.
    fn is_product(&self) -> bool {
        let in_src = self.path.split('/').nth(2) == Some("src");
        in_src && !self.path.ends_with("/tests.rs") && !self.path.contains("/tests/")
    }
}

/// Every file below `folder` with one of these endings.
fn sources(folder: &str, endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", "node_modules", "__pycache__", "corpus", "artifacts"]
                    .contains(&name.as_str())
                {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "nothing found in {folder}");
    found
}

/// A line of Rust without its comment. Inside string literals `//` stays (`http://…`).
fn code(line: &str) -> &str {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '/' if !quoted && line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
    }
    line
}

/// Lines of product code: comments blanked, and nothing from a `mod tests {` at the end of a file.
fn product_lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.text.lines().enumerate().map(|(at, line)| (at + 1, code(line)));
    lines.take_while(|(_, line)| !line.starts_with("mod tests {"))
}

/// Whether `word` stands in `line` without being the tail of a longer word.
fn mentions(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}\n", found.join("\n  "));
}

/// Dependency lines of a manifest: section and key, with their line number.
fn dependencies(manifest: &str) -> Vec<(usize, String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for (at, line) in manifest.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim_matches(['[', ']']).to_owned();
        } else if let Some((key, _)) = line.split_once(['=', '.'])
            && section.ends_with("dependencies")
        {
            let name = key.trim().trim_matches('"');
            found.push((
                at + 1,
                section.clone(),
                name.strip_prefix("squall-").unwrap_or(name).to_owned(),
            ));
        }
    }
    found
}

#[test]
fn dependencies_point_one_way() {
    let level =
        |name: &str| CRATES.iter().find(|(known, ..)| *known == name).map(|(_, level, _)| *level);
    let mut wrong = Vec::new();
    for (name, own, uses) in CRATES {
        for used in *uses {
            assert!(level(used) < Some(*own), "the table itself: {name} may not be above {used}");
        }
    }
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let Some((_, _, uses)) = CRATES.iter().find(|(known, ..)| *known == name) else {
            wrong.push(format!(
                "crates/{name}: a crate that the table of crates/cli/tests/tidy.rs does not know"
            ));
            continue;
        };
        let path = format!("crates/{name}/Cargo.toml");
        let also = DEV.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, also)| *also);
        for (line, section, used) in dependencies(&read(&path)) {
            let is_ours = level(&used).is_some();
            let may = uses.contains(&used.as_str())
                || section == "dev-dependencies" && also.contains(&used.as_str());
            if is_ours && !may {
                wrong
                    .push(format!("{path}:{line}: {name} must not depend on {used} ([{section}])"));
            }
            if ["plan", "metrics", "report"].contains(&name.as_str())
                && IMPURE.contains(&used.as_str())
            {
                wrong.push(format!(
                    "{path}:{line}: {name} does no I/O and must not depend on {used}"
                ));
            }
        }
    }
    none("dependencies point downwards only (ARCHITECTURE.md, code map)", &wrong);
}

#[test]
fn what_a_crate_must_not_do_stands_in_none_of_its_files() {
    let sources = sources("crates", &[".rs"]);
    let mut wrong = Vec::new();
    for ban in BANS {
        let is_bound = |source: &&Source| {
            let name = source.crate_name().unwrap_or_default();
            ban.crates.contains(&name) != ban.all_but
                && !ban.allowed.contains(&source.path.as_str())
        };
        // Words that nobody may write hold for tests too.
        let holds_for_tests = ban.crates.is_empty();
        for source in sources.iter().filter(is_bound) {
            if !holds_for_tests && !source.is_product() {
                continue;
            }
            let lines: Vec<(usize, &str)> = if holds_for_tests {
                source.text.lines().enumerate().map(|(at, line)| (at + 1, code(line))).collect()
            } else {
                product_lines(source).collect()
            };
            for (at, line) in lines {
                for word in ban.words.iter().filter(|word| mentions(line, word)) {
                    wrong.push(format!("{}:{at}: `{word}`: {}", source.path, ban.why));
                }
            }
        }
    }
    none("an invariant of ARCHITECTURE.md is broken", &wrong);
}

#[test]
fn unsafe_code_is_in_few_places_and_says_why_it_is_sound() {
    let mut wrong = Vec::new();
    for source in sources("crates", &[".rs"]).iter().filter(|source| source.is_product()) {
        let first = source.text.lines().position(|line| mentions(code(line), "unsafe {"));
        let Some(at) = first else { continue };
        if !UNSAFE.iter().any(|allowed| source.path.starts_with(allowed)) {
            wrong.push(format!(
                "{}:{}: unsafe code belongs into rt or the script engine's bindings",
                source.path,
                at + 1
            ));
        }
        if !source.text.contains("SAFETY:") {
            wrong.push(format!("{}:{}: unsafe code without a SAFETY line", source.path, at + 1));
        }
    }
    none("unsafe code", &wrong);
}

#[test]
fn every_crate_says_what_it_is_for_and_must_not_know() {
    let mut wrong = Vec::new();
    for (name, ..) in CRATES {
        let lib = format!("crates/{name}/src/lib.rs");
        let path =
            if root().join(&lib).exists() { lib } else { format!("crates/{name}/src/main.rs") };
        let text = read(&path);
        let docs: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        if docs.len() < 3 {
            wrong.push(format!("{path}:1: starts with less than a paragraph of `//!` docs"));
        }
        let docs = docs.join(" ");
        let says = |words: &[&str]| words.iter().any(|words| docs.contains(words));
        if !says(&["must not", "must know no", "must hold no", "knows neither", "no I/O"]) {
            wrong.push(format!("{path}:1: its docs do not say what the crate must not know or do"));
        }
        if !says(&["tart reading"]) {
            wrong.push(format!("{path}:1: its docs do not say where to start reading"));
        }
    }
    none(
        "the first paragraph of a crate: what it is for, what it must not know, where to start reading",
        &wrong,
    );
}

#[test]
fn files_stay_short() {
    let mut wrong = Vec::new();
    for (folder, endings) in [
        ("crates", &[".rs", ".js", ".ts", ".py"][..]),
        ("scripts", &[".sh"]),
        ("bench", &[".py", ".sh", ".js", ".lua"]),
        ("conformance/scripts", &[".js", ".ts"]),
        ("conformance/locust/files", &[".py"]),
    ] {
        for source in sources(folder, endings) {
            let n_lines = source.text.lines().count();
            if n_lines > MAX_LINES {
                wrong.push(format!(
                    "{}:{n_lines}: longer than {MAX_LINES} lines; split it along its nouns",
                    source.path
                ));
            }
        }
    }
    none("long files", &wrong);
}

#[test]
fn documents_are_there_and_name_what_exists() {
    let mut wrong = Vec::new();
    let documents =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "COMPAT.md", "CHANGELOG.md"];
    for name in ["deny.toml", "LICENSE-APACHE", "LICENSE-MIT"].iter().chain(&documents) {
        if !root().join(name).exists() {
            wrong.push(format!("{name}: is missing"));
        }
    }
    for name in documents {
        let text = read(name);
        for (at, line) in text.lines().enumerate() {
            for quoted in line.split('`').skip(1).step_by(2) {
                let is_path =
                    ["crates/", "scripts/", "bench/", "conformance/", ".ci/", "third_party/"]
                        .iter()
                        .any(|folder| quoted.starts_with(folder));
                let is_plain = !quoted.contains(['*', ' ', '{', '<', '…']);
                if is_path
                    && is_plain
                    && !root().join(quoted.split(':').next().unwrap_or_default()).exists()
                {
                    wrong.push(format!("{name}:{}: `{quoted}` does not exist", at + 1));
                }
            }
        }
    }
    let architecture = read("ARCHITECTURE.md");
    for (name, ..) in CRATES {
        if !architecture.contains(&format!("### `{name}`")) {
            wrong.push(format!("ARCHITECTURE.md: no section `{name}` in its code map"));
        }
    }
    for (at, line) in architecture.lines().enumerate() {
        if line.contains("**Invariant:**") && !line.contains("(checked by") {
            wrong.push(format!("ARCHITECTURE.md:{}: an invariant without what checks it", at + 1));
        }
    }
    if !read("CHANGELOG.md").contains("\n## Unreleased\n") {
        wrong.push("CHANGELOG.md: no open section `## Unreleased`".to_owned());
    }
    none("the top-level documents", &wrong);
}

/// Words of `text` that stand directly behind `lead`, with their line number.
fn words_behind<'a>(text: &'a str, lead: &str) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for (start, _) in line.match_indices(lead) {
            let before = line[..start].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || "-/_.".contains(c)) {
                continue;
            }
            let rest = &line[start + lead.len()..];
            let end =
                rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-');
            found.push((at + 1, &rest[..end.unwrap_or(rest.len())]));
        }
    }
    found.retain(|(_, word)| !word.is_empty());
    found
}

#[test]
fn commands_verbs_and_flags_of_the_documents_exist() {
    /// Flags in the documents that are cargo's or another program's.
    const OTHERS: &[&str] = &["test", "help", "version"];
    let commands = read("crates/cli/src/commands/mod.rs");
    let verbs = read("Makefile");
    let cli: String = sources("crates/cli/src", &[".rs"]).into_iter().map(|s| s.text).collect();
    // Locust's own parser reads its options; this is what it says of them.
    let locust = read("crates/locust/tests/golden/help.txt");
    let mut wrong = Vec::new();
    let mut n_checked = 0;
    for name in ["README.md", "CONTRIBUTING.md", "COMPAT.md", "CHANGELOG.md"] {
        let text = read(name);
        let mut check = |lead: &str, is_there: &dyn Fn(&str) -> bool| {
            for (at, word) in words_behind(&text, lead) {
                n_checked += 1;
                if !is_there(word) {
                    wrong.push(format!("{name}:{at}: there is no `{lead}{word}`"));
                }
            }
        };
        let is_command = |word: &str| commands.contains(&format!("name: \"{word}\""));
        check("`squall ", &is_command);
        check("$ squall ", &is_command);
        check("`make ", &|word| verbs.lines().any(|line| line.starts_with(&format!("{word}:"))));
        check("--", &|word| {
            let is_ours = cli.contains(&format!("\"{word}\""));
            is_ours || OTHERS.contains(&word) || locust.contains(&format!("--{word}"))
        });
    }
    assert!(n_checked > 60, "only {n_checked} words found in the documents");
    none("documents show what does not exist", &wrong);
}

#[test]
fn every_flag_of_k6_has_its_row_in_compat() {
    let compat = read("COMPAT.md");
    let path = "crates/cli/src/flags/table.rs";
    let mut wrong = Vec::new();
    let mut n_flags = 0;
    for (at, line) in read(path).lines().enumerate() {
        let Some(name) = line.split("Flag::new(\"").nth(1).and_then(|rest| rest.split('"').next())
        else {
            continue;
        };
        n_flags += 1;
        if !compat.contains(&format!("`--{name}`")) {
            wrong.push(format!("{path}:{}: --{name} is not in COMPAT.md", at + 1));
        }
    }
    assert!(n_flags > 40, "only {n_flags} flags found in {path}: has its form changed?");
    none("COMPAT.md has a row for each flag of `run` and `inspect`", &wrong);
}

#[test]
fn modules_of_k6_are_told_as_they_are() {
    let compat = read("COMPAT.md");
    let path = "crates/k6/src/resolve.rs";
    let source = read(path);
    let list = |constant: &str| -> Vec<String> {
        let start = source.find(constant).unwrap_or_else(|| panic!("{path}: no {constant}"));
        let body = source[start..].split(';').next().unwrap_or_default();
        body.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let row = |module: &str| {
        let cell = format!("| `{module}` |");
        compat
            .lines()
            .find(|line| line.starts_with(&cell))
            .map(|line| line[cell.len()..].trim().to_owned())
    };
    let mut wrong = Vec::new();
    for (modules, wanted) in [
        (list("const BUILTIN"), &["✓", "partial"][..]),
        (list("const NOT_YET"), &["later", "never"]),
    ] {
        assert!(!modules.is_empty(), "{path}: an empty list");
        for module in modules {
            match row(&module) {
                Some(status) if wanted.iter().any(|word| status.starts_with(word)) => {}
                Some(status) => wrong.push(format!(
                    "COMPAT.md: `{module}` is told as `{status}`, {path} says {wanted:?}"
                )),
                None => wrong.push(format!("COMPAT.md: no row for `{module}`")),
            }
        }
    }
    none("COMPAT.md's table of modules", &wrong);
}

#[test]
fn banned_crates_are_not_in_the_lock_file() {
    let lock = read("Cargo.lock");
    let policy = read("deny.toml");
    let bans = policy
        .split("deny = [")
        .nth(1)
        .and_then(|rest| rest.split("\n]").next())
        .expect("deny.toml has a list of bans");
    let mut wrong = String::new();
    let names = bans.split("name = \"").skip(1).filter_map(|rest| rest.split('"').next());
    for name in names.inspect(|name| assert!(!name.is_empty())) {
        if let Some(at) = lock.lines().position(|line| line == format!("name = \"{name}\"")) {
            writeln!(wrong, "Cargo.lock:{}: {name} is banned by deny.toml", at + 1).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(bans.contains("openssl-sys"), "deny.toml no longer bans a second TLS stack");
}

#[test]
fn the_searcher_itself_sees_what_it_should() {
    assert_eq!(code("let a = 1; // println!"), "let a = 1; ");
    assert_eq!(code(r#"let a = "http://x"; // y"#), r#"let a = "http://x"; "#);
    assert_eq!(code(r#"let a = "\"//"; b()"#), r#"let a = "\"//"; b()"#);
    assert!(mentions("x = Instant::now();", "Instant"));
    assert!(!mentions("MyInstant::now()", "Instant"));
    assert!(mentions("std::println!(\"\")", "println!"));
    assert!(!mentions("eprintln!(\"\")", "println!"));
    let manifest = "[dependencies]\nrt.workspace = true # x\nnet = { path = \"..\" }\n[dev-dependencies]\nsquall-demo = \"1\"\n[lints]\nworkspace = true\n";
    let found: Vec<_> = dependencies(manifest)
        .into_iter()
        .map(|(at, section, name)| format!("{at} {section} {name}"))
        .collect();
    assert_eq!(found, ["2 dependencies rt", "3 dependencies net", "5 dev-dependencies demo"]);
}
