//! `--env-file`: variables of the script's environment, a line each, as `docker` and dotenv files have them.

use std::path::Path;

use super::runtime::parse_env;
use crate::exit::{Failure, system_text};

/// Longest file that is read, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a file of variables.
///
/// # Errors
/// The file can't be read, or a line is none of a variable's; code 255.
pub(crate) fn read(path: &str) -> Result<Vec<(String, String)>, Failure> {
    let failed = |why: String| Failure::usage(format!("can't read --env-file {path}: {why}"));
    let size = std::fs::metadata(Path::new(path)).map_err(|error| failed(system_text(&error)))?;
    if size.len() > MAX_BYTES {
        return Err(failed(format!("it has more than {MAX_BYTES} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(system_text(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".into()))?;
    parse(&text).map_err(|(line, why)| failed(format!("line {line}: {why}")))
}

/// The variables in their order; a line that is wrong, by its number.
fn parse(text: &str) -> Result<Vec<(String, String)>, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why: String| (number, why);
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let Some((name, value)) = line.split_once('=') else {
            return Err(wrong(format!("there is no `=` in `{line}`")));
        };
        let name = name.trim_end();
        parse_env(name).map_err(|failure| wrong(failure.message))?;
        let mut value = value.trim_start().to_owned();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                // A quoted value may go over several lines.
                while closing(&value, quote).is_none() {
                    let Some((_, more)) = lines.next() else {
                        return Err(wrong(format!("the quote of `{name}` is not closed")));
                    };
                    value.push('\n');
                    value.push_str(more);
                }
                let end = closing(&value, quote).unwrap_or(value.len());
                let rest = value[end + 1..].trim();
                if !rest.is_empty() && !rest.starts_with('#') {
                    return Err(wrong(format!("`{rest}` follows the value of `{name}`")));
                }
                unescape(&value[1..end], quote)
            }
            // A `#` begins a comment only after a blank, so that URLs keep their fragments.
            _ => match value.find(" #").or_else(|| value.find("\t#")) {
                Some(comment) => value[..comment].trim_end().to_owned(),
                None => value,
            },
        };
        variables.push((name.to_owned(), value));
    }
    Ok(variables)
}

/// Where the quote that begins a value ends it.
fn closing(value: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// Escapes mean something in double quotes only.
fn unescape(text: &str, quote: char) -> String {
    if quote == '\'' {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(c @ ('"' | '\\' | '$')) => out.push(c),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap_or_else(|error| panic!("{error:?}"))
    }

    #[test]
    fn lines_are_variables() {
        for (text, name, value) in [
            ("A=1", "A", "1"),
            ("  A = b c  ", "A", "b c"),
            ("export A=1 # comment", "A", "1"),
            ("A=http://h/#x", "A", "http://h/#x"),
            ("A='a \"b\" \\n' # c", "A", "a \"b\" \\n"),
            ("A=\"a\\n\\\"b\\\" $x\"", "A", "a\n\"b\" $x"),
            ("A=\"one\ntwo\"", "A", "one\ntwo"),
            ("\u{feff}A=", "A", ""),
            ("# x\n\nA=a=b", "A", "a=b"),
        ] {
            assert_eq!(pairs(text), [(name.to_owned(), value.to_owned())], "{text:?}");
        }
    }

    #[test]
    fn what_is_no_variable_is_named_with_its_line() {
        for (text, line, part) in [
            ("A=1\nnope", 2, "no `=`"),
            ("1A=1", 1, "invalid environment variable name '1A'"),
            ("\nA=\"x\n\n", 2, "not closed"),
            ("A='x' y", 1, "`y` follows"),
        ] {
            let (at, why) = parse(text).unwrap_err();
            assert_eq!(at, line, "{text:?}");
            assert!(why.contains(part), "{why}");
        }
    }
}
