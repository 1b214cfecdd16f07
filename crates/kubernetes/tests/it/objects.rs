//! Objects of Kubernetes for tests.

use serde_json::{Value, json};

/// A pod of `app`, ready or not, made just now.
pub(crate) fn pod(name: &str, app: &str, is_ready: bool) -> Value {
    let ready = if is_ready { "True" } else { "False" };
    json!({
        "metadata": {
            "name": name, "namespace": "default", "uid": format!("uid-{name}"),
            "creationTimestamp": now(), "labels": {"app": app},
        },
        "spec": {"nodeName": "n1", "containers": [{
            "name": "app",
            "ports": [{"name": "web", "containerPort": 8000}],
            "resources": {
                "requests": {"cpu": "200m", "memory": "64Mi"},
                "limits": {"cpu": "500m", "memory": "128Mi"},
            },
        }]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": now()}],
            "containerStatuses": [{"name": "app", "restartCount": 0, "ready": is_ready,
                "state": {"running": {"startedAt": now()}}, "lastState": {}}],
        },
    })
}

/// A service `name` with port 80 named `http` that leads to port `web` of the pods of the same app.
pub(crate) fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "ClusterIP", "selector": {"app": name}, "ports": [
            {"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"},
            {"name": "plain", "port": 8080, "targetPort": 8000, "protocol": "TCP"}]},
    })
}

/// The time as Kubernetes writes it.
pub(crate) fn now() -> String {
    let seconds = i64::try_from(rt::unix_nanos() / 1_000_000_000).unwrap();
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}
