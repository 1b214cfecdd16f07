//! Modules as Node users name them: without an extension, by folder, by package, by an alias of `tsconfig.json`.
//!
//! k6 takes none of these. A specifier comes here only when it names nothing by k6's rules, so scripts that run under k6
//! never depend on what is in here. Everything is read through a [`Reader`], archives too.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::resolve::clean;
use crate::tsconfig;
use crate::world::Reader;

/// Extensions tried behind a name that has none, in this order.
const EXTENSIONS: [&str; 7] = ["js", "ts", "mjs", "cjs", "mts", "cts", "json"];

/// Files of TypeScript that stand behind the JavaScript names it wants in imports.
const TWINS: [(&str, &str); 3] = [("js", "ts"), ("mjs", "mts"), ("cjs", "cts")];

/// Largest `package.json` or `tsconfig.json`, bytes.
pub(crate) const MAX_CONFIG: usize = 4 << 20;

/// How deep conditions may be nested in `exports`.
const MAX_CONDITIONS: usize = 16;

/// How many folders up are looked at.
const MAX_FOLDERS: usize = 64;

/// Modules that are part of Node. Load tests have none of them.
const NODE: [&str; 48] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "sqlite",
    "stream",
    "string_decoder",
    "sys",
    "test",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
    "fs/promises",
    "stream/promises",
    "timers/promises",
    "util/types",
];

/// How a module is asked for; packages may have different files for the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    /// By `import`.
    Import,
    /// By `require()`.
    Require,
}

/// The file that the name of a package, or an alias, stands for in an `import` of the file at `base`; `None` where nothing has
/// that name.
///
/// # Errors
/// Why a package that is there, or a module of Node, can't be used.
pub fn find_package(
    reader: &dyn Reader,
    base: &Path,
    specifier: &str,
) -> Result<Option<PathBuf>, String> {
    Finder(reader).package(base, specifier, Asked::Import)
}

/// Looks for files.
pub(crate) struct Finder<'a>(pub(crate) &'a dyn Reader);

