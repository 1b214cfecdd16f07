//! What can be in the way: rights, logins, missing parts, slow and broken answers.

use std::time::Duration;

use demo::cluster::{Cluster, ClusterConfig, ClusterFault, ClusterHandle};
use kubernetes::check;
use plan::probe::Kubernetes;
use serde_json::json;

use crate::objects::{now, pod};
use crate::watching::{Kubeconfig, Watching};

const RUNNING: &str = "k8s_pods{phase=Running,namespace=default,selector=}";

fn cluster() -> ClusterHandle {
    let cluster = Cluster::start(ClusterConfig::on_free_port()).unwrap();
    cluster.put("pods", pod("web-1", "web", true));
    cluster
}

fn forbidden(verb: &str, resource: &str) -> ClusterFault {
    ClusterFault::Forbidden { verb: verb.to_owned(), resource: resource.to_owned() }
}

#[test]
fn without_a_metrics_server_everything_else_is_watched() {
    let cluster = cluster();
    cluster.fail(ClusterFault::NoMetrics);
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("the trouble", |seen| seen.has(RUNNING, 1.0) && !seen.troubles.is_empty());
    assert!(seen.troubles["CPU and memory"].contains("no metrics-server"), "{:?}", seen.troubles);
    assert_eq!((seen.error.as_ref(), seen.troubles.len()), (None, 1));
    assert_eq!(seen.most("k8s_pod_cpu_cores"), None);
}

#[test]
fn a_right_that_lacks_is_named_with_the_command_that_checks_it() {
    let cluster = cluster();
    cluster.fail(forbidden("*", "events"));
    cluster.fail(forbidden("list", "pods.metrics.k8s.io"));
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("both troubles", |seen| seen.has(RUNNING, 1.0) && seen.troubles.len() == 2);
    let text = &seen.troubles["events"];
    assert!(text.contains("not allowed to list events in namespace \"default\""), "{text}");
    assert!(text.contains("`kubectl auth can-i list events -n default`"), "{text}");
    assert!(text.contains("User \"system:serviceaccount:default:squall\""), "{text}");
    let text = &seen.troubles["CPU and memory"];
    assert!(text.contains("kubectl auth can-i list pods.metrics.k8s.io -n default"), "{text}");
    assert_eq!(seen.error, None);
}

#[test]
fn where_nothing_may_be_seen_the_probe_as_a_whole_fails() {
    let cluster = cluster();
    for plural in ["pods", "deployments", "horizontalpodautoscalers", "events"] {
        cluster.fail(forbidden("*", plural));
    }
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("the failure", |seen| seen.error.is_some());
    let error = seen.error.unwrap();
    assert!(error.contains("kubectl auth can-i list pods -n default"), "{error}");
}

#[test]
fn what_is_named_and_missing_is_told() {
    let cluster = cluster();
    let plan = Kubernetes { hpa: vec!["web".to_owned()], ..Kubernetes::default() };
    let mut seen = Watching::new(&cluster, plan);
    seen.look();
    let error = seen.error.unwrap();
    assert!(
        error.contains(
            "can't get horizontalpodautoscalers.autoscaling \"web\" in namespace \"default\""
        ),
        "{error}"
    );
}

#[test]
fn a_wrong_token_is_a_refused_login() {
    let config = ClusterConfig { token: "right".to_owned(), ..ClusterConfig::on_free_port() };
    let cluster = Cluster::start(config).unwrap();
    let mut seen = Watching::with(&cluster.kubeconfig_with("wrong"), Kubernetes::default());
    seen.until("the failure", |seen| seen.error.is_some());
    let error = seen.error.unwrap();
    assert!(error.contains("refuses the login") && error.contains("expired"), "{error}");
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("an empty namespace", |seen| seen.has(RUNNING, 0.0));
}

#[test]
fn a_server_that_is_not_there_is_named_and_one_that_comes_back_is_watched_again() {
    let cluster = cluster();
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("the pod", |seen| seen.has(RUNNING, 1.0));
    let address = cluster.address();
    drop(cluster);
    seen.until("the failure", |seen| seen.error.is_some());
    let error = seen.error.clone().unwrap();
    assert!(error.contains(&format!("http://{address} can't be reached")), "{error}");
    assert!(error.to_lowercase().contains("connection refused"), "{error}");
    let config = ClusterConfig { listen: address, ..ClusterConfig::on_free_port() };
    let cluster = Cluster::start(config).unwrap();
    for name in ["web-2", "web-3"] {
        cluster.put("pods", pod(name, "web", true));
    }
    // Its versions are lower than those of before: what the probe asks for is of another life.
    cluster.compact();
    seen.until("the new pods", |seen| seen.error.is_none() && seen.has(RUNNING, 2.0));
}

#[test]
fn slow_answers_delay_and_harm_nothing() {
    let cluster = cluster();
    cluster.fail(ClusterFault::Slow(Duration::from_millis(300)));
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("the pod", |seen| seen.has(RUNNING, 1.0));
    cluster.put("pods", pod("web-2", "web", true));
    seen.until("the second pod", |seen| seen.has(RUNNING, 2.0));
    assert_eq!((seen.troubles.len(), seen.count("pod-started")), (0, 1));
}

