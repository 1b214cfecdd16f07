//! Taking out what no two runs have in common: times, rates, ports, folders, addresses, the inside of tracebacks.

use std::net::SocketAddr;
use std::path::Path;

/// What a run's folder and target are called in its output.
#[derive(Debug)]
pub(crate) struct Names {
    /// Folders and addresses with what stands for them, longer ones first.
    replaced: Vec<(String, String)>,
}

impl Names {
    /// `ports`: further ports with their names.
    pub(crate) fn new(
        folder: &Path,
        venv: &Path,
        target: SocketAddr,
        ports: &[(u16, &str)],
    ) -> Self {
        let mut replaced = Vec::new();
        for (path, name) in [(folder, "{DIR}"), (venv, "{VENV}")] {
            let path = path.display().to_string();
            replaced.push((path.clone(), name.to_owned()));
            // What Locust makes of a path in its messages.
            let home = path.strip_prefix("/home/").or_else(|| path.strip_prefix("/Users/"));
            let below = home.and_then(|rest| rest.split_once('/'));
            replaced.extend(below.map(|(_, rest)| (format!("~/{rest}"), name.to_owned())));
        }
        let mut add = |port: u16, name: &str| {
            replaced.push((format!("127.0.0.1:{port}"), format!("{{{name}}}")));
            replaced.push((format!(":{port}"), format!(":{{{name}}}")));
            replaced.push((format!("port={port}"), format!("port={{{name}}}")));
        };
        add(target.port(), "TARGET");
        for (port, name) in ports {
            add(*port, name);
        }
        Self { replaced }
    }

    /// The text with folder and addresses named, without what is random or depends on versions.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (found, name) in &self.replaced {
            text = text.replace(found, name);
        }
        for (before, is_part) in VARYING {
            text = without(&text, before, *is_part);
        }
        text
    }
}

/// What stands before a text, and which characters belong to the text.
type Varying = (&'static str, fn(char) -> bool);

/// What stands before a text that changes from run to run or with the version of Python or a package, and which
/// characters belong to it.
const VARYING: &[Varying] = &[
    ("0x", |c| c.is_ascii_hexdigit()),
    ("Greenlet-", |c| c.is_ascii_digit()),
    ("lib/python", |c| c.is_ascii_digit() || c == '.'),
    ("?_=", |c| c.is_ascii_digit()),
    ("&_=", |c| c.is_ascii_digit()),
    ("_ssl.c:", |c| c.is_ascii_digit()),
    ("python-requests/", |c| c.is_ascii_digit() || c == '.'),
    ("python/gevent-http-client-", |c| c.is_ascii_digit() || c == '.'),
];

fn without(text: &str, before: &str, is_part: fn(char) -> bool) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(before);
        let rest = part.trim_start_matches(is_part);
        if rest.len() < part.len() {
            out.push('…');
        }
        out.push_str(rest);
    }
    out
}

/// The log without times and host, tracebacks with the user's own frames only. Empty lines are left out.
pub(crate) fn log_lines(text: &str, names: &Names) -> Vec<String> {
    let text = names.clean(text);
    let mut out = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || is_time(line) {
            continue;
        }
        if let Some(frame) = line.strip_prefix("  File \"") {
            // The source and the marks below it say nothing new.
            while lines.peek().is_some_and(|next| next.starts_with("    ")) {
                lines.next();
            }
            if frame.starts_with("{DIR}") {
                out.push(line.to_owned());
            }
            continue;
        }
        out.push(without_stamp(line).trim_end().to_owned());
    }
    out
}

/// Whether a text is a time as gevent prints it, `2026-11-20T20:00:52Z`.
fn is_time(text: &str) -> bool {
    text.len() == 20 && text.starts_with("20") && text.ends_with('Z')
}

/// `[2026-11-20 20:00:52,058] host/INFO/locust.main: text` as `INFO/locust.main: text`, and what gevent says of a greenlet's
/// end without its time.
fn without_stamp(line: &str) -> &str {
    if let Some((time, rest)) = line.split_once(" <Greenlet")
        && is_time(time)
    {
        return &line[line.len() - rest.len() - "<Greenlet".len()..];
    }
    let stamped = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match stamped {
        Some((stamp, rest)) if stamp.len() == 23 && stamp.starts_with("20") => {
            rest.split_once('/').map_or(line, |(_, rest)| rest)
        }
        _ => line,
    }
}

#[test]
fn what_changes_from_run_to_run_is_taken_out() {
    let folders = (Path::new("/tmp/x"), Path::new("/venv"));
    let names = Names::new(folders.0, folders.1, "127.0.0.1:4711".parse().unwrap(), &[]);
    for (text, want) in [
        ("http://127.0.0.1:4711/get", "http://{TARGET}/get"),
        ("Pool(host='127.0.0.1', port=4711)", "Pool(host='127.0.0.1', port={TARGET})"),
        ("<Greenlet \"Greenlet-3\" at 0x7f12ab: f>", "<Greenlet \"Greenlet-…\" at 0x…: f>"),
        ("python-requests/2.34.2 x", "python-requests/… x"),
    ] {
        assert_eq!(names.clean(text), want);
    }
    let log = "[2026-11-20 20:00:52,058] host/ERROR/locust.user.task: boom\n\
        Traceback (most recent call last):\n\
        \x20 File \"/venv/site-packages/locust/user/task.py\", line 3, in run\n\
        \x20   self.execute()\n\
        \x20   ~~~~~~~~~~~~^^\n\
        \x20 File \"/tmp/x/case.py\", line 7, in t\n\
        \x20   raise ValueError(\"boom\")\n\
        ValueError: boom\n\n";
    assert_eq!(
        log_lines(log, &names),
        [
            "ERROR/locust.user.task: boom",
            "Traceback (most recent call last):",
            "  File \"{DIR}/case.py\", line 7, in t",
            "ValueError: boom",
        ]
    );
}
