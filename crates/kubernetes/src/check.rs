//! Whether a cluster can be watched and forwarded from: what `squall doctor` asks.

use std::time::Duration;

use tokio::time::timeout;

use crate::access::{Access, AccessError, Cluster};
use crate::api::{
    AUTOSCALERS, AUTOSCALERS_V1, ApiError, Ask, DEPLOYMENTS, EVENTS, POD_METRICS, PODS, SERVICES,
};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The API server's URL.
    pub server: String,
    /// The namespace that is meant.
    pub namespace: String,
    /// Kubernetes' version: `v1.36.2`.
    pub version: String,
    /// How long the server took to say it, connecting included.
    pub took: Duration,
    /// Whether there is a metrics-server.
    pub has_metrics: bool,
    /// Rights that lack, each as the command that shows it.
    pub lacking: Vec<String>,
}

/// Why nothing could be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No cluster is configured, or not usably.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The API server gives no answer.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It takes too long.
    #[error("the API server does not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The system refuses descriptors.
    #[error("can't ask: {0}")]
    System(String),
}

/// Asks the cluster; returns within `patience`.
///
/// # Errors
/// There is no cluster or no answer.
pub fn check(access: &Access, patience: Duration) -> Result<Checked, CheckError> {
    within(patience, ask(access))
}

/// Runs a question on a runtime of its own, and gives up after `patience`.
pub(crate) fn within<T>(
    patience: Duration,
    ask: impl Future<Output = Result<T, CheckError>>,
) -> Result<T, CheckError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| CheckError::System(error.to_string()))?;
    // The timer is the runtime's: it must be made within.
    let outcome = runtime.block_on(async { timeout(patience, ask).await });
    outcome.unwrap_or(Err(CheckError::TimedOut(patience)))
}

async fn ask(access: &Access) -> Result<Checked, CheckError> {
    let cluster = Cluster::choose(access).await?;
    let begun = rt::now();
    let version = cluster.version().await?;
    let took = rt::now().since(begun);
    let mut lacking = Vec::new();
    let mut has_metrics = true;
    let is_new = cluster.serves("autoscaling/v2").await?;
    let autoscalers = if is_new { AUTOSCALERS } else { AUTOSCALERS_V1 };
    for resource in [PODS, DEPLOYMENTS, autoscalers, EVENTS, SERVICES, POD_METRICS] {
        let answer: Result<serde_json::Value, ApiError> =
            cluster.ask(&Ask::list(resource), &[("limit", "1")]).await;
        match answer {
            Ok(_) => {}
            Err(ApiError::Forbidden { can_i, .. }) => lacking.push(can_i),
            Err(_) if resource == POD_METRICS => has_metrics = false,
            Err(error) => return Err(error.into()),
        }
    }
    let (server, namespace) = (cluster.server().to_owned(), cluster.namespace().to_owned());
    Ok(Checked { server, namespace, version, took, has_metrics, lacking })
}
