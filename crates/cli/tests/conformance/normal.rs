//! Taking out what no two runs have in common: times, rates, sizes, ports, folders, offsets into bytecode.

use std::net::SocketAddr;
use std::path::Path;

/// The version that is recorded and named in requests.
pub(crate) const K6_VERSION: &str = "2.2.0";

/// What a run's folder and target are called in its output.
#[derive(Debug)]
pub(crate) struct Names {
    folder: String,
    target: String,
    port: String,
    /// Empty where there is no such server.
    grpc: String,
    secure: Option<String>,
}

impl Names {
    pub(crate) fn new(
        folder: &Path,
        target: SocketAddr,
        grpc: Option<SocketAddr>,
        secure: Option<SocketAddr>,
    ) -> Self {
        Self {
            folder: folder.display().to_string(),
            target: target.to_string(),
            port: format!(":{}", target.port()),
            grpc: grpc.map_or_else(String::new, |addr| addr.to_string()),
            secure: secure.map(|address| address.to_string()),
        }
    }

    /// `host:port` of the target.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// `host:port` of the gRPC server.
    pub(crate) fn grpc(&self) -> &str {
        &self.grpc
    }

    /// The text with folder and target named, and positions in scripts without their bytecode offset.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut text = text.replace(&self.folder, "{DIR}").replace(&self.target, "{TARGET}");
        if !self.grpc.is_empty() {
            text = text.replace(&self.grpc, "{GRPC}");
        }
        if let Some(secure) = &self.secure {
            text = text.replace(secure, "{SECURE}");
        }
        let text = without_local_ports(&text.replace(&self.port, ":{PORT}"));
        let mut text = without_offsets(&text);
        for (before, end) in RANDOM {
            text = without_random(&text, before, end);
        }
        text
    }
}

/// `127.0.0.1:55048->…` without the port.
fn without_local_ports(text: &str) -> String {
    let mut parts = text.split("->");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = out.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if out[..end].ends_with("127.0.0.1:") {
            out.truncate(end);
        }
        out += "->";
        out += part;
    }
    out
}

/// What is before and after a text that is another one in each run.
const RANDOM: [(&str, char); 4] =
    [("time=\"", '"'), ("\"time\":\"", '"'), ("\"generated_at\":\"", '"'), ("request_id=", ' ')];

fn without_random(text: &str, before: &str, end: char) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(before);
        out.push('…');
        out.push_str(part.find(end).map_or("", |at| &part[at..]));
    }
    out
}

/// Standard error: without the time each line begins with.
pub(crate) fn log_lines(text: &str, names: &Names) -> Vec<String> {
    let strip = |line: &str| -> String {
        let rest = line.strip_prefix("time=\"").and_then(|rest| rest.split_once("\" "));
        names.clean(rest.map_or(line, |(_, rest)| rest))
    };
    text.lines().map(strip).collect()
}

/// Standard output: only the last frame of the progress, times, rates and sizes as `#`, runs of spaces as one.
///
/// Lines of `vus` and `vus_max` are left out: they exist from the first second on, and runs end around it.
pub(crate) fn stdout_lines(text: &str, names: &Names, cut: &[String]) -> Vec<String> {
    let text = names.clean(text);
    let lines: Vec<&str> = text.lines().collect();
    let last_frame = lines.iter().rposition(|line| is_stats(line));
    let mut out: Vec<String> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let is_old_progress =
            last_frame.is_some_and(|last| index < last) && (is_stats(line) || is_bar(line));
        let metric = line.trim_start().split(['.', ':']).next().unwrap_or("");
        if is_old_progress || (matches!(metric, "vus" | "vus_max") && line.contains("...")) {
            continue;
        }
        if last_frame.is_some() && line.is_empty() && out.last().is_some_and(String::is_empty) {
            continue;
        }
        if is_stats(line) && cut.iter().any(|name| name == "iterations") {
            out.push("running (#) {CUT}".to_owned());
        } else if line.contains("...") && cut.iter().any(|name| name == metric) {
            out.push(format!("{metric}: {{CUT}}"));
        } else {
            let line = squeeze(&figures(line));
            out.push(if is_bar(&line) { without_active(&line) } else { line });
        }
    }
    out
}

fn is_stats(line: &str) -> bool {
    line.starts_with("running (")
}

fn is_bar(line: &str) -> bool {
    line.split_once("% ]").is_some_and(|(before, _)| before.contains(" [ "))
}

