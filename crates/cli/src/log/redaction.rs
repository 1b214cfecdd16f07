//! Secrets that scripts were given are not shown in the log.

use super::Line;

/// What stands in a secret's place; k6's text.
const REDACTED: &str = "***SECRET_REDACTED***";

/// The line without secrets.
pub(super) fn of_line(mut line: Line, secrets: &[String]) -> Line {
    if secrets.is_empty() {
        return line;
    }
    if let Some(message) = of_text(&line.message, secrets) {
        line.message = message;
    }
    for (name, value) in &mut line.fields {
        if let Some(redacted) = of_text(name, secrets) {
            *name = redacted.into();
        }
        if let Some(redacted) = of_text(value, secrets) {
            *value = redacted;
        }
    }
    line
}

/// `None` where the text holds none. At each place the secret that was given first wins.
fn of_text(text: &str, secrets: &[String]) -> Option<String> {
    if !secrets.iter().any(|secret| text.contains(secret.as_str())) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match secrets.iter().find(|secret| rest.starts_with(secret.as_str())) {
            Some(secret) => {
                out.push_str(REDACTED);
                rest = &rest[secret.len()..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        let secrets = ["ab".to_owned(), "abc".to_owned(), "ü".to_owned()];
        for (text, expect) in [
            ("nothing", None),
            ("ab", Some("***SECRET_REDACTED***")),
            ("xabcx", Some("x***SECRET_REDACTED***cx")),
            (
                "aab-ü-ab",
                Some("a***SECRET_REDACTED***-***SECRET_REDACTED***-***SECRET_REDACTED***"),
            ),
        ] {
            assert_eq!(of_text(text, &secrets).as_deref(), expect, "{text}");
        }
    }
}
