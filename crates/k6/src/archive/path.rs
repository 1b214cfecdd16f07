//! Paths as archives have them: with `/`, without dots, without the names of users.

use percent_encoding::percent_decode_str;

/// A path with `/` between its parts, dots and drive letters resolved, and `nobody` for whoever's home it is in.
pub fn anonymous(path: &str) -> String {
    let path = drive(&clean(path)).replace('\\', "/");
    without_user(&path).unwrap_or(path)
}

/// The same for a `file://` URL; others stay.
pub(super) fn anonymous_url(url: &str) -> String {
    match url.strip_prefix("file://") {
        Some(path) => {
            let end = if path.len() > 1 && path.ends_with('/') { "/" } else { "" };
            format!("file://{}{end}", anonymous(path))
        }
        None => url.to_owned(),
    }
}

/// Where an archive keeps what lies at a URL: behind the scheme, percent-decoded.
pub(super) fn of_url(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.trim_start_matches('/');
    clean(&percent_decode_str(&format!("/{rest}")).decode_utf8_lossy())
}

/// Removes `.`, `..` and doubled slashes, as Go's `path.Clean`.
fn clean(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// `C:\x` and `/C:/x` become `/C/x`; a Windows share's host is nobody's business.
fn drive(path: &str) -> String {
    if let Some(share) = path.strip_prefix("\\\\") {
        let rest = share.find('\\').map_or("", |at| &share[at..]);
        return format!("/nobody{rest}");
    }
    let bare = path.strip_prefix(['/', '\\']).unwrap_or(path);
    let mut chars = bare.chars();
    match (chars.next(), chars.next()) {
        (Some(letter), Some(':')) if letter.is_ascii_alphabetic() => {
            format!("/{letter}{}", chars.as_str())
        }
        _ => path.to_owned(),
    }
}

/// `/home/me/x` becomes `/home/nobody/x`, also behind a drive's letter.
fn without_user(path: &str) -> Option<String> {
    let after_drive = match path.as_bytes() {
        [b'/', letter, b'/', ..] if letter.is_ascii_alphabetic() => 2,
        _ => 0,
    };
    let (drive, rest) = path.split_at(after_drive);
    let rest = rest.strip_prefix('/')?;
    let (homes, rest) = rest.split_once('/')?;
    let is_home = ["users", "home", "documents and settings"]
        .iter()
        .any(|name| homes.eq_ignore_ascii_case(name));
    let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (is_home && !user.is_empty()).then(|| format!("{drive}/{homes}/nobody{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_nobody() {
        for (path, expect) in [
            ("/home/me/t.js", "/home/nobody/t.js"),
            ("/Users/me", "/Users/nobody"),
            ("C:\\Users\\me\\t.js", "/C/Users/nobody/t.js"),
            ("/c/Documents and Settings/me/t.js", "/c/Documents and Settings/nobody/t.js"),
            ("\\\\HOST\\k6\\t.js", "/nobody/k6/t.js"),
            ("/srv/./a/../t.js", "/srv/t.js"),
            ("/home", "/home"),
            ("a/../..", ".."),
            ("", "."),
        ] {
            assert_eq!(anonymous(path), expect, "{path}");
        }
        assert_eq!(anonymous_url("file:///home/me/"), "file:///home/nobody/");
        assert_eq!(anonymous_url("file:///"), "file:///");
        assert_eq!(anonymous_url("https://home/me"), "https://home/me");
        assert_eq!(of_url("https://h/a%20b.js?x=%zz"), "/h/a b.js?x=%zz");
        assert_eq!(of_url("file:///a/b"), "/a/b");
    }
}