/// A scenario's line without the VUs that are active at that very moment: `1/3 VUs` as `#/3 VUs`.
fn without_active(line: &str) -> String {
    let Some((before, after)) = line.split_once(" VUs") else { return line.to_owned() };
    match before.rsplit_once(' ') {
        Some((head, vus)) if vus.contains('/') => {
            let of = vus.split('/').nth(1).unwrap_or_default();
            format!("{head} #/{of} VUs{after}")
        }
        _ => line.to_owned(),
    }
}

/// `…:12:34(56)` without the offset in parentheses.
fn without_offsets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let digits = after[1..].bytes().take_while(u8::is_ascii_digit).count();
        let is_offset =
            digits > 0 && after[1 + digits..].starts_with(')') && ends_with_position(before);
        if is_offset {
            rest = &after[digits + 2..];
        } else {
            out.push('(');
            rest = &after[1..];
        }
    }
    out + rest
}

/// Ends with `:digits:digits`.
fn ends_with_position(text: &str) -> bool {
    let strip = |text: &'_ str| -> Option<usize> {
        let short = text.trim_end_matches(|c: char| c.is_ascii_digit());
        (short.len() < text.len() && short.ends_with(':')).then(|| short.len() - 1)
    };
    strip(text).and_then(|end| strip(&text[..end])).is_some()
}

/// Durations, rates and sizes as `#`; the plan's own durations in the banner stay.
fn figures(line: &str) -> String {
    if line.starts_with("     scenarios: ") || line.starts_with("              * ") {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let is_start = first.is_ascii_digit() && !before.is_alphanumeric() && before != '.';
        let length = if is_start { figure(rest) } else { 0 };
        if length > 0 {
            out.push('#');
            rest = &rest[length..];
            before = '#';
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            before = first;
        }
    }
    out
}

/// The length of the duration, rate or size that `text` starts with; 0 when it starts with a plain number.
fn figure(text: &str) -> usize {
    let mut at = 0;
    loop {
        let digits = number(&text[at..]);
        let unit = ["ns", "µs", "us", "ms", "s", "m", "h"].iter().find(|unit| {
            let after = text[at + digits..].strip_prefix(**unit);
            after.is_some_and(|after| !after.starts_with(|c: char| c.is_alphabetic()))
        });
        match unit {
            Some(unit) if digits > 0 => at += digits + unit.len(),
            _ => break,
        }
    }
    if at > 0 {
        return at + if text[at..].starts_with("/s") { 2 } else { 0 };
    }
    let digits = number(text);
    let after = &text[digits..];
    for unit in ["/s", " B/s", " kB/s", " MB/s", " GB/s", " B", " kB", " MB", " GB", " iters/s"] {
        if after.starts_with(unit) {
            return digits + unit.len();
        }
    }
    0
}

fn number(text: &str) -> usize {
    text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count()
}

/// Runs of spaces after the indentation as one, none at the end.
fn squeeze(line: &str) -> String {
    let trimmed = line.trim_start_matches(' ');
    let words: Vec<&str> = trimmed.split(' ').filter(|word| !word.is_empty()).collect();
    " ".repeat(line.len() - trimmed.len()) + &words.join(" ")
}

#[test]
fn what_changes_from_run_to_run_is_taken_out() {
    for (line, want) in [
        (
            "    http_reqs......................: 3     33.028392/s",
            "    http_reqs......................: 3 #",
        ),
        ("    data_received..: 369 B 4.1 kB/s", "    data_received..: # #"),
        ("    d: avg=29.14ms min=1.18ms p(90)=1m5s  ", "    d: avg=# min=# p(90)=#"),
        ("    d: avg=1.7µs max=0s", "    d: avg=# max=#"),
        (
            "    checks_failed......: 25.00% 2 out of 8",
            "    checks_failed......: 25.00% 2 out of 8",
        ),
        ("    g: 2.5    min=2.5     max=7", "    g: 2.5 min=2.5 max=7"),
        ("running (00m01.0s), 0/3 VUs, 2 complete", "running (#), 0/3 VUs, 2 complete"),
        (
            "bb ✓ [ 100% ] 1 VUs    00m00.6s/10m0s  2/2 shared iters",
            "bb ✓ [ 100% ] 1 VUs #/# 2/2 shared iters",
        ),
        ("    is 200 ok 3 months", "    is 200 ok 3 months"),
    ] {
        assert_eq!(squeeze(&figures(line)), want);
    }
    assert_eq!(without_active("a ✓ [ 100% ] 1/3 VUs #"), "a ✓ [ 100% ] #/3 VUs #");
    assert_eq!(without_active("a ✓ [ 100% ] 3 VUs #"), "a ✓ [ 100% ] 3 VUs #");
    assert_eq!(without_offsets("at f (a.js:1:25(3)) (x) g(2)"), "at f (a.js:1:25) (x) g(2)");
}
