//! Aliases of `tsconfig.json`: `compilerOptions.paths` and `baseUrl`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::packages::{Finder, lookup, read_json};
use crate::resolve::clean;

/// How many configurations may extend each other.
const MAX_EXTENDS: usize = 8;

/// How many folders up are looked at.
const MAX_FOLDERS: usize = 64;

/// What a configuration says about names.
#[derive(Debug, Default)]
struct Aliases {
    /// `baseUrl`, absolute.
    base: Option<PathBuf>,
    /// `paths`, and the folder they are relative to where there is no `baseUrl`.
    paths: Option<(Value, PathBuf)>,
}

/// The file that an alias leads to, as seen from the folder `from`.
pub(crate) fn file(finder: &Finder<'_>, from: &Path, specifier: &str) -> Option<PathBuf> {
    let config = from
        .ancestors()
        .take(MAX_FOLDERS)
        .map(|folder| folder.join("tsconfig.json"))
        .find(|path| finder.0.is_file(path))?;
    let aliases = read(finder, &config, 0)?;
    if let Some((paths, folder)) = &aliases.paths {
        let folder = aliases.base.as_ref().unwrap_or(folder);
        if let Some((targets, star)) = lookup(paths, specifier) {
            let targets = targets.as_array().into_iter().flatten().filter_map(Value::as_str);
            for target in targets {
                let path = clean(&folder.join(target.replacen('*', star, 1)));
                if let Some(file) = finder.file(&path) {
                    return Some(file);
                }
            }
        }
    }
    finder.file(&clean(&aliases.base?.join(specifier)))
}

fn read(finder: &Finder<'_>, path: &Path, depth: usize) -> Option<Aliases> {
    let config = read_json(finder.0, path)?;
    let folder = path.parent()?;
    let mut aliases = Aliases::default();
    if depth < MAX_EXTENDS {
        let parents = match config.get("extends") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        // A configuration from a package has no paths of ours.
        for parent in parents.into_iter().filter(|parent| parent.starts_with('.')) {
            let mut parent = clean(&folder.join(parent));
            if !finder.0.is_file(&parent) {
                parent.as_mut_os_string().push(".json");
            }
            if let Some(inherited) = read(finder, &parent, depth + 1) {
                aliases.base = inherited.base.or(aliases.base);
                aliases.paths = inherited.paths.or(aliases.paths);
            }
        }
    }
    let options = config.get("compilerOptions");
    if let Some(base) = options.and_then(|o| o.get("baseUrl")).and_then(Value::as_str) {
        aliases.base = Some(clean(&folder.join(base)));
    }
    if let Some(paths) = options.and_then(|o| o.get("paths")).filter(|paths| paths.is_object()) {
        aliases.paths = Some((paths.clone(), folder.to_owned()));
    }
    Some(aliases)
}

/// JSON without comments and trailing commas.
pub(crate) fn plain_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = text_end(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else {
            if matches!(c, '}' | ']') {
                let kept = out.trim_end().len();
                if out[..kept].ends_with(',') {
                    out.truncate(kept - 1);
                }
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Where the text that starts with a quote ends.
fn text_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_no_json() {
        let text = r#"{ // one
            "a": "//no /* comment */ \" ,}", /* two, */ "b": [1, 2, ],
        }"#;
        let json: Value = serde_json::from_str(&plain_json(text)).unwrap();
        assert_eq!(json, serde_json::json!({"a": "//no /* comment */ \" ,}", "b": [1, 2]}));
        assert_eq!(plain_json("\"open \\"), "\"open \\");
        assert_eq!(plain_json("/* open"), "");
    }
}
