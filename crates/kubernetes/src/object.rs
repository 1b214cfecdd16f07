//! The fields of Kubernetes' objects that are read. Everything else in them is skipped, and what may be missing, may be.

pub(crate) mod autoscaler;
pub(crate) mod deployment;
pub(crate) mod event;
pub(crate) mod pod;
pub(crate) mod service;
pub(crate) mod usage;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::stamp::{self, Stamp};

/// What every object has.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    #[serde(deserialize_with = "stamp::lenient")]
    pub(crate) creation_timestamp: Option<Stamp>,
    #[serde(deserialize_with = "stamp::lenient")]
    pub(crate) deletion_timestamp: Option<Stamp>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) owner_references: Vec<Owner>,
}

/// Who made an object.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Owner {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// A condition of a status.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    #[serde(deserialize_with = "stamp::lenient")]
    pub(crate) last_transition_time: Option<Stamp>,
}

/// Go writes empty lists and maps as `null`.
pub(crate) fn nullable<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// A number or a name: ports, percentages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum NumberOrName {
    Number(i64),
    Name(String),
}

/// A selector of pods by labels.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LabelSelector {
    #[serde(deserialize_with = "nullable")]
    pub(crate) match_labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) match_expressions: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Requirement {
    pub(crate) key: String,
    pub(crate) operator: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) values: Vec<String>,
}

impl LabelSelector {
    /// As lists take it: `app=web,tier in (a,b)`; empty if it selects everything.
    pub(crate) fn text(&self) -> String {
        let labels = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let rest = self.match_expressions.iter().map(|requirement| {
            let Requirement { key, operator, values } = requirement;
            match operator.as_str() {
                "NotIn" => format!("{key} notin ({})", values.join(",")),
                "Exists" => key.clone(),
                "DoesNotExist" => format!("!{key}"),
                _ => format!("{key} in ({})", values.join(",")),
            }
        });
        labels.chain(rest).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_objects_become_those_of_lists() {
        let selector: LabelSelector = serde_json::from_str(
            r#"{"matchLabels": {"app": "web"}, "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["a", "b"]},
                {"key": "old", "operator": "DoesNotExist"}, {"key": "x", "operator": "Exists", "values": null}]}"#,
        )
        .unwrap();
        assert_eq!(selector.text(), "app=web,tier in (a,b),!old,x");
        assert_eq!(LabelSelector::default().text(), "");
    }
}
