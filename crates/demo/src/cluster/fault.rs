//! What goes wrong in the simulated cluster, on demand.

use serde_json::{Value, json};
use std::time::Duration;

/// Something that goes wrong until it is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterFault {
    /// The user may not do this: a verb (`list`, `watch`, `get`, `create`) on a resource (`pods`, `pods/log`), as RBAC
    /// refuses it.
    Forbidden {
        /// The verb; `*` for all.
        verb: String,
        /// The resource's plural, with its part behind a slash.
        resource: String,
    },
    /// There is no metrics-server.
    NoMetrics,
    /// The server is too old for `autoscaling/v2`.
    NoAutoscalingV2,
    /// Every answer takes this long.
    Slow(Duration),
    /// Lists and watches of this resource are not JSON.
    Garbage(String),
    /// Requests for this resource are answered with this status.
    Status(String, u16),
    /// Watches of this resource are answered with `410 Gone` at once.
    Gone(String),
    /// Watches of this resource are cut after this many changes, in the middle of a chunk.
    Cut(String, usize),
}

/// A failure in the form of the API.
pub(super) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

pub(super) fn unauthorized() -> Value {
    status(401, "Unauthorized", "Unauthorized")
}

pub(super) fn gone(oldest: u64, wanted: u64) -> Value {
    status(410, "Expired", &format!("too old resource version: {wanted} ({oldest})"))
}

/// As RBAC says it.
pub(super) fn forbidden(
    verb: &str,
    resource: &str,
    name: &str,
    group: &str,
    namespace: &str,
) -> Value {
    let plural = resource.split('/').next().unwrap_or(resource);
    let object = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
    let dotted = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    let text = format!(
        "{dotted}{object} is forbidden: User \"system:serviceaccount:{namespace}:squall\" cannot {verb} resource \
         \"{resource}\" in API group \"{group}\" in the namespace \"{namespace}\""
    );
    status(403, "Forbidden", &text)
}

pub(super) fn not_found(plural: &str, group: &str, name: &str) -> Value {
    let dotted = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    status(404, "NotFound", &format!("{dotted} \"{name}\" not found"))
}

/// What an API server says of an API that nobody serves.
pub(super) const NO_SUCH_PATH: &str = "404 page not found\n";
