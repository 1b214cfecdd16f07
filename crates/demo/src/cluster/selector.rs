//! Selectors of lists and watches: labels (`app=web,tier in (a,b),!old`) and two fields.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Want {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// What a list or watch is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    labels: Vec<Want>,
    /// `metadata.name=…`.
    name: Option<String>,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`.
    ///
    /// # Errors
    /// What can't be understood, in words.
    pub(super) fn parse(labels: &str, fields: &str) -> Result<Selector, String> {
        let mut selector = Selector::default();
        for part in split(labels) {
            selector.labels.push(want(part)?);
        }
        for part in split(fields) {
            match part.split_once('=') {
                Some(("metadata.name", name)) => {
                    selector.name = Some(name.trim_start_matches('=').to_owned());
                }
                Some(("metadata.namespace", _)) => {}
                _ => return Err(format!("field label not supported: {part}")),
            }
        }
        Ok(selector)
    }

    pub(super) fn takes(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let label = |key: &str| metadata["labels"][key].as_str();
        let is_wanted = |want: &Want| match want {
            Want::In(key, values) => label(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Want::NotIn(key, values) => !label(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Want::Exists(key) => label(key).is_some(),
            Want::Absent(key) => label(key).is_none(),
        };
        let name_fits =
            self.name.as_deref().is_none_or(|name| metadata["name"].as_str() == Some(name));
        name_fits && self.labels.iter().all(is_wanted)
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

fn want(part: &str) -> Result<Want, String> {
    let values = |text: &str| -> Option<Vec<String>> {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    let unclear = || format!("unable to parse requirement: {part}");
    if let Some((key, list)) = part.split_once(" notin ") {
        return Ok(Want::NotIn(key.trim().to_owned(), values(list).ok_or_else(unclear)?));
    }
    if let Some((key, list)) = part.split_once(" in ") {
        return Ok(Want::In(key.trim().to_owned(), values(list).ok_or_else(unclear)?));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Ok(Want::NotIn(key.trim().to_owned(), vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once('=') {
        let value = value.trim_start_matches('=').trim();
        return Ok(Want::In(key.trim().to_owned(), vec![value.to_owned()]));
    }
    match part.strip_prefix('!') {
        Some(key) => Ok(Want::Absent(key.trim().to_owned())),
        None if part.contains(' ') => Err(unclear()),
        None => Ok(Want::Exists(part.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_and_names_select_as_in_kubernetes() {
        let pod = json!({"metadata": {"name": "web-1", "labels": {"app": "web", "tier": "front"}}});
        for (labels, fields, takes) in [
            ("", "", true),
            ("app=web", "", true),
            ("app==web,tier!=back", "", true),
            ("app=api", "", false),
            ("tier in (back, front)", "", true),
            ("tier notin (back,front)", "", false),
            ("app", "", true),
            ("!app", "", false),
            ("!old", "metadata.name=web-1", true),
            ("", "metadata.name=web-2", false),
        ] {
            let selector = Selector::parse(labels, fields).unwrap();
            assert_eq!(selector.takes(&pod), takes, "{labels} {fields}");
        }
        assert!(Selector::parse("a b", "").is_err());
        assert!(Selector::parse("", "spec.nodeName=x").is_err());
    }
}
