//! Module specifiers: what an `import` or `require()` names, by k6's rules.

use std::path::{Component, Path, PathBuf};

use url::Url;

use crate::jslib;
use crate::module::graduated;

/// Modules we implement, by the name scripts import.
pub(crate) const BUILTIN: &[&str] = &[
    "k6",
    "k6/html",
    "k6/http",
    "k6/net/grpc",
    "k6/metrics",
    "k6/execution",
    "k6/data",
    "k6/encoding",
    "k6/timers",
    "k6/ws",
    "k6/websockets",
    "k6/experimental/websockets",
    "k6/crypto",
    "k6/crypto/x509",
    "k6/secrets",
    "k6/experimental/fs",
    "k6/experimental/csv",
    "k6/experimental/streams",
];

/// Modules of k6 that we do not have yet; named so that the error can say so.
const NOT_YET: &[&str] = &["k6/browser"];

/// What a specifier stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// A module of ours, by its canonical name.
    Builtin(&'static str),
    /// A file or a remote module, by its canonical URL.
    Url(String),
    /// A name that k6 does not know: a package, or an alias of one.
    Bare,
}

/// Resolves `specifier` as seen from the module `base` (a URL).
///
/// # Errors
/// k6's text.
pub(crate) fn resolve(base: &str, specifier: &str) -> Result<Resolved, String> {
    if let Some(name) = BUILTIN.iter().find(|name| **name == specifier) {
        return Ok(Resolved::Builtin(name));
    }
    if let Some(name) = jslib::named(specifier) {
        return Ok(Resolved::Builtin(name));
    }
    if let Some(name) = graduated::find(specifier) {
        return Ok(Resolved::Builtin(name));
    }
    if NOT_YET.contains(&specifier) {
        return Err(format!("the module \"{specifier}\" is not supported by squall yet"));
    }
    if specifier == "k6" || specifier.starts_with("k6/") {
        return Err(format!(
            "unknown modules [\"{specifier}\"] were tried to be loaded, but couldn't - this likely means automatic \
             extension resolution is required or a custom k6 binary with the required extensions"
        ));
    }
    if specifier.starts_with('.') || specifier.starts_with('/') {
        return relative(base, specifier).map(Resolved::Url);
    }
    match specifier.split_once("://") {
        Some(("file", _)) if is_remote(base) => {
            Err(format!("origin ({}) not allowed to load local file: {specifier}", folder_of(base)))
        }
        Some(("file", path)) => Ok(Resolved::Url(url_of(Path::new(path)))),
        Some(("https" | "http", rest)) => remote(specifier, rest),
        Some((scheme, _)) => Err(format!(
            "only supported schemes for imports are file and https, {specifier} has `{scheme}`"
        )),
        None if specifier.is_empty() => Err("local or remote path required".to_owned()),
        None => Ok(Resolved::Bare),
    }
}

fn remote(specifier: &str, rest: &str) -> Result<Resolved, String> {
    if let Some(name) = jslib::at(rest) {
        return Ok(Resolved::Builtin(name));
    }
    match Url::parse(specifier) {
        Ok(url) => Ok(Resolved::Url(url.into())),
        Err(error) => Err(format!("parse {specifier:?}: {error}")),
    }
}

/// A path as seen from a module, on its own host if it is a remote one.
fn relative(base: &str, specifier: &str) -> Result<String, String> {
    if is_remote(base) {
        let joined = Url::parse(base).and_then(|base| base.join(specifier));
        return joined.map(Into::into).map_err(|error| format!("parse {specifier:?}: {error}"));
    }
    if specifier.starts_with('/') {
        return Ok(url_of(Path::new(specifier)));
    }
    let base = path_of(base).unwrap_or_else(|| PathBuf::from("/"));
    let dir = base.parent().unwrap_or_else(|| Path::new("/"));
    Ok(url_of(&dir.join(specifier)))
}

