//! `${name}` in the texts of a plan.
//!
//! Names are the plan's own `variables`, `env.NAME` for the environment (`env.NAME:-text` where it may lack), and what the
//! suite itself knows (`target.url`, `plan.folder`). `$${` stands for `${`, for a shell's own variables.

use std::collections::BTreeMap;

use crate::near;
use crate::yaml::{Fault, Node, Place, Value};

/// The longest text that may come out: variables of variables grow fast.
const MAX_TEXT: usize = 1 << 20;

/// Values that do not come from the plan.
pub(crate) struct Known<'a> {
    /// The environment.
    pub(crate) var: &'a dyn Fn(&str) -> Option<String>,
    /// What the suite knows, by name.
    pub(crate) own: BTreeMap<String, String>,
}

/// A variable of the plan.
struct Variable<'a> {
    text: &'a str,
    place: Place,
}

struct Resolver<'a> {
    known: &'a Known<'a>,
    variables: BTreeMap<&'a str, Variable<'a>>,
}

/// The tree with every name replaced.
///
/// # Errors
/// The first name that nobody knows, or that stands for itself in the end.
pub(crate) fn resolve(tree: &Node, known: &Known<'_>) -> Result<Node, Fault> {
    let mut variables = BTreeMap::new();
    if let Some(Node { value: Value::Map(entries), .. }) = tree.get("variables") {
        for (key, node) in entries {
            let Some(text) = node.text() else {
                let message = format!("the variable `{}` is not a text", key.text);
                return Err(Fault { place: node.place, message });
            };
            if known.own.contains_key(key.text.as_str()) || key.text.starts_with("env.") {
                let message = format!("the name `{}` is taken", key.text);
                return Err(Fault { place: key.place, message });
            }
            variables.insert(key.text.as_str(), Variable { text, place: node.place });
        }
    }
    Resolver { known, variables }.node(tree)
}

impl Resolver<'_> {
    fn node(&self, node: &Node) -> Result<Node, Fault> {
        let value = match &node.value {
            Value::Text { text, is_plain, lead } => {
                let resolved = self.text(text, node.place, &mut Vec::new())?;
                let is_same = resolved == *text;
                // Columns of a text that was changed lead nowhere.
                let lead = lead.filter(|_| is_same);
                Value::Text { text: resolved, is_plain: *is_plain, lead }
            }
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.node(item)).collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => {
                let entry = |(key, value): &(_, Node)| Ok((Clone::clone(key), self.node(value)?));
                Value::Map(entries.iter().map(entry).collect::<Result<_, _>>()?)
            }
        };
        Ok(Node { place: node.place, value })
    }

    /// `stack` has the variables this text is part of.
    fn text(&self, text: &str, place: Place, stack: &mut Vec<String>) -> Result<String, Fault> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                out.push_str(&rest[..at]);
                out.push('{');
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(&rest[..at]);
            let Some(end) = rest[at..].find('}') else {
                let message = format!("`{}` has no `}}`", first_chars(&rest[at..]));
                return Err(Fault { place, message });
            };
            out.push_str(&self.value(&rest[at + 2..at + end], place, stack)?);
            rest = &rest[at + end + 1..];
            if out.len() > MAX_TEXT {
                let message = "its variables make this text longer than 1 MiB".to_owned();
                return Err(Fault { place, message });
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, name: &str, place: Place, stack: &mut Vec<String>) -> Result<String, Fault> {
        if let Some(name) = name.strip_prefix("env.") {
            let (name, default) = match name.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (name, None),
            };
            return (self.known.var)(name).or_else(|| default.map(str::to_owned)).ok_or_else(
                || Fault {
                    place,
                    message: format!(
                        "the environment has no {name}: set it, or give a default with \
                     `${{env.{name}:-…}}`"
                    ),
                },
            );
        }
        if let Some(value) = self.known.own.get(name) {
            return Ok(value.clone());
        }
        let Some(variable) = self.variables.get(name) else {
            return Err(Fault { place, message: self.unknown(name) });
        };
        if stack.iter().any(|before| before == name) {
            let ring = format!("{} -> {name}", stack.join(" -> "));
            let message = format!("the variable `{name}` stands for itself in the end: {ring}");
            return Err(Fault { place: variable.place, message });
        }
        stack.push(name.to_owned());
        let value = self.text(variable.text, variable.place, stack)?;
        stack.pop();
        Ok(value)
    }

    fn unknown(&self, name: &str) -> String {
        if name.starts_with("target.") {
            return format!(
                "`${{{name}}}` needs the bundled target: the plan has no `target`, or it is not \
                 one of target.url, target.host, target.grpc, target.kubeconfig"
            );
        }
        let names: Vec<&str> = self
            .variables
            .keys()
            .copied()
            .chain(self.known.own.keys().map(String::as_str))
            .collect();
        match near::nearest(name, &names) {
            Some(near) => format!("there is no variable `{name}`: did you mean `{near}`?"),
            None => format!(
                "there is no variable `{name}`: write `${{env.{name}}}` for one of the \
                 environment, `$${{{name}}}` for one of the shell"
            ),
        }
    }
}

fn first_chars(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;
    use plan::suite::Path;

    fn resolved(text: &str) -> Result<Node, (usize, String)> {
        let var = |name: &str| (name == "TOKEN").then(|| "t0k".to_owned());
        let own = BTreeMap::from([("target.url".to_owned(), "http://127.0.0.1:9".to_owned())]);
        let known = Known { var: &var, own };
        resolve(&parse(text).unwrap(), &known).map_err(|fault| (fault.place.line, fault.message))
    }

    #[test]
    fn names_become_what_they_stand_for() {
        let tree = resolved(
            "variables: {base: \"${target.url}/v1\", n: 5}\na: ${base}/x?${env.TOKEN}\n\
             b: ${n}\nc: echo $${HOME} $$ $x\nd: ${env.NONE:-none}\n",
        )
        .unwrap();
        let text = |key: &str| tree.get(key).and_then(Node::text).unwrap().to_owned();
        assert_eq!(text("a"), "http://127.0.0.1:9/v1/x?t0k");
        assert_eq!(tree.get("b").unwrap().to_json(), 5);
        assert_eq!((text("c"), text("d")), ("echo ${HOME} $$ $x".into(), "none".into()));
        assert_eq!(tree.place_of(&Path::root().key("a"), Some(9)).column, 4);
    }

    #[test]
    fn names_that_lead_nowhere_are_told() {
        for (text, line, words) in [
            ("variables: {host: x}\na: ${hots}\n", 2, "did you mean `host`?"),
            ("a: ${HOME}\n", 1, "`$${HOME}` for one of the shell"),
            ("a: ${env.NONE}\n", 1, "the environment has no NONE"),
            ("a: ${open\n", 1, "has no `}`"),
            ("variables:\n  a: ${b}\n  b: ${a}\nc: ${a}\n", 3, "b -> a -> b"),
            ("variables:\n  a: x${a}\nc: 1\n", 2, "stands for itself"),
            ("variables:\n  target.url: x\n", 2, "is taken"),
        ] {
            let (at, message) = resolved(text).unwrap_err();
            assert!(message.contains(words), "{text:?}: {message}");
            assert_eq!(at, line, "{text:?}");
        }
    }
}
