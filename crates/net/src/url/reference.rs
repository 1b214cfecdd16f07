//! Resolving a reference against a base: RFC 3986 section 5.2, as Go's `ResolveReference`.

use super::{Url, UrlError};

pub(super) fn join(base: &Url, reference: &str) -> Result<Url, UrlError> {
    let target = Url::parse(reference)?;
    if target.scheme_end > 0 {
        return Ok(target);
    }
    let scheme = base.scheme_str();
    if reference.starts_with("//") {
        return Url::parse(&format!("{scheme}:{}", target.as_str()));
    }
    let before_path = &base.as_str()[..base.path_start as usize];
    let (path, query) = if target.path().is_empty() {
        let query = target.query().or_else(|| base.query());
        (base.path().to_owned(), query)
    } else if target.path().starts_with('/') {
        (without_dots(target.path()), target.query())
    } else {
        let directory = base.path().rfind('/').map_or("/", |at| &base.path()[..=at]);
        (without_dots(&format!("{directory}{}", target.path())), target.query())
    };
    let mut joined = format!("{before_path}{path}");
    if let Some(query) = query {
        joined.push('?');
        joined.push_str(query);
    }
    if let Some(fragment) = target.fragment() {
        joined.push('#');
        joined.push_str(fragment);
    }
    Url::parse(&joined)
}

/// RFC 3986 section 5.2.4 on an absolute path.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_slash = false;
    for segment in path.split('/').skip(1) {
        ends_in_slash = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    if ends_in_slash {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}
