//! `data()`: the values of `data-…` attributes.

use super::SelectionObject;
use crate::js::{Args, Ctx, JsResult, Raw, Thrown, Val};

/// Words that stay in capitals in the names of properties: `data-user-id` is `userID`.
const INITIALISMS: &[&str] = &[
    "ACL", "API", "ASCII", "CPU", "CSS", "DNS", "EOF", "ETA", "GPU", "GUID", "HTML", "HTTP",
    "HTTPS", "ID", "IP", "JSON", "LHS", "OS", "QPS", "RAM", "RHS", "RPC", "SLA", "SMTP", "SQL",
    "SSH", "TCP", "TLS", "TTL", "UDP", "UI", "UID", "UUID", "URI", "URL", "UTF8", "VM", "XML",
    "XMPP", "XSRF", "XSS",
];

/// The property of an attribute, whose name is without `data-`.
fn property(attribute: &str) -> String {
    let Some((first, rest)) = attribute.split_once('-') else { return attribute.to_owned() };
    let mut out = first.to_owned();
    for word in rest.split(['-', '_']) {
        let upper = word.to_uppercase();
        if word == "oauth" {
            out.push_str("OAuth");
        } else if INITIALISMS.contains(&upper.as_str()) {
            out.push_str(&upper);
        } else {
            let mut letters = word.chars();
            out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(letters.as_str());
        }
    }
    out
}

/// The attribute, without `data-`, of a property.
fn attribute(property: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(letter) = property[at..].chars().next() {
        let mut next = at + letter.len_utf8();
        if at > 0 && letter.is_uppercase() {
            if let Some(word) = initialism(&property[start..]) {
                words.push(word);
                // The word that follows begins with the initialism's last letter, as k6's library has it.
                start = at + word.len() - 1;
                match property.get(start..).and_then(|rest| rest.chars().next()) {
                    Some(letter) => next = start + letter.len_utf8(),
                    None => break,
                }
            } else {
                words.push(&property[start..at]);
                start = at;
            }
        }
        at = next.min(property.len());
    }
    words.push(property.get(start..).unwrap_or_default());
    words.retain(|word| !word.is_empty());
    words.join("-").to_lowercase().replace('_', "-")
}

/// The longest word in capitals that a text starts with.
fn initialism(text: &str) -> Option<&str> {
    (1..=5)
        .rev()
        .filter_map(|len| text.get(..len))
        .find(|word| *word == "OAuth" || INITIALISMS.contains(word))
}

/// `data()`, an object of all, and `data(name)`.
pub(super) fn data(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let own = &cx.inner_of::<SelectionObject>(this)?.selection;
    let Some(id) = own.first_node() else { return Ok(Val::undefined(cx)) };
    let attributes = own.document().attributes(id);
    if attributes.is_empty() {
        return Ok(Val::undefined(cx));
    }
    if !args.is_empty() {
        let name = format!("data-{}", attribute(&super::text_argument(cx, args.get(0))?));
        return match own.attribute(&name) {
            Some(value) => converted(cx, value),
            None => Ok(Val::undefined(cx)),
        };
    }
    let object = cx.object()?;
    for attribute in attributes {
        if let Some(name) = attribute.name().strip_prefix("data-").filter(|name| !name.is_empty()) {
            object.set_key(cx, &property(name), converted(cx, &attribute.value)?)?;
        }
    }
    Ok(object)
}

/// JSON, numbers and words of JavaScript become values where nothing is lost.
fn converted(cx: Ctx, value: &str) -> JsResult<Val> {
    match value {
        "" | "null" | "undefined" => Ok(Val::undefined(cx)),
        "true" => Ok(cx.boolean(true)),
        "false" => Ok(cx.boolean(false)),
        _ if value.starts_with(['{', '[']) => cx.parse_json(value).or_else(|Thrown| {
            drop(cx.take_exception());
            cx.string(value)
        }),
        _ => match value.parse::<f64>() {
            Ok(number) if number.is_finite() && number.to_string() == value => {
                Ok(cx.number(number))
            }
            _ => cx.string(value),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_attributes_and_properties() {
        for (name, expect) in [("a", "a"), ("user-id", "userID"), ("the-long-name", "theLongName")]
        {
            assert_eq!(property(name), expect, "{name}");
        }
        for (name, expect) in [
            ("a", "a"),
            ("theLongName", "the-long-name"),
            ("kebab-name", "kebab-name"),
            ("snake_name", "snake-name"),
            ("Ünder", "ünder"),
            ("ID", "id"),
            ("", ""),
        ] {
            assert_eq!(attribute(name), expect, "{name}");
        }
        for odd in ["aID", "userIDNumber", "ÄÖÜ", "aÄID", "HTTPSé", "ABCDÉF"] {
            // No panic, whatever it is.
            attribute(odd);
        }
    }
}