#[test]
fn what_is_no_json_is_told_and_asked_for_again() {
    let cluster = cluster();
    cluster.fail(ClusterFault::Garbage("pods".to_owned()));
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("the trouble", |seen| seen.troubles.contains_key("pods"));
    let text = &seen.troubles["pods"];
    assert!(
        text.contains("list pods in namespace \"default\": the answer can't be understood"),
        "{text}"
    );
    cluster.heal();
    seen.until("the pod", |seen| seen.has(RUNNING, 1.0) && seen.troubles.is_empty());
}

#[test]
fn failures_of_the_server_pass() {
    let cluster = cluster();
    cluster.fail(ClusterFault::Status("pods".to_owned(), 500));
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("the trouble", |seen| seen.troubles.contains_key("pods"));
    assert!(seen.troubles["pods"].contains("answered 500: injected"), "{:?}", seen.troubles);
    cluster.heal();
    cluster.fail(ClusterFault::Gone("pods".to_owned()));
    seen.until("a list without a watch", |seen| seen.has(RUNNING, 1.0));
    cluster.heal();
    cluster.put("pods", pod("web-2", "web", true));
    seen.until("the second pod", |seen| seen.has(RUNNING, 2.0) && seen.troubles.is_empty());
}

#[test]
fn a_kubeconfig_that_can_not_be_used_says_why() {
    let cluster = cluster();
    let plan = Kubernetes { context: Some("lab".to_owned()), ..Kubernetes::default() };
    let mut seen = Watching::new(&cluster, plan);
    seen.look();
    let error = seen.error.clone().unwrap();
    assert!(error.contains("no context \"lab\"; it has simulated"), "{error}");
    let mut seen = Watching::with("not: [a kubeconfig", Kubernetes::default());
    seen.look();
    let error = seen.error.unwrap();
    assert!(error.contains("the kubeconfig can't be used"), "{error}");
}

#[test]
fn deaths_evictions_and_lost_readiness_are_told_once() {
    let cluster = cluster();
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("the pod", |seen| seen.has(RUNNING, 1.0));
    let mut sick = pod("web-1", "web", false);
    sick["status"]["containerStatuses"][0] = json!({
        "name": "app", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": now()}},
    });
    cluster.put("pods", sick.clone());
    seen.until("the death", |seen| seen.count("oom-killed") == 1);
    // The same again, as any change of the pod brings it.
    sick["metadata"]["labels"]["seen"] = "twice".into();
    cluster.put("pods", sick);
    let mut evicted = pod("web-2", "web", false);
    evicted["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."});
    cluster.put("pods", evicted);
    seen.until("the eviction", |seen| seen.count("evicted") == 1);
    assert_eq!((seen.count("oom-killed"), seen.count("pod-restarted")), (1, 1));
    assert!(seen.has("k8s_pod_restarts{pod=web-1,container=app}", 2.0));
    assert!(seen.has("k8s_pod_ready{pod=web-1}", 0.0));
    let told = seen.of_kind("oom-killed").next().unwrap();
    assert!(told.text.contains("limit of 128 MiB"), "{}", told.text);
    let lost: Vec<_> =
        seen.of_kind("kubernetes-event").filter(|e| e.fields["reason"] == "NotReady").collect();
    assert_eq!(lost.len(), 1);
    assert!(seen.has("k8s_pods{phase=Failed,namespace=default,selector=}", 1.0));
}

#[test]
fn a_check_tells_version_metrics_and_the_rights_that_lack() {
    let cluster = cluster();
    let kubeconfig = Kubeconfig::new(&cluster.kubeconfig());
    let ask = || check(&kubeconfig.access(), Duration::from_secs(20));
    let found = ask().unwrap();
    assert_eq!((found.version.as_str(), found.namespace.as_str()), ("v1.36.2", "default"));
    assert!(found.has_metrics && found.lacking.is_empty(), "{found:?}");
    cluster.fail(ClusterFault::NoMetrics);
    cluster.fail(forbidden("list", "events"));
    let found = ask().unwrap();
    assert_eq!(found.lacking, ["kubectl auth can-i list events -n default"]);
    assert!(!found.has_metrics);
    drop(cluster);
    let error = ask().unwrap_err().to_string();
    assert!(error.contains("can't be reached"), "{error}");
}

#[test]
fn use_of_cpu_and_memory_is_set_against_requests_and_limits() {
    let cluster = cluster();
    cluster.set_usage("web-1", "app", 0.45, 64 << 20);
    let mut seen = Watching::new(&cluster, Kubernetes::default());
    seen.until("the use", |seen| seen.most("k8s_pod_cpu_cores").is_some());
    for (metric, value) in [
        ("k8s_pod_cpu_cores", 0.45),
        ("k8s_pod_cpu_request_ratio", 2.25),
        ("k8s_pod_cpu_limit_ratio", 0.9),
        ("k8s_pod_memory_bytes", f64::from(64 << 20)),
        ("k8s_pod_memory_limit_ratio", 0.5),
    ] {
        let most = seen.most(metric).unwrap();
        assert!((most - value).abs() < 1e-9, "{metric}: {most}");
    }
}
