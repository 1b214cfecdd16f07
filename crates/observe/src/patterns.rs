//! Patterns that are counted in lines of a log, whatever the log is.

use std::collections::BTreeMap;

use metrics::Contains;
use plan::probe::redact;
use regex_lite::{Regex, RegexBuilder};

use crate::observation::Observation;
use crate::probe::ProbeError;

/// Longest line that is looked at; the rest of a line is not.
pub const MAX_LINE_BYTES: usize = 16 << 10;
/// Matches of one pattern that become events; the others are counted only.
const MAX_EVENTS: u64 = 100;
/// The same in one look, so that a flood at the start does not take all.
const MAX_EVENTS_OF_LOOK: u64 = 10;
/// Bytes of a line that an event shows.
const SHOWN_BYTES: usize = 500;
/// Memory a compiled pattern may take.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// The patterns of one log.
#[derive(Debug)]
pub struct Patterns {
    list: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    name: String,
    matcher: Matcher,
    count: u64,
    told: u64,
    told_in_look: u64,
}

/// Most patterns are plain words, which are found without an automaton.
#[derive(Debug)]
enum Matcher {
    Plain(String),
    Regex(Regex),
}

impl Matcher {
    fn is_match(&self, line: &str) -> bool {
        match self {
            Self::Plain(text) => line.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(line),
        }
    }
}

impl Patterns {
    /// Compiles patterns by name.
    ///
    /// # Errors
    /// One is no regular expression, or too large.
    pub fn new(patterns: &BTreeMap<String, String>) -> Result<Self, ProbeError> {
        let compile = |(name, text): (&String, &String)| {
            let is_plain = !text
                .contains(['\\', '^', '$', '.', '|', '?', '*', '+', '(', ')', '[', ']', '{', '}']);
            let matcher = if is_plain {
                Matcher::Plain(text.clone())
            } else {
                let regex = RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build();
                let regex = regex.map_err(|error| {
                    ProbeError::new(format!("pattern `{name}`: `{text}`: {error}"))
                })?;
                Matcher::Regex(regex)
            };
            Ok(Pattern { name: name.clone(), matcher, count: 0, told: 0, told_in_look: 0 })
        };
        patterns.iter().map(compile).collect::<Result<_, _>>().map(|list| Self { list })
    }

    /// Counts what matches in a line of `log`, and tells the first matches as events `log-match` at `at_unix_ns`.
    pub fn line(&mut self, log: &str, line: &[u8], at_unix_ns: u64, out: &mut Observation) {
        let line = String::from_utf8_lossy(&line[..line.len().min(MAX_LINE_BYTES)]);
        for pattern in &mut self.list {
            if !pattern.matcher.is_match(&line) {
                continue;
            }
            pattern.count += 1;
            if pattern.told >= MAX_EVENTS || pattern.told_in_look >= MAX_EVENTS_OF_LOOK {
                continue;
            }
            pattern.told += 1;
            pattern.told_in_look += 1;
            let mut end = line.len().min(SHOWN_BYTES);
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            let mut event = out.new_event("log-match", log, &redact::text(line[..end].trim_end()));
            event.unix_ns = at_unix_ns;
            out.event(event.with("pattern", &pattern.name));
        }
    }

    /// Puts the counts so far into the observation: `log_matches{log,pattern}`.
    pub fn counts(&mut self, log: &str, out: &mut Observation) {
        for pattern in &mut self.list {
            pattern.told_in_look = 0;
            let tags = [("log", log), ("pattern", pattern.name.as_str())];
            out.gauge("log_matches", &tags, pattern.count as f64, Contains::Default);
        }
    }
}

/// Bytes as they come, cut into lines. A line that is too long is given up to its bound, once.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    is_cut: bool,
}

impl Lines {
    /// Takes bytes and gives each line that ends in them, without its end.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            if self.partial.is_empty() && !self.is_cut {
                each(line.strip_suffix(b"\r").unwrap_or(line));
                continue;
            }
            self.keep(line);
            let whole = std::mem::take(&mut self.partial);
            self.is_cut = false;
            each(whole.strip_suffix(b"\r").unwrap_or(&whole));
        }
        self.keep(rest);
    }

    /// What has no end yet is a line as well: the log was replaced or the run is over.
    pub fn end(&mut self, mut each: impl FnMut(&[u8])) {
        let whole = std::mem::take(&mut self.partial);
        self.is_cut = false;
        if !whole.is_empty() {
            each(&whole);
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = MAX_LINE_BYTES.saturating_sub(self.partial.len());
        self.is_cut |= part.len() > room;
        self.partial.extend_from_slice(&part[..part.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;
    use crate::probe::Source;

    fn out() -> Observation {
        Observation::new("p", Source::Logs, 0, Clock::default())
    }

    #[test]
    fn matches_are_counted_and_the_first_are_told() {
        let patterns =
            [("pool", "QueuePool timeout"), ("error", r"(?i)\berror\b"), ("never", "xyz")];
        let patterns =
            patterns.map(|(name, text)| (name.to_owned(), text.to_owned())).into_iter().collect();
        let mut patterns = Patterns::new(&patterns).unwrap();
        let mut seen = out();
        for n in 0..200 {
            let line = format!("{n} Error: QueuePool timeout postgresql://u:geheim@h \u{fffd}");
            patterns.line("api", line.as_bytes(), n, &mut seen);
        }
        patterns.line("api", b"\xff\xfe errors", 1, &mut seen);
        patterns.counts("api", &mut seen);
        let count = |name: &str| {
            let is_it = |s: &&crate::observation::Sample| s.tags[1].1 == name;
            seen.samples().iter().find(is_it).unwrap().value
        };
        assert_eq!((count("pool"), count("error"), count("never")), (200.0, 200.0, 0.0));
        assert_eq!(seen.events().len(), 2 * MAX_EVENTS_OF_LOOK as usize);
        assert!(seen.events().iter().all(|event| !event.text.contains("geheim")));
        assert_eq!(seen.events()[0].fields["pattern"], "error");
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let patterns = [("bad".to_owned(), "a(".to_owned())].into();
        let error = Patterns::new(&patterns).unwrap_err().to_string();
        assert!(error.starts_with("pattern `bad`: `a(`: "), "{error}");
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_bytes_come(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut whole = Vec::new();
            let mut lines = Lines::default();
            lines.push(&bytes, |line| whole.push(line.to_vec()));
            lines.end(|line| whole.push(line.to_vec()));
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut lines = Lines::default();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                lines.push(&bytes[from..cut], |line| pieces.push(line.to_vec()));
                from = cut;
            }
            lines.end(|line| pieces.push(line.to_vec()));
            prop_assert_eq!(whole, pieces);
        }

        #[test]
        fn a_line_without_end_takes_no_more_than_its_bound(times in 1usize..40) {
            let mut lines = Lines::default();
            let mut longest = 0;
            for _ in 0..times {
                lines.push(&[b'x'; 1_500], |_| {});
                prop_assert!(lines.partial.len() <= MAX_LINE_BYTES);
            }
            lines.push(b"\nnext\n", |line| longest = longest.max(line.len()));
            prop_assert_eq!(longest, (times * 1_500).clamp(4, MAX_LINE_BYTES));
        }
    }
}
