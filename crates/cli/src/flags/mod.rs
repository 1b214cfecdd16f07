//! Command-line flags as data, parsed the way k6's own parser (GNU style) does.
//!
//! k6 scripts are started by CI files that rely on `-d10s`, `--quiet=true`, `-e A=B` after the file name
//! and on the exact texts of mistakes, so the rules and the texts here are k6's, not a Rust library's.
//! A flag is one value that knows its names, kind and help; start reading at [`Parser`].

pub(crate) mod help;
pub(crate) mod number;
pub(crate) mod table;

use std::fmt;

/// What a flag's value must look like. Only what can be checked without knowing the rest is checked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 64-bit integer in Go's syntax (`10`, `0x10`, `1_000`).
    Int,
    /// A finite number (ours: `--time-scale`, `--rate`).
    Float,
    /// Go duration with unit (`1m30s`).
    Duration,
    /// Any text; a later one replaces an earlier one.
    Text,
    /// `true` unless `=false`; never takes the next word.
    Bool,
    /// Comma-separated list; repeats add up.
    Csv,
    /// One item each time; repeats add up.
    Array,
}

/// One flag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// Name after `--`.
    pub(crate) long: &'static str,
    /// Letter after `-`.
    pub(crate) short: Option<char>,
    /// What its value is.
    pub(crate) kind: Kind,
    /// Value used when the flag is given without one (`--http-debug`).
    pub(crate) bare: Option<&'static str>,
    /// How help calls the value.
    pub(crate) value: &'static str,
    /// One sentence for help; empty hides the flag.
    pub(crate) help: &'static str,
}

impl Flag {
    pub(crate) const fn new(
        long: &'static str,
        kind: Kind,
        value: &'static str,
        help: &'static str,
    ) -> Self {
        let bare = if matches!(kind, Kind::Bool) { Some("true") } else { None };
        Self { long, short: None, kind, bare, value, help }
    }

    pub(crate) const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    pub(crate) const fn bare(mut self, value: &'static str) -> Self {
        self.bare = Some(value);
        self
    }

    /// The flag as k6 names it in errors: `-d, --duration`.
    fn names(&self) -> String {
        match self.short {
            Some(letter) => format!("-{letter}, --{}", self.long),
            None => format!("--{}", self.long),
        }
    }
}

/// Why a command line was refused; the text is k6's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a command line said.
#[derive(Debug, Default, Clone)]
pub(crate) struct Parsed {
    given: Vec<(&'static str, String)>,
    /// Words that are not flags.
    pub(crate) args: Vec<String>,
    /// `-h` or `--help` was given.
    pub(crate) help: bool,
}

impl Parsed {
    /// The last value given for a flag.
    pub(crate) fn text(&self, long: &str) -> Option<&str> {
        self.given.iter().rev().find(|(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// Every value given for a flag, in order.
    pub(crate) fn all<'a>(&'a self, long: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// Whether the flag was given at all.
    pub(crate) fn is_set(&self, long: &str) -> bool {
        self.text(long).is_some()
    }

    /// The value of a boolean flag, if given.
    pub(crate) fn boolean(&self, long: &str) -> Option<bool> {
        self.text(long).and_then(number::parse_bool)
    }

    /// Whether a boolean flag is on.
    pub(crate) fn is_on(&self, long: &str) -> bool {
        self.boolean(long) == Some(true)
    }

    /// The value of an integer flag; parsing was checked when the flag was read.
    pub(crate) fn int(&self, long: &str) -> Option<i64> {
        self.text(long).and_then(|text| number::parse_int(text).ok())
    }

    /// The value of a [`Kind::Float`] flag.
    pub(crate) fn float(&self, long: &str) -> Option<f64> {
        self.text(long).and_then(|text| text.parse().ok())
    }

    /// The same with a value that is given before all others, so that theirs win.
    pub(crate) fn preset(mut self, long: &'static str, value: String) -> Self {
        self.given.insert(0, (long, value));
        self
    }

    /// The same with every value and every argument changed.
    pub(crate) fn mapped(mut self, change: impl Fn(&str) -> String) -> Self {
        for text in self.given.iter_mut().map(|(_, value)| value).chain(&mut self.args) {
            *text = change(text);
        }
        self
    }

    /// The items of a [`Kind::Csv`] flag over all its uses, `None` where it was not given.
    pub(crate) fn list(&self, long: &str) -> Option<Vec<String>> {
        self.is_set(long).then(|| self.all(long).flat_map(split_csv).collect())
    }
}

/// Parses words against a table of flags.
#[derive(Debug)]
pub(crate) struct Parser<'a> {
    flags: &'a [&'a [Flag]],
}

impl<'a> Parser<'a> {
    /// A parser for these tables; earlier tables win.
    pub(crate) fn new(flags: &'a [&'a [Flag]]) -> Self {
        Self { flags }
    }

