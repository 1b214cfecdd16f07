//! Takes secrets out of text that is shown or kept: command lines, errors, lines of logs.

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Names whose values are secret, in `name=value`; compared without case, `_` and `-` alike.
const SECRET_NAMES: &[&str] =
    &["password", "passwd", "pwd", "secret", "token", "apikey", "accesstoken", "sslpassword"];

/// `text` without the passwords of URLs in it (`scheme://user:password@host`, `?password=…`) and without the values of
/// `password=…` and its like.
pub fn text(text: &str) -> String {
    values(&urls(text))
}

/// Passwords of URLs: between the first `:` and the last `@` of the authority.
fn urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let is_end = |c: char| {
            c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>')
        };
        // A password with a slash in it belongs before the `@` as well: only blanks and quotes end the search for one.
        let word =
            tail.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'));
        let word = &tail[..word.unwrap_or(tail.len())];
        let plain = word.find(is_end).unwrap_or(word.len());
        let authority = match word[..plain].rfind('@') {
            Some(at) => Some(at),
            // `user:pa/ss@host`: what is before the slash has a colon that no port follows.
            None => word[..plain].split_once(':').and_then(|(_, port)| {
                let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
                if is_port { None } else { word.rfind('@') }
            }),
        };
        match authority.and_then(|end| word[..end].find(':').map(|colon| (colon, end))) {
            Some((colon, end)) => {
                out.push_str(&word[..=colon]);
                out.push_str(MASK);
                rest = &tail[end..];
            }
            None => rest = tail,
        }
    }
    out.push_str(rest);
    out
}

/// Values of `name=value` and `name: value` with a secret's name.
fn values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, _) in text.match_indices('=') {
        if at < copied {
            continue;
        }
        let name_start = text[..at]
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        let name: String = text[name_start..at]
            .chars()
            .filter(|c| !matches!(c, '_' | '-'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if !SECRET_NAMES.iter().any(|secret| name.ends_with(secret)) {
            continue;
        }
        let value = &text[at + 1..];
        let len = match value.chars().next() {
            Some(quote @ ('\'' | '"')) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
            _ => value
                .find(|c: char| c.is_whitespace() || matches!(c, '&' | ',' | ';' | '"' | '\''))
                .unwrap_or(value.len()),
        };
        if len > 0 {
            out.push_str(&text[copied..=at]);
            out.push_str(MASK);
            copied = at + 1 + len;
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// A statement of SQL without its literals: strings and numbers become `?`, blanks one blank. What is not closed is left
/// out.
pub fn sql(statement: &str) -> String {
    let mut out = String::with_capacity(statement.len().min(4096));
    let mut chars = statement.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                // An E'…' string has escapes; a doubled quote is one of the text in both.
                let escapes = matches!(before, 'e' | 'E');
                loop {
                    match chars.next() {
                        Some('\\') if escapes => drop(chars.next()),
                        Some('\'') if chars.peek() == Some(&'\'') => drop(chars.next()),
                        Some('\'') | None => break,
                        Some(_) => {}
                    }
                }
                out.push('?');
            }
            '$' if !before.is_alphanumeric() && before != '_' => {
                dollar(&mut chars, &mut out);
            }
            c if c.is_ascii_digit()
                && !(before.is_alphanumeric() || matches!(before, '_' | '$' | '"')) =>
            {
                while chars.peek().is_some_and(|c| c.is_ascii_alphanumeric() || *c == '.') {
                    chars.next();
                }
                out.push('?');
            }
            c if c.is_whitespace() => {
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
        before = out.chars().next_back().unwrap_or(' ');
    }
    out.truncate(out.trim_end().len());
    out
}

/// After a `$`: a parameter (`$1`) stays, a quoted text (`$tag$…$tag$`) goes.
fn dollar(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let mut tag = String::new();
    while let Some(c) = chars.peek() {
        if !(c.is_alphanumeric() || *c == '_') {
            break;
        }
        tag.push(*c);
        chars.next();
    }
    let is_quote = chars.peek() == Some(&'$') && !tag.starts_with(|c: char| c.is_ascii_digit());
    if !is_quote {
        out.push('$');
        out.push_str(&tag);
        return;
    }
    chars.next();
    let end: Vec<char> = format!("${tag}$").chars().collect();
    let mut last: Vec<char> = Vec::new();
    for c in chars.by_ref() {
        last.push(c);
        if last.len() > end.len() {
            last.remove(0);
        }
        if last == end {
            break;
        }
    }
    out.push('?');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passwords_of_urls_are_masked_and_the_rest_stays() {
        for (given, shown) in [
            ("postgresql://u:secret@h:5432/d", "postgresql://u:***@h:5432/d"),
            (
                "--observe postgres=postgresql://u:p@h/d x",
                "--observe postgres=postgresql://u:***@h/d x",
            ),
            ("redis://:p@ss@h/0", "redis://:***@h/0"),
            ("redis://u:pa/ss@h/0", "redis://u:***@h/0"),
            ("http://h:9090/a?b=c", "http://h:9090/a?b=c"),
            ("http://h:9090/@x", "http://h:9090/@x"),
            ("http://u@h/", "http://u@h/"),
            ("a://u:p@h b://v:q@i", "a://u:***@h b://v:***@i"),
            (
                "postgresql://h/d?user=u&password=geheim&x=1",
                "postgresql://h/d?user=u&password=***&x=1",
            ),
            ("host=h password='a b' dbname=d", "host=h password=*** dbname=d"),
            ("PGPASSWORD=x psql", "PGPASSWORD=*** psql"),
            ("DB_API-KEY=1;b", "DB_API-KEY=***;b"),
            ("password=", "password="),
            ("rate=5 tokens=3", "rate=5 tokens=3"),
            ("", ""),
        ] {
            assert_eq!(text(given), shown);
        }
    }

    #[test]
    fn statements_keep_their_shape_without_their_values() {
        for (given, shown) in [
            (
                "SELECT  a\n FROM t WHERE b = 'it''s' AND c=12.5e3",
                "SELECT a FROM t WHERE b = ? AND c=?",
            ),
            ("ALTER USER x PASSWORD 'hunter2'", "ALTER USER x PASSWORD ?"),
            ("select E'a\\'b', t1.c2 from t1 limit $1", "select E?, t1.c2 from t1 limit $1"),
            ("do $body$ secret $body$;", "do ?;"),
            ("select 'open", "select ?"),
            ("", ""),
        ] {
            assert_eq!(sql(given), shown);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_redacted_without_panic(given in ".{0,200}") {
            let _ = (text(&given), sql(&given));
            let _ = text(&format!("pwd={given}://{given}:{given}@"));
        }

        #[test]
        fn no_password_of_a_url_survives(password in "[a-zA-Z0-9%+=!@:]{3,20}") {
            let shown = text(&format!("see postgresql://user:qq{password}zz@host:5432/db!"));
            let secret = format!("qq{password}zz");
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }
}
