//! Takes the types out of TypeScript, and nothing else: what is left stands on the line and column it stood on.
//!
//! [`strip`] parses a file with `oxc_parser` and puts spaces where types were, so that stacks and syntax errors of the
//! script engine are those of the TypeScript file, without a source map. The constructs of TypeScript that are more
//! than types (enums, namespaces, parameter properties, `import x = …`) become JavaScript in their place; only what
//! follows on the same line moves. Types are not checked.
//!
//! The crate exists because its parser is heavy, and because stripping is a pure function: no I/O, no clock.
//!
//! Start reading at [`strip`], then `strip.rs` (the walk), `modules.rs` (imports and exports), `enums.rs`,
//! `namespaces.rs`.

mod constants;
mod edits;
mod enums;
mod modules;
mod names;
mod namespaces;
mod scan;
mod strip;

use oxc_allocator::Allocator;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;

/// Largest file, bytes: the parser's own limit is 4 GiB, far beyond what anybody writes.
pub const MAX_SOURCE: usize = 16 << 20;

/// Deepest nesting of brackets; deeper files would need an unbounded stack.
pub const MAX_DEPTH: usize = 1000;

/// What the caller's stack must have for [`strip`], bytes. Long chains (`a + b + …`, `!!!…`) are walked recursively.
pub const STACK: usize = 256 << 20;

/// Why a file can't be stripped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, a sentence without a full stop.
    pub message: String,
}

/// The JavaScript of a TypeScript file. A file without anything of TypeScript comes back as it is.
///
/// # Errors
/// A syntax error, or a construct that has no JavaScript here (decorators, auto-accessors).
pub fn strip(source: &str) -> Result<String, SyntaxError> {
    if source.len() > MAX_SOURCE {
        return Err(error_at(source, 0, format!("the file is larger than {MAX_SOURCE} bytes")));
    }
    if let Some(at) = too_deep(source) {
        return Err(error_at(source, at, format!("nested more than {MAX_DEPTH} brackets deep")));
    }
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let kind = SourceType::ts();
    let parsed = Parser::new(&allocator, source, kind).with_options(options).parse();
    if let Some(error) = parsed.errors.first() {
        let labels = error.labels.as_ref();
        let at = labels.and_then(|labels| labels.first()).map_or(0, |label| label.offset());
        return Err(error_at(source, at, error.message.to_string()));
    }
    strip::program(source, &parsed.program)
}

/// Where brackets are nested too deeply. Brackets in texts and comments count as well: no file of sense has that many.
fn too_deep(source: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in source.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(at);
        }
    }
    None
}

fn error_at(source: &str, at: usize, message: String) -> SyntaxError {
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(start..).map_or(0, |text| text.chars().count()) + 1;
    SyntaxError { line, column, message }
}

#[cfg(test)]
mod tests;