    fn flags(&self) -> impl Iterator<Item = &'a Flag> {
        self.flags.iter().flat_map(|table| table.iter())
    }

    /// Reads a command line (without the program's and the command's name).
    ///
    /// # Errors
    /// k6's text for an unknown flag, a missing value or one that does not fit.
    pub(crate) fn parse(&self, words: &[String]) -> Result<Parsed, UsageError> {
        let mut parsed = Parsed::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                parsed.args.extend(words.cloned());
                break;
            } else if let Some(long) = word.strip_prefix("--") {
                self.long(word, long, &mut words, &mut parsed)?;
            } else if word.len() > 1 && word.starts_with('-') {
                self.shorts(&word[1..], &mut words, &mut parsed)?;
            } else {
                parsed.args.push(word.clone());
            }
            if parsed.help {
                break;
            }
        }
        Ok(parsed)
    }

    fn long(
        &self,
        word: &str,
        body: &str,
        words: &mut std::slice::Iter<'_, String>,
        parsed: &mut Parsed,
    ) -> Result<(), UsageError> {
        if body.is_empty() || body.starts_with('-') || body.starts_with('=') {
            return Err(UsageError(format!("bad flag syntax: {word}")));
        }
        let (name, inline) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        let Some(flag) = self.flags().find(|flag| flag.long == name) else {
            if name == "help" {
                parsed.help = true;
                return Ok(());
            }
            return Err(UsageError(format!("unknown flag: --{name}")));
        };
        let value = match (inline, flag.bare) {
            (Some(value), _) => value.to_owned(),
            (None, Some(bare)) => bare.to_owned(),
            (None, None) => words
                .next()
                .cloned()
                .ok_or_else(|| UsageError(format!("flag needs an argument: {word}")))?,
        };
        store(flag, value, parsed)
    }

    fn shorts(
        &self,
        group: &str,
        words: &mut std::slice::Iter<'_, String>,
        parsed: &mut Parsed,
    ) -> Result<(), UsageError> {
        let mut rest = group;
        while let Some(letter) = rest.chars().next() {
            let after = &rest[letter.len_utf8()..];
            let Some(flag) = self.flags().find(|flag| flag.short == Some(letter)) else {
                if letter == 'h' {
                    parsed.help = true;
                    return Ok(());
                }
                let text = format!("unknown shorthand flag: '{letter}' in -{rest}");
                return Err(UsageError(text));
            };
            if let Some(value) = after.strip_prefix('=').filter(|_| after.len() > 1) {
                return store(flag, value.to_owned(), parsed);
            }
            if let Some(bare) = flag.bare {
                store(flag, bare.to_owned(), parsed)?;
                rest = after;
                continue;
            }
            let value = if after.is_empty() {
                words.next().cloned().ok_or_else(|| {
                    UsageError(format!("flag needs an argument: '{letter}' in -{rest}"))
                })?
            } else {
                after.to_owned()
            };
            return store(flag, value, parsed);
        }
        Ok(())
    }
}

