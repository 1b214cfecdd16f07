//! Deployments and the approvals they wait for. There always are more than a hundred pending ones, as in the seed: when
//! reviewers have worked off a part, a pipeline hands in new ones.

use super::{required, text};
use crate::auth::hex_md5;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, VecDeque};

/// Deployments that are kept; the oldest go, and with them their approvals.
const MAX_KEPT: usize = 20_000;
/// The least number of pending approvals.
const BACKLOG: usize = 120;
const RINGS: [&str; 5] = ["LAB", "CANARY", "PILOT", "DEPARTMENT", "GLOBAL"];
/// What the pipeline hands in, in turn.
const APPS: [&str; 5] = ["nginx", "redis", "postgresql", "mongodb", "elasticsearch"];

/// What a reviewer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Approved,
    Rejected,
}

/// All that are kept, by their number.
pub(super) struct Deployments {
    kept: VecDeque<Deployment>,
    /// The number of the oldest one that is kept.
    first: u32,
    pending: BTreeSet<u32>,
}

struct Deployment {
    app_name: String,
    version: String,
    ring: &'static str,
    evidence_pack_id: String,
    submitter: String,
    submitted_unix_ms: u64,
    decision: Option<(Decision, String, String)>,
}

impl Deployments {
    pub(super) fn new() -> Deployments {
        let mut deployments =
            Deployments { kept: VecDeque::new(), first: 1, pending: BTreeSet::new() };
        deployments.refill();
        deployments
    }

    /// How many there ever were.
    pub(super) fn count(&self) -> u64 {
        u64::from(self.next_number()) - 1
    }

    pub(super) fn n_pending(&self) -> usize {
        self.pending.len()
    }

    /// `POST /api/v1/deployments/`.
    pub(super) fn create(
        &mut self,
        fields: &Map<String, Value>,
        user: &str,
    ) -> Result<Value, String> {
        let wanted = required(fields, "target_ring")?;
        let ring = RINGS.into_iter().find(|ring| ring.eq_ignore_ascii_case(wanted));
        let ring = ring.ok_or_else(|| format!("`target_ring` is none of {RINGS:?}: `{wanted}`"))?;
        let number = self.enter(Deployment {
            app_name: required(fields, "app_name")?.to_owned(),
            version: required(fields, "version")?.to_owned(),
            ring,
            evidence_pack_id: text(fields, "evidence_pack_id")?.to_owned(),
            submitter: user.to_owned(),
            submitted_unix_ms: rt::unix_nanos() / 1_000_000,
            decision: None,
        });
        Ok(self.at(number).map_or(Value::Null, |deployment| deployment.to_json(number)))
    }

    /// `GET /api/v1/deployments/`: the newest first.
    pub(super) fn list(&self, offset: usize, limit: usize) -> Value {
        let newest = (self.first..self.next_number()).rev().zip(self.kept.iter().rev());
        let page = newest.skip(offset).take(limit);
        let deployments: Vec<Value> =
            page.map(|(number, deployment)| deployment.to_json(number)).collect();
        json!({ "deployments": deployments, "count": self.count() })
    }

    /// `GET /api/v1/deployments/ID/`.
    pub(super) fn get(&self, id: &str) -> Option<Value> {
        let number = number_of(id)?;
        Some(self.at(number)?.to_json(number))
    }

    /// `GET /api/v1/cab/pending/`: the longest waiting first.
    pub(super) fn pending(&self, offset: usize, limit: usize) -> Value {
        let approvals = self.pending.iter().skip(offset).take(limit).filter_map(|number| {
            let deployment = self.at(*number)?;
            Some(json!({
                "id": id_of(*number),
                "app_name": deployment.app_name,
                "version": deployment.version,
                "target_ring": deployment.ring,
                "submitter": deployment.submitter,
                "submitted_at_ms": deployment.submitted_unix_ms,
            }))
        });
        let approvals: Vec<Value> = approvals.collect();
        json!({ "approvals": approvals, "count": self.pending.len() })
    }

    /// `POST /api/v1/cab/ID/approve/` and `/reject/`; `None` when no such approval is pending (any more).
    pub(super) fn decide(
        &mut self,
        id: &str,
        decision: Decision,
        fields: &Map<String, Value>,
        user: &str,
    ) -> Result<Option<Value>, String> {
        let comments = text(fields, "comments")?.to_owned();
        let Some(number) = number_of(id).filter(|number| self.pending.remove(number)) else {
            return Ok(None);
        };
        let index = (number - self.first) as usize;
        let decided = self.kept.get_mut(index).map(|deployment| {
            deployment.decision = Some((decision, user.to_owned(), comments));
            deployment.to_json(number)
        });
        self.refill();
        Ok(decided)
    }

    /// The number of the next one.
    fn next_number(&self) -> u32 {
        self.first + self.kept.len() as u32
    }

    fn at(&self, number: u32) -> Option<&Deployment> {
        self.kept.get(number.checked_sub(self.first)? as usize)
    }

