//! Commands of a plan: what prepares a system for a test and cleans up behind it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::values::Time;

/// A command: a line for the shell, or that with what concerns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The line, as `sh -c` takes it.
    pub run: String,
    /// What the report calls it, if not by its line.
    pub name: Option<String>,
    /// After this time it is ended, and counts as failed.
    pub timeout: Option<Time>,
    /// Variables of its environment.
    pub env: BTreeMap<String, String>,
    /// The folder it runs in, relative to the plan's.
    pub folder: Option<String>,
    /// Whether the suite goes on when it fails.
    pub may_fail: bool,
}

/// The fields of the long form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    run: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    timeout: Option<Time>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    folder: Option<String>,
    #[serde(default)]
    may_fail: bool,
}

impl Command {
    /// What it is called.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.run)
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Command;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command line, or a map with `run`")
            }

            fn visit_str<E: Error>(self, run: &str) -> Result<Command, E> {
                Ok(Command {
                    run: run.to_owned(),
                    name: None,
                    timeout: None,
                    env: BTreeMap::new(),
                    folder: None,
                    may_fail: false,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Command, A::Error> {
                let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Command {
                    run: fields.run,
                    name: fields.name,
                    timeout: fields.timeout,
                    env: fields.env,
                    folder: fields.folder,
                    may_fail: fields.may_fail,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_line_or_a_map() {
        let short: Command = serde_json::from_str("\"make seed\"").unwrap();
        assert_eq!((short.run.as_str(), short.title()), ("make seed", "make seed"));
        let long: Command =
            serde_json::from_str(r#"{"run": "make seed", "name": "users", "timeout": "1m"}"#)
                .unwrap();
        assert_eq!((long.title(), long.timeout.is_some()), ("users", true));
        assert!(serde_json::from_str::<Command>(r#"{"runs": "x"}"#).is_err());
    }
}