/// The folder of a URL, with the slash.
fn folder_of(url: &str) -> &str {
    url.rfind('/').map_or(url, |end| &url[..=end])
}

/// Whether a module came over the network.
pub(crate) fn is_remote(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Whether a module's name is a URL, and not that of a built-in one.
pub(crate) fn is_url(name: &str) -> bool {
    name.starts_with("file://") || is_remote(name)
}

/// k6's text for a name it does not know.
pub(crate) fn unrecognised(specifier: &str) -> String {
    format!("The moduleSpecifier \"{specifier}\" couldn't be recognised as something k6 supports.")
}

/// k6's text for a remote module that could not be fetched.
pub(crate) fn not_fetched(specifier: &str, url: &str, why: &str) -> String {
    format!(
        "The moduleSpecifier \"{specifier}\" couldn't be retrieved from the resolved url \"{url}\". Error : \"{why}\""
    )
}

/// The `file://` URL of an absolute path, dots removed.
pub(crate) fn url_of(path: &Path) -> String {
    format!("file://{}", clean(path).display())
}

/// The path of a `file://` URL.
pub(crate) fn path_of(url: &str) -> Option<PathBuf> {
    url.strip_prefix("file://").map(PathBuf::from)
}

/// Removes `.` and `..` without looking at the disk, as k6 does.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(part) => out.push(part),
            Component::ParentDir => {
                out.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    out
}

/// k6's text for a local file that is not there.
pub(crate) fn not_found(specifier: &str) -> String {
    format!(
        "The moduleSpecifier \"{specifier}\" couldn't be found on local disk. Make sure that you've specified the \
         right path to the file. If you're running k6 using the Docker image make sure you have mounted the local \
         directory (-v /local/path/:/inside/docker/path) containing your script and modules so that they're \
         accessible by k6 from inside of the container, see \
         https://grafana.com/docs/k6/latest/using-k6/modules/#use-modules-with-docker."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_resolve_by_the_importing_file() {
        let base = "file:///a/b/main.js";
        for (specifier, expect) in [
            ("./lib.js", "file:///a/b/lib.js"),
            ("../lib.js", "file:///a/lib.js"),
            ("/x/./y.js", "file:///x/y.js"),
            ("file:///z/../y.js", "file:///y.js"),
        ] {
            assert_eq!(
                resolve(base, specifier),
                Ok(Resolved::Url(expect.to_owned())),
                "{specifier}"
            );
        }
        assert_eq!(resolve(base, "lodash"), Ok(Resolved::Bare));
        assert_eq!(resolve(base, "k6/http"), Ok(Resolved::Builtin("k6/http")));
        let summary = "https://jslib.k6.io/k6-summary/0.0.2/index.js";
        assert_eq!(resolve(base, summary), Ok(Resolved::Builtin("jslib:k6-summary")));
    }

    #[test]
    fn remote_modules_stay_on_their_host() {
        let base = "https://h/a/b.js?x=1";
        for (specifier, expect) in [
            ("./c.js", "https://h/a/c.js"),
            ("../c.js", "https://h/c.js"),
            ("/c.js", "https://h/c.js"),
            ("http://i/c.js", "http://i/c.js"),
        ] {
            assert_eq!(resolve(base, specifier), Ok(Resolved::Url(expect.into())), "{specifier}");
        }
        let error = resolve(base, "file:///etc/passwd").unwrap_err();
        assert_eq!(
            error,
            "origin (https://h/a/) not allowed to load local file: file:///etc/passwd"
        );
    }

    #[test]
    fn what_cannot_be_imported_says_why() {
        for (specifier, part) in [
            ("ftp://x/y.js", "has `ftp`"),
            ("", "path required"),
            ("k6/browser", "k6/browser"),
            ("k6/x/nope", "unknown modules [\"k6/x/nope\"]"),
            ("https://", "parse"),
        ] {
            let error = resolve("file:///m.js", specifier).unwrap_err();
            assert!(error.contains(part), "{specifier}: {error}");
        }
    }
}