fn store(flag: &Flag, value: String, parsed: &mut Parsed) -> Result<(), UsageError> {
    let checked = match flag.kind {
        Kind::Int => number::parse_int(&value).map(drop),
        Kind::Float => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(()),
            _ => Err("not a number".to_owned()),
        },
        Kind::Duration => {
            plan::duration::parse_go(&value).map(drop).map_err(|error| error.to_string())
        }
        Kind::Bool => number::parse_bool(&value)
            .map(drop)
            .ok_or_else(|| format!("strconv.ParseBool: parsing {value:?}: invalid syntax")),
        Kind::Text | Kind::Csv | Kind::Array => Ok(()),
    };
    checked.map_err(|reason| invalid(flag, &value, &reason))?;
    parsed.given.push((flag.long, value));
    Ok(())
}

/// k6's text for a value that does not fit its flag.
fn invalid(flag: &Flag, value: &str, reason: &str) -> UsageError {
    UsageError(format!("invalid argument {value:?} for {:?} flag: {reason}", flag.names()))
}

/// Splits one value of a list flag: commas separate, double quotes protect (as in CSV).
pub(crate) fn split_csv(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut items = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let item = items.last_mut().expect("starts with one item and only grows");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                item.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => items.push(String::new()),
            c => item.push(c),
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Flag] = &[
        Flag::new("vus", Kind::Int, "int", "").short('u'),
        Flag::new("duration", Kind::Duration, "duration", "").short('d'),
        Flag::new("quiet", Kind::Bool, "", "").short('q'),
        Flag::new("verbose", Kind::Bool, "", "").short('v'),
        Flag::new("http-debug", Kind::Text, "string", "").bare("headers"),
        Flag::new("system-tags", Kind::Csv, "strings", ""),
        Flag::new("env", Kind::Array, "VAR=value", "").short('e'),
    ];

    fn parse(line: &str) -> Result<Parsed, UsageError> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Parser::new(&[TABLE]).parse(&words)
    }

    #[test]
    fn flags_and_arguments_may_be_mixed_in_every_gnu_form() {
        for line in
            ["-u5 a.js", "-u 5 a.js", "a.js -u=5", "--vus 5 a.js", "a.js --vus=5", "-qvu5 a.js"]
        {
            let parsed = parse(line).unwrap();
            assert_eq!(parsed.int("vus"), Some(5), "{line}");
            assert_eq!(parsed.args, ["a.js"], "{line}");
        }
        let parsed =
            parse("-q=false --http-debug a.js -e A=1 -e B=2 --system-tags x,y -- -u").unwrap();
        assert_eq!(parsed.boolean("quiet"), Some(false));
        assert_eq!(parsed.text("http-debug"), Some("headers"));
        assert_eq!(parsed.all("env").collect::<Vec<_>>(), ["A=1", "B=2"]);
        assert_eq!(parsed.list("system-tags").unwrap(), ["x", "y"]);
        assert_eq!(parsed.args, ["a.js", "-u"]);
    }

    #[test]
    fn a_mistake_is_told_in_the_words_of_k6() {
        for (line, text) in [
            ("--foo", "unknown flag: --foo"),
            ("-x", "unknown shorthand flag: 'x' in -x"),
            ("-vqz", "unknown shorthand flag: 'z' in -z"),
            ("--vus", "flag needs an argument: --vus"),
            ("-u", "flag needs an argument: 'u' in -u"),
            (
                "-d 1000",
                "invalid argument \"1000\" for \"-d, --duration\" flag: time: missing unit in duration \"1000\"",
            ),
            (
                "--vus x",
                "invalid argument \"x\" for \"-u, --vus\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
            ),
            (
                "--quiet=foo",
                "invalid argument \"foo\" for \"-q, --quiet\" flag: strconv.ParseBool: parsing \"foo\": invalid syntax",
            ),
        ] {
            assert_eq!(parse(line).unwrap_err().0, text, "{line}");
        }
    }

    #[test]
    fn quotes_protect_commas_in_lists() {
        assert_eq!(split_csv("a,b"), ["a", "b"]);
        assert_eq!(split_csv("\"a,b\",c"), ["a,b", "c"]);
        assert_eq!(split_csv("\"a\"\"b\""), ["a\"b"]);
        assert!(split_csv("").is_empty());
    }
}
