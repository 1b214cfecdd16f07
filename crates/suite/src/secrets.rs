//! Secrets that stand in a plan in plain text. A plan is shared, recorded and reported: secrets come from the environment.

use crate::yaml::{Fault, Node, Value};

/// Parts of a key's name that say its value is a secret.
const SECRET_NAMES: &[&str] =
    &["password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "private_key"];
/// Beginnings that only secrets have.
const SECRET_STARTS: &[&str] =
    &["AKIA", "ghp_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_live_", "-----BEGIN"];

/// The secrets of a tree whose variables are not yet replaced.
pub(crate) fn find(tree: &Node) -> Vec<Fault> {
    let mut faults = Vec::new();
    look(tree, None, &mut faults);
    faults
}

fn look(node: &Node, key: Option<&str>, faults: &mut Vec<Fault>) {
    match &node.value {
        Value::Text { text, .. } => {
            if let Some(what) = secret(key, text) {
                let message = format!(
                    "{what} stands here in plain text: take it from the environment, as \
                     `${{env.NAME}}`"
                );
                faults.push(Fault { place: node.place, message });
            }
        }
        Value::List(items) => items.iter().for_each(|item| look(item, key, faults)),
        Value::Map(entries) => {
            entries.iter().for_each(|(key, value)| look(value, Some(&key.text), faults));
        }
    }
}

fn secret(key: Option<&str>, text: &str) -> Option<String> {
    let text = text.trim();
    // What comes from elsewhere is no plain text.
    if text.is_empty() || text.contains("${") {
        return None;
    }
    if let Some(key) = key {
        let plain = key.to_lowercase().replace('-', "_");
        let is_secret = SECRET_NAMES.iter().any(|name| plain.contains(name));
        // `password_env: PGPASSWORD` names a variable.
        let names_a_place = ["_env", "_file", "_path", "_url", "_uri"];
        if is_secret && !names_a_place.iter().any(|end| plain.ends_with(end)) {
            return Some(format!("the value of `{key}`"));
        }
        if plain == "authorization" {
            return Some(format!("the value of `{key}`"));
        }
    }
    if let Some(start) = SECRET_STARTS.iter().find(|start| text.starts_with(**start)) {
        return Some(format!("a secret (`{start}…`)"));
    }
    password_of_url(text).then(|| "the password of a URL".to_owned())
}

/// Whether a text has a URL with a password: `scheme://user:password@host`.
fn password_of_url(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let Some((_, rest)) = word.split_once("://") else { return false };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .is_some_and(|(_, password)| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    #[test]
    fn secrets_in_plain_text_are_found_and_nothing_else() {
        for (text, is_secret) in [
            ("env: {DB_PASSWORD: hunter2}", true),
            ("env: {API_TOKEN: abc}", true),
            ("headers: {Authorization: Bearer x}", true),
            ("url: postgresql://user:pw@host/db", true),
            ("run: psql postgresql://user:pw@host/db", true),
            ("args: [ghp_abcdef]", true),
            ("env: {DB_PASSWORD: \"${env.PW}\"}", false),
            ("password_env: PGPASSWORD", false),
            ("url: postgresql://user@host/db", false),
            ("url: http://host:80/a@b", false),
            ("run: curl http://host/", false),
            ("name: tokens", false),
        ] {
            let found = find(&parse(text).unwrap());
            assert_eq!(found.len(), usize::from(is_secret), "{text}: {found:?}");
        }
    }
}