impl Finder<'_> {
    /// The file that `path` stands for: itself, one with an extension, or a folder's.
    pub(crate) fn file(&self, path: &Path) -> Option<PathBuf> {
        if self.0.is_file(path) {
            return Some(path.to_owned());
        }
        let twin = path.extension().and_then(|own| {
            TWINS.iter().find(|(js, _)| own == *js).map(|(_, ts)| path.with_extension(ts))
        });
        if let Some(twin) = twin.filter(|twin| self.0.is_file(twin)) {
            return Some(twin);
        }
        self.with_extension(path).or_else(|| self.folder(path))
    }

    fn with_extension(&self, path: &Path) -> Option<PathBuf> {
        let name = path.file_name()?.to_os_string();
        EXTENSIONS.iter().find_map(|extension| {
            let mut name = name.clone();
            name.push(".");
            name.push(extension);
            Some(path.with_file_name(name)).filter(|file| self.0.is_file(file))
        })
    }

    /// A folder's entry: what its `package.json` names, or its `index`.
    fn folder(&self, path: &Path) -> Option<PathBuf> {
        if let Some(package) = self.package_json(path)
            && let Some(entry) = self.entry(path, &package)
        {
            return Some(entry);
        }
        self.with_extension(&path.join("index"))
    }

    fn entry(&self, folder: &Path, package: &Map<String, Value>) -> Option<PathBuf> {
        ["browser", "module", "main"].iter().find_map(|field| {
            let path = clean(&folder.join(package.get(*field)?.as_str()?));
            // A main file that is its own folder would be looked up for ever.
            let inside = path.starts_with(folder) && path != *folder;
            if self.0.is_file(&path) {
                Some(path)
            } else if inside {
                self.with_extension(&path).or_else(|| self.with_extension(&path.join("index")))
            } else {
                None
            }
        })
    }

    fn package_json(&self, folder: &Path) -> Option<Map<String, Value>> {
        match read_json(self.0, &folder.join("package.json"))? {
            Value::Object(package) => Some(package),
            _ => None,
        }
    }

    /// The file that a bare specifier stands for, as seen from the file at `base`; `None` where nothing has that name.
    ///
    /// # Errors
    /// Why a package that is there, or a module of Node, can't be used.
    pub(crate) fn package(
        &self,
        base: &Path,
        specifier: &str,
        asked: Asked,
    ) -> Result<Option<PathBuf>, String> {
        let from = base.parent().unwrap_or_else(|| Path::new("/"));
        if specifier.starts_with('#') {
            return self.internal(from, specifier, asked);
        }
        let in_package = base.components().any(|part| part.as_os_str() == "node_modules");
        if !in_package && let Some(file) = tsconfig::file(self, from, specifier) {
            return Ok(Some(file));
        }
        let of_node = || {
            Err(format!(
                "the module \"{specifier}\" is part of Node.js and does not exist in load tests; {} imports it",
                owner(base)
            ))
        };
        if specifier.starts_with("node:") {
            return of_node();
        }
        let Some((name, rest)) = split(specifier) else { return Ok(None) };
        for folder in from.ancestors().take(MAX_FOLDERS) {
            if folder.file_name().is_some_and(|own| own == "node_modules") {
                continue;
            }
            let home = folder.join("node_modules").join(name);
            if let Some(found) = self.in_package(&home, name, rest, asked)? {
                return Ok(Some(found));
            }
            // A package may import itself by its name.
            if let Some(package) = self.package_json(folder)
                && package.get("name").and_then(Value::as_str) == Some(name)
                && let Some(exports) = package.get("exports")
            {
                return self.exported(folder, name, exports, rest, asked).map(Some);
            }
        }
        // A package of that name came first: bundles for browsers bring their own.
        if NODE.contains(&specifier) {
            return of_node();
        }
        Ok(None)
    }

    fn in_package(
        &self,
        home: &Path,
        name: &str,
        rest: &str,
        asked: Asked,
    ) -> Result<Option<PathBuf>, String> {
        let package = self.package_json(home);
        if let Some(exports) = package.as_ref().and_then(|package| package.get("exports")) {
            return self.exported(home, name, exports, rest, asked).map(Some);
        }
        if !rest.is_empty() {
            let path = clean(&home.join(rest));
            return Ok(Some(path)
                .filter(|path| path.starts_with(home))
                .and_then(|p| self.file(&p)));
        }
        let entry = package.as_ref().and_then(|package| self.entry(home, package));
        match entry.or_else(|| self.with_extension(&home.join("index"))) {
            Some(entry) => Ok(Some(entry)),
            None if package.is_some() => Err(format!(
                "the package \"{name}\" in {} has no file to import: its package.json names none that exists",
                home.display()
            )),
            None => Ok(None),
        }
    }

    /// What `exports` of a package gives for `rest` (without `./`).
    fn exported(
        &self,
        home: &Path,
        name: &str,
        exports: &Value,
        rest: &str,
        asked: Asked,
    ) -> Result<PathBuf, String> {
        let key = if rest.is_empty() { ".".to_owned() } else { format!("./{rest}") };
        let by_path =
            matches!(exports, Value::Object(map) if map.keys().any(|k| k.starts_with('.')));
        let target = if by_path {
            lookup(exports, &key)
                .and_then(|(value, star)| target(value, asked, 0).map(|t| t.replace('*', star)))
        } else if rest.is_empty() {
            target(exports, asked, 0).map(str::to_owned)
        } else {
            None
        };
        let refused = |why: &str| {
            format!(
                "the package \"{name}\" in {} {why} \"{key}\" in its package.json",
                home.display()
            )
        };
        let target = target.ok_or_else(|| refused("does not export"))?;
        let path = clean(&home.join(&target));
        if !path.starts_with(home) || !self.0.is_file(&path) {
            return Err(refused(&format!("has no file {target}, which it names for")));
        }
        Ok(path)
    }

    /// `#name`: a name that a package gives to a module of its own.
    fn internal(
        &self,
        from: &Path,
        specifier: &str,
        asked: Asked,
    ) -> Result<Option<PathBuf>, String> {
        for folder in from.ancestors().take(MAX_FOLDERS) {
            let Some(package) = self.package_json(folder) else { continue };
            let Some((value, star)) =
                package.get("imports").and_then(|imports| lookup(imports, specifier))
            else {
                return Ok(None);
            };
            let Some(target) = target(value, asked, 0).map(|t| t.replace('*', star)) else {
                return Ok(None);
            };
            if target.starts_with("./") {
                return Ok(self.file(&clean(&folder.join(target))));
            }
            // A package of others; it can't be an internal name again.
            let base = folder.join("package.json");
            return if target.starts_with('#') {
                Ok(None)
            } else {
                self.package(&base, &target, asked)
            };
        }
        Ok(None)
    }
}

