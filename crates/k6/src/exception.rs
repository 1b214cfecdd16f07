//! What scripts throw, as text in k6's form.

use crate::compile::{COMMONJS_HEAD, Graph, Kind};
use crate::js::{Ctx, Raw};

/// The place in a line of a stack: `\tat name (file:///x.js:1:2(3))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    offset: &'a str,
}

/// Splits a line into what stands before the place, the place, and what follows.
fn place(line: &str) -> Option<(&str, Place<'_>, &str)> {
    let start = ["file://", "https://", "http://"].iter().find_map(|scheme| line.find(scheme))?;
    let (head, rest) = line.split_at(start);
    let close = rest.rfind("))").map_or_else(|| rest.rfind(')'), Some)?;
    let (text, tail) = rest.split_at(close + 1);
    let (text, offset) = text.strip_suffix(')')?.rsplit_once('(')?;
    let (text, column) = text.rsplit_once(':')?;
    let (file, line) = text.rsplit_once(':')?;
    Some((
        head,
        Place { file, line: line.parse().ok()?, column: column.parse().ok()?, offset },
        tail,
    ))
}

/// A stack as shown: columns of CommonJS files are those of the file, not of what we put before it.
pub(crate) fn stack(raw: &str, graph: &Graph) -> String {
    let mut out = String::with_capacity(raw.len());
    for line in raw.lines() {
        match place(line) {
            Some((head, p, tail))
                if p.line == 1 && graph.get(p.file).is_some_and(|f| f.kind == Kind::CommonJs) =>
            {
                let column = p.column.saturating_sub(COMMONJS_HEAD.len() as u32).max(1);
                // The function that is the file itself has no name to show.
                out.push_str(&format!("{head}{}:{}:{column}({}){tail}", p.file, p.line, p.offset));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// `String(error)` without running a script that could throw again or wait.
pub(crate) fn headline(cx: Ctx, thrown: Raw) -> String {
    match thrown.to_text(cx) {
        Ok(text) => text.to_string(),
        Err(_) => {
            drop(cx.take_exception());
            "[object Object]".to_owned()
        }
    }
}

/// What was thrown with its stack, as k6 logs it.
pub(crate) fn describe(cx: Ctx, thrown: Raw, graph: &Graph) -> String {
    let mut text = headline(cx, thrown);
    let raw = if thrown.is_error() { read_stack(cx, thrown) } else { cx.thrown_stack() };
    text.push('\n');
    text.push_str(&stack(&raw, graph));
    text
}

/// What was thrown and where, on one line, as k6 tells it within other errors.
pub(crate) fn short(cx: Ctx, thrown: Raw, graph: &Graph) -> String {
    let mut text = headline(cx, thrown);
    let raw = if thrown.is_error() { read_stack(cx, thrown) } else { cx.thrown_stack() };
    if let Some(place) = stack(&raw, graph).lines().next() {
        text.push(' ');
        text.push_str(place.trim_start());
    }
    text
}

fn read_stack(cx: Ctx, error: Raw) -> String {
    match error.get_str(cx, c"stack").and_then(|stack| stack.raw().to_text(cx)) {
        Ok(stack) => stack.to_string(),
        Err(_) => {
            drop(cx.take_exception());
            String::new()
        }
    }
}

/// A syntax error: `file:///t.js: Line 2:11 Unexpected token`. `shift` is the length of what stands before the first
/// line.
pub(crate) fn syntax(cx: Ctx, error: Raw, url: &str, shift: usize) -> String {
    let text = headline(cx, error);
    let message = text.strip_prefix("SyntaxError: ").unwrap_or(&text);
    let raw = read_stack(cx, error);
    match raw.lines().find_map(place) {
        Some((_, Place { file, line, column, .. }, _)) => {
            let column =
                if line == 1 { column.saturating_sub(shift as u32).max(1) } else { column };
            format!("{file}: Line {line}:{column} {}", capitalised(message))
        }
        _ => format!("{url}: {message}"),
    }
}

fn capitalised(message: &str) -> String {
    let mut chars = message.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_stack_lines() {
        let at = |line, column, offset| Place { file: "file:///t.js", line, column, offset };
        for (line, expect) in [
            ("\tat inner (file:///t.js:1:25(3))", Some(("\tat inner (", at(1, 25, "3"), ")"))),
            ("\tat file:///t.js:3:4(0)", Some(("\tat ", at(3, 4, "0"), ""))),
            ("\tat sleep (native)", None),
            ("\tat f (https://h/x.js", None),
            ("nonsense", None),
        ] {
            assert_eq!(place(line), expect, "{line}");
        }
    }
}