    fn enter(&mut self, deployment: Deployment) -> u32 {
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
            self.pending.remove(&self.first);
            self.first += 1;
        }
        let number = self.next_number();
        self.kept.push_back(deployment);
        self.pending.insert(number);
        number
    }

    fn refill(&mut self) {
        while self.pending.len() < BACKLOG {
            let number = self.next_number() as usize;
            self.enter(Deployment {
                app_name: APPS[number % APPS.len()].to_owned(),
                version: format!("{}.{}.0", 1 + number % 5, number % 10),
                ring: RINGS[number % RINGS.len()],
                evidence_pack_id: String::new(),
                submitter: "pipeline".to_owned(),
                submitted_unix_ms: rt::unix_nanos() / 1_000_000,
                decision: None,
            });
        }
    }
}

impl Deployment {
    fn to_json(&self, number: u32) -> Value {
        let (status, decided_by, comments) = match &self.decision {
            None => ("AWAITING_CAB", None, None),
            Some((Decision::Approved, user, comments)) => ("APPROVED", Some(user), Some(comments)),
            Some((Decision::Rejected, user, comments)) => ("REJECTED", Some(user), Some(comments)),
        };
        json!({
            "id": id_of(number),
            "app_name": self.app_name,
            "version": self.version,
            "target_ring": self.ring,
            "evidence_pack_id": self.evidence_pack_id,
            "submitter": self.submitter,
            "submitted_at_ms": self.submitted_unix_ms,
            "status": status,
            "decided_by": decided_by,
            "comments": comments,
        })
    }
}

/// In the form of a UUID of version 4. The number is in front, what follows proves it.
fn id_of(number: u32) -> String {
    let proof = hex_md5(format!("squall demo deployment {number}").as_bytes());
    let part = |from: usize, to: usize| proof.get(from..to).unwrap_or_default();
    let (a, b, c, d) = (part(0, 4), part(4, 7), part(7, 10), part(10, 22));
    format!("{number:08x}-{a}-4{b}-a{c}-{d}")
}

fn number_of(id: &str) -> Option<u32> {
    let number = u32::from_str_radix(id.get(..8)?, 16).ok()?;
    (id_of(number) == id).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::super::object;
    use super::*;

    fn order(app: &str) -> Map<String, Value> {
        object(json!({ "app_name": app, "version": "1.2.3", "target_ring": "canary" }))
    }

    #[test]
    fn what_was_created_is_found_listed_and_approved_once() {
        let mut deployments = Deployments::new();
        let made = deployments.create(&order("nginx-1"), "loadtest_user").unwrap();
        let id = made["id"].as_str().unwrap();
        assert_eq!(
            (&made["target_ring"], &made["status"]),
            (&json!("CANARY"), &json!("AWAITING_CAB"))
        );
        assert_eq!(deployments.get(id).unwrap(), made);
        assert_eq!(deployments.list(0, 1)["deployments"][0], made);
        let last = deployments.pending(BACKLOG, 10);
        assert_eq!(last["approvals"][0]["id"], made["id"]);

        let comments = object(json!({ "comments": "fine" }));
        let mut decide = || deployments.decide(id, Decision::Approved, &comments, "cab_approver");
        let approved = decide().unwrap().unwrap();
        assert_eq!(
            (&approved["status"], &approved["comments"]),
            (&json!("APPROVED"), &json!("fine"))
        );
        assert_eq!(decide().unwrap(), None);
        assert_eq!(deployments.get(id).unwrap(), approved);
    }

    #[test]
    fn the_backlog_never_runs_dry() {
        let mut deployments = Deployments::new();
        for _ in 0..3 * BACKLOG {
            let first = deployments.pending(0, 1)["approvals"][0]["id"].clone();
            let id = first.as_str().unwrap();
            let decided = deployments.decide(id, Decision::Rejected, &Map::new(), "cab_approver");
            assert_eq!(decided.unwrap().unwrap()["status"], "REJECTED");
            assert_eq!(deployments.n_pending(), BACKLOG);
        }
        assert_eq!(deployments.count(), 4 * BACKLOG as u64);
    }

    #[test]
    fn a_bounded_number_is_kept() {
        let mut deployments = Deployments::new();
        let first = deployments.pending(0, 1)["approvals"][0]["id"].clone();
        for _ in 0..MAX_KEPT {
            deployments.create(&order("x"), "loadtest_user").unwrap();
        }
        assert_eq!((deployments.kept.len(), deployments.n_pending()), (MAX_KEPT, MAX_KEPT));
        assert_eq!(deployments.get(first.as_str().unwrap()), None);
        assert_eq!(deployments.list(0, 1)["deployments"][0]["app_name"], "x");
    }

    #[test]
    fn wrong_orders_are_named() {
        let mut deployments = Deployments::new();
        for (order, word) in [
            (json!({}), "target_ring"),
            (json!({ "target_ring": "MOON" }), "MOON"),
            (json!({ "target_ring": "PILOT" }), "app_name"),
            (json!({ "target_ring": "PILOT", "app_name": "x" }), "version"),
            (json!({ "target_ring": "PILOT", "app_name": "x".repeat(201) }), "app_name"),
        ] {
            let error = deployments.create(&object(order), "loadtest_user").unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        assert_eq!(number_of(&id_of(7)), Some(7));
        for id in ["", "00000007", "00000007-0000-4000-a000-000000000000", "é"] {
            assert_eq!(number_of(id), None, "{id}");
        }
        assert_eq!(id_of(u32::MAX).len(), 36);
    }
}