/// Reads a JSON file, comments and trailing commas allowed; `None` if it is not there or makes no sense.
pub(crate) fn read_json(reader: &dyn Reader, path: &Path) -> Option<Value> {
    if !reader.is_file(path) {
        return None;
    }
    let text = reader.read(path).ok().filter(|text| text.len() <= MAX_CONFIG)?;
    let text = String::from_utf8_lossy(&text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&tsconfig::plain_json(text))).ok()
}

/// The entry for `key` in a map of paths, and what its `*` stands for. The longest pattern wins, as in Node.
pub(crate) fn lookup<'v, 'k>(map: &'v Value, key: &'k str) -> Option<(&'v Value, &'k str)> {
    let map = map.as_object()?;
    if let Some(value) = map.get(key).filter(|_| !key.contains('*')) {
        return Some((value, ""));
    }
    let fits = map.iter().filter_map(|(pattern, value)| {
        let (head, tail) = match pattern.split_once('*') {
            Some(parts) => parts,
            // The older form: a folder.
            None if pattern.ends_with('/') => (pattern.as_str(), ""),
            None => return None,
        };
        let star = key.strip_prefix(head)?.strip_suffix(tail)?;
        (!star.is_empty()).then_some((head.len(), value, star))
    });
    fits.max_by_key(|(length, ..)| *length).map(|(_, value, star)| (value, star))
}

/// The path that conditions lead to.
fn target(value: &Value, asked: Asked, depth: usize) -> Option<&str> {
    if depth > MAX_CONDITIONS {
        return None;
    }
    match value {
        Value::String(path) => Some(path),
        Value::Array(choices) => choices.iter().find_map(|choice| target(choice, asked, depth + 1)),
        Value::Object(conditions) => conditions.iter().find_map(|(condition, value)| {
            let holds = match condition.as_str() {
                "k6" | "browser" | "default" => true,
                "import" | "module" => asked == Asked::Import,
                "require" => asked == Asked::Require,
                _ => false,
            };
            if holds { target(value, asked, depth + 1) } else { None }
        }),
        _ => None,
    }
}

/// Splits `@scope/name/rest`.
fn split(specifier: &str) -> Option<(&str, &str)> {
    let mut slash = specifier.find('/');
    if specifier.starts_with('@') {
        let first = slash?;
        slash = specifier[first + 1..].find('/').map(|at| first + 1 + at);
    }
    let (name, rest) = match slash {
        Some(at) => (&specifier[..at], &specifier[at + 1..]),
        None => (specifier, ""),
    };
    let fits = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['\\', ':', '%'])
        && !name.split('/').any(|part| part.is_empty() || part == "..");
    fits.then_some((name, rest))
}

/// Who imports, for messages: the package if it is one.
fn owner(base: &Path) -> String {
    let text = base.to_string_lossy();
    match text.rsplit_once("/node_modules/").and_then(|(_, inside)| split(inside)) {
        Some((name, _)) => format!("the package \"{name}\" ({text})"),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests;
