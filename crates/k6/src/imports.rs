//! What a script imports and says it needs, found without running it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use engine::script::ScriptError;

use crate::compile::Graph;
use crate::test::LoadOptions;
use crate::{resolve, test};

/// What a script needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imports {
    /// Every module: files and remote ones by URL, built-in ones by name; the script itself too. Sorted.
    pub modules: BTreeSet<String>,
    /// k6 and its extensions, with the versions that `"use k6 …"` asks for; `*` is any.
    pub needs: BTreeMap<String, String>,
}

/// Collects while a graph is compiled.
#[derive(Debug, Default)]
pub(crate) struct Listing(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    imports: Imports,
    wrong: Option<String>,
}

/// Compiles the script to see what it imports. Modules of k6 that do not exist here are listed, not refused.
///
/// # Errors
/// As [`crate::load`]'s, as far as they come before anything runs.
pub fn imports(options: &LoadOptions) -> Result<Imports, ScriptError> {
    let url = options.url.clone().unwrap_or_else(|| resolve::url_of(&options.path));
    let source = test::source(options)?;
    let graph = Graph::list(&url, &source, &*options.reader)
        .map_err(|error| test::compile_error(&options.name, &url, &error))?;
    let found = graph.listing.unwrap_or_default().0.into_inner();
    let Found { mut imports, wrong } = found.unwrap_or_else(PoisonError::into_inner);
    if let Some(message) = wrong {
        return Err(ScriptError { message, exit_code: 107, hint: None });
    }
    imports.modules.insert(url);
    imports.needs.entry("k6".to_owned()).or_insert_with(|| "*".to_owned());
    for module in imports.modules.iter().filter(|module| module.starts_with("k6/x/")) {
        imports.needs.entry(module.clone()).or_insert_with(|| "*".to_owned());
    }
    Ok(imports)
}

impl Listing {
    /// Notes a module.
    pub(crate) fn module(&self, name: &str) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.imports.modules.insert(name.to_owned());
    }

    /// Notes the `"use k6 …"` directives of a file.
    pub(crate) fn directives(&self, url: &str, text: &str) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, version) in directives(text) {
            match found.imports.needs.get(&name) {
                Some(known) if *known != "*" && *known != version && version != "*" => {
                    let text = format!(
                        "error while parsing use directives in \"{url}\": already have constraint for \"{name}\", \
                         when parsing \"{version}\""
                    );
                    found.wrong.get_or_insert(text);
                }
                Some(known) if known != "*" => {}
                _ => drop(found.imports.needs.insert(name, version)),
            }
        }
    }
}

/// The directives at the head of a file: a name and the versions it may have.
fn directives(text: &str) -> Vec<(String, String)> {
    let mut rest = text;
    if rest.starts_with("#!") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        let after = |end: &str| rest.find(end).map_or("", |at| &rest[at + end.len()..]);
        if rest.starts_with("//") {
            rest = after("\n");
        } else if rest.starts_with("/*") {
            rest = after("*/");
        } else if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let Some((directive, others)) = rest[1..].split_once(quote) else { return found };
            rest = others;
            found.extend(directive_of(directive));
        } else {
            return found;
        }
    }
}

fn directive_of(text: &str) -> Option<(String, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, version) = match words.as_slice() {
        ["use", "k6", "with", name, version @ ..] if name.starts_with("k6/x/") => (*name, version),
        ["use", "k6", version @ ..] => ("k6", version),
        _ => return None,
    };
    let version = version.concat();
    Some((name.to_owned(), if version.is_empty() { "*".to_owned() } else { version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_stand_before_everything_else() {
        let text = "#!/usr/bin/env k6\n// one\n'use strict'; /* two */ \"use k6 >= 1.2\";\n\
                    'use k6 with k6/x/sql  >= 1.0';\n\"use k6 with k6/x/foo\"\nimport 'k6'; 'use k6 with k6/x/late'";
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(
            directives(text),
            [pair("k6", ">=1.2"), pair("k6/x/sql", ">=1.0"), pair("k6/x/foo", "*")]
        );
        assert!(directives("\"use k6").is_empty());
        assert!(directives("/* open").is_empty());
    }
}
