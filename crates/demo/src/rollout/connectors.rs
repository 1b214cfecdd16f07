//! The connectors: they publish a deployment to an execution plane, say where it was published, and remediate.
//!
//! They take any deployment's id, in the form of a UUID, from whoever publishes, and know afterwards what they were told.

use super::{required, text};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, VecDeque};

/// The seed's five execution planes.
pub(super) const PLANES: [&str; 5] = ["INTUNE", "JAMF", "SCCM", "LANDSCAPE", "ANSIBLE"];
/// Deployments whose publications are kept; the oldest go.
const MAX_KEPT: usize = 20_000;

/// What was published where.
pub(super) struct Connectors {
    /// Publications to each plane, by the deployment's id.
    published: HashMap<String, [u32; PLANES.len()]>,
    /// The ids in the order of their first publication.
    order: VecDeque<String>,
    totals: [u64; PLANES.len()],
    remediations: u64,
}

impl Connectors {
    pub(super) fn new() -> Connectors {
        Connectors {
            published: HashMap::new(),
            order: VecDeque::new(),
            totals: [0; PLANES.len()],
            remediations: 0,
        }
    }

    /// `GET /api/v1/connectors/`.
    pub(super) fn list(&self) -> Value {
        let planes = PLANES.iter().zip(self.totals);
        let planes: Vec<Value> = planes
            .map(|(plane, n)| json!({ "plane": plane, "status": "healthy", "publications": n }))
            .collect();
        json!({ "connectors": planes, "remediations": self.remediations })
    }

    /// `POST /api/v1/connectors/publish/`.
    pub(super) fn publish(&mut self, fields: &Map<String, Value>) -> Result<Value, String> {
        let id = deployment_id(fields)?;
        let wanted = required(fields, "target_plane")?;
        let plane = PLANES.iter().position(|plane| plane.eq_ignore_ascii_case(wanted));
        let plane =
            plane.ok_or_else(|| format!("`target_plane` is none of {PLANES:?}: `{wanted}`"))?;
        if !self.published.contains_key(id) {
            if self.order.len() == MAX_KEPT
                && let Some(oldest) = self.order.pop_front()
            {
                self.published.remove(&oldest);
            }
            self.order.push_back(id.to_owned());
        }
        let counts = self.published.entry(id.to_owned()).or_default();
        counts[plane] = counts[plane].saturating_add(1);
        self.totals[plane] += 1;
        Ok(json!({
            "deployment_id": id,
            "target_plane": PLANES[plane],
            "status": "PUBLISHED",
            "publications": counts[plane],
        }))
    }

    /// `GET /api/v1/connectors/status/ID/`.
    pub(super) fn status(&self, id: &str) -> Option<Value> {
        let counts = self.published.get(id)?;
        let reached = PLANES.iter().zip(counts).filter(|(_, n)| **n > 0);
        let planes: Vec<Value> = reached
            .map(|(plane, n)| json!({ "plane": plane, "status": "PUBLISHED", "publications": n }))
            .collect();
        Some(json!({ "deployment_id": id, "planes": planes }))
    }

    /// `POST /api/v1/connectors/remediate/`; `None` when nothing was published for the deployment.
    pub(super) fn remediate(
        &mut self,
        fields: &Map<String, Value>,
    ) -> Result<Option<Value>, String> {
        let id = deployment_id(fields)?;
        let (reason, action) = (text(fields, "reason")?, required(fields, "action")?);
        if !self.published.contains_key(id) {
            return Ok(None);
        }
        self.remediations += 1;
        Ok(Some(json!({
            "deployment_id": id,
            "action": action,
            "reason": reason,
            "status": "REMEDIATED",
        })))
    }
}

fn deployment_id(fields: &Map<String, Value>) -> Result<&str, String> {
    let id = required(fields, "deployment_id")?;
    let is_uuid = id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_uuid { Ok(id) } else { Err(format!("`deployment_id` is not a UUID: `{id}`")) }
}

#[cfg(test)]
mod tests {
    use super::super::object;
    use super::*;

    const ID: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

    #[test]
    fn five_planes_publish_and_say_so() {
        let mut connectors = Connectors::new();
        assert_eq!(connectors.status(ID), None);
        for plane in ["Intune", "JAMF", "SCCM", "Landscape", "ANSIBLE", "jamf"] {
            let order = object(json!({ "deployment_id": ID, "target_plane": plane }));
            assert_eq!(connectors.publish(&order).unwrap()["status"], "PUBLISHED");
        }
        let status = connectors.status(ID).unwrap();
        let of =
            |at: usize| (&status["planes"][at]["plane"], &status["planes"][at]["publications"]);
        assert_eq!(status["planes"].as_array().unwrap().len(), 5);
        assert_eq!(of(1), (&json!("JAMF"), &json!(2)));
        assert_eq!(connectors.list()["connectors"][0]["publications"], 1);
    }

    #[test]
    fn remediation_needs_a_publication() {
        let mut connectors = Connectors::new();
        let repair = object(json!({ "deployment_id": ID, "action": "REINSTALL" }));
        assert_eq!(connectors.remediate(&repair).unwrap(), None);
        let order = object(json!({ "deployment_id": ID, "target_plane": "SCCM" }));
        connectors.publish(&order).unwrap();
        assert_eq!(connectors.remediate(&repair).unwrap().unwrap()["status"], "REMEDIATED");
        assert_eq!(connectors.list()["remediations"], 1);
    }

    #[test]
    fn wrong_orders_are_named() {
        let mut connectors = Connectors::new();
        for (order, word) in [
            (json!({ "target_plane": "SCCM" }), "deployment_id"),
            (json!({ "deployment_id": "7", "target_plane": "SCCM" }), "UUID"),
            (json!({ "deployment_id": ID }), "target_plane"),
            (json!({ "deployment_id": ID, "target_plane": "MARS" }), "MARS"),
        ] {
            assert!(connectors.publish(&object(order)).unwrap_err().contains(word));
        }
    }

    #[test]
    fn a_bounded_number_of_deployments_is_kept() {
        let mut connectors = Connectors::new();
        let id = |n: usize| format!("{n:08x}-0000-4000-a000-000000000000");
        for n in 0..MAX_KEPT + 5 {
            let order = object(json!({ "deployment_id": id(n), "target_plane": "JAMF" }));
            connectors.publish(&order).unwrap();
        }
        assert_eq!((connectors.published.len(), connectors.order.len()), (MAX_KEPT, MAX_KEPT));
        assert!(connectors.status(&id(4)).is_none() && connectors.status(&id(5)).is_some());
    }
}
