//! Sessions that wait for a lock, and who holds it.

use metrics::Event;
use plan::probe::redact;
use serde::Deserialize;

use crate::observation::Observation;

/// A session that waits for another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Blocked {
    pid: i64,
    blocker: i64,
    #[serde(default)]
    wait_event: Option<String>,
    #[serde(default)]
    database: Option<String>,
    #[serde(default)]
    running_s: Option<f64>,
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    blocker_query: Option<String>,
    #[serde(default)]
    blocker_state: Option<String>,
    #[serde(default)]
    blocker_application: Option<String>,
}

impl Blocked {
    /// What tells this wait from others.
    pub(super) fn key(&self) -> String {
        format!("{}/{}/{}", self.pid, self.blocker, self.since.as_deref().unwrap_or_default())
    }

    /// As it is told. Values in the statements are left out.
    pub(super) fn event(&self, out: &Observation) -> Event {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let sql = |text: &Option<String>| redact::sql(text.as_deref().unwrap_or_default());
        let waited_s = self.running_s.unwrap_or(0.0).max(0.0);
        let line = format!(
            "session {} has waited {waited_s:.1} s for a lock of session {} ({}): {}",
            self.pid,
            self.blocker,
            self.blocker_state.as_deref().unwrap_or("unknown"),
            sql(&self.query),
        );
        out.new_event("blocked", &text(&self.database), &line)
            .with("pid", self.pid)
            .with("blocker_pid", self.blocker)
            .with("waited_s", format!("{waited_s:.3}"))
            .with("lock", text(&self.wait_event))
            .with("query", sql(&self.query))
            .with("blocker_query", sql(&self.blocker_query))
            .with("blocker_state", text(&self.blocker_state))
            .with("blocker_application", text(&self.blocker_application))
    }
}
