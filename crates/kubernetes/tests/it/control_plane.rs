//! A real API server, with `SQUALL_KUBERNETES=1`: etcd, kube-apiserver, controllers and scheduler of Debian 12, built once
//! by `scripts/kubernetes.sh`. The test itself is the kubelet and the autoscaler: it writes what they would.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use plan::probe::Kubernetes;
use report::scaling::{LoadSpan, scaling};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::objects::now;
use crate::watching::Watching;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/kubernetes.sh");
const HPA: &str = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web";
const RUNNING: &str = "k8s_pods{phase=Running,namespace=default,selector=app=web}";

/// The control plane; it ends with the test.
struct Plane(PathBuf);

impl Plane {
    fn start() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("plane-{}", std::process::id()));
        let folder_text = folder.to_string_lossy().into_owned();
        let status = Command::new("bash").args([SCRIPT, "start", &folder_text]).status().unwrap();
        assert!(status.success(), "the control plane does not start");
        Self(folder)
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let folder = self.0.to_string_lossy().into_owned();
        let _ = Command::new("bash").args([SCRIPT, "stop", &folder]).status();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whoever may do everything.
struct Admin {
    runtime: Runtime,
    client: Client,
}

impl Admin {
    fn new(kubeconfig: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
            Client::try_from(config).unwrap()
        });
        Self { runtime, client }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &Value,
    ) -> Result<Value, kube::Error> {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let request = request.body(body.to_string().into_bytes()).unwrap();
        self.runtime.block_on(self.client.request(request))
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, "application/json", body).unwrap()
    }

    #[track_caller]
    fn patch(&self, path: &str, body: &Value) -> Value {
        self.send("PATCH", path, "application/merge-patch+json", body).unwrap()
    }

    /// What a kubelet does: starts pods that have a node, removes those that are to go.
    fn keep_pods(&self) {
        let pods =
            self.send("GET", "/api/v1/namespaces/default/pods", "application/json", &json!({}));
        for pod in pods.unwrap()["items"].as_array().unwrap() {
            let path = format!(
                "/api/v1/namespaces/default/pods/{}",
                pod["metadata"]["name"].as_str().unwrap()
            );
            if pod["metadata"]["deletionTimestamp"].is_string() {
                // It may be gone already.
                let _ = self.send(
                    "DELETE",
                    &path,
                    "application/json",
                    &json!({"gracePeriodSeconds": 0}),
                );
            } else if pod["status"]["phase"] == "Pending" && pod["spec"]["nodeName"].is_string() {
                let time = now();
                let status = json!({"status": {
                    "phase": "Running", "startTime": time,
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": time}],
                    "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0, "image": "x",
                        "imageID": "", "state": {"running": {"startedAt": time}}, "lastState": {}}],
                }});
                let _ = self.send(
                    "PATCH",
                    &format!("{path}/status"),
                    "application/merge-patch+json",
                    &status,
                );
            }
        }
    }
}

fn set_up(admin: &Admin) {
    admin.post(
        "/api/v1/nodes",
        &json!({"metadata": {"name": "n1"}, "status": {
            "capacity": {"cpu": "64", "memory": "64Gi", "pods": "100"},
            "allocatable": {"cpu": "64", "memory": "64Gi", "pods": "100"},
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": now()}]}}),
    );
    admin.patch("/api/v1/nodes/n1", &json!({"spec": {"taints": null}}));
    let resources =
        json!({"requests": {"cpu": "200m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}});
    admin.post(
        "/apis/apps/v1/namespaces/default/deployments",
        &json!({"metadata": {"name": "web"}, "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                "automountServiceAccountToken": false,
                "containers": [{"name": "web", "image": "x", "resources": resources}]}}}}),
    );
    admin.post(
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
        &json!({"metadata": {"name": "web"}, "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 2, "maxReplicas": 10, "targetCPUUtilizationPercentage": 70}}),
    );
    let status = json!({"status": {"currentReplicas": 2, "desiredReplicas": 2}});
    admin.patch(&format!("{HPA}/status"), &status);
}

/// What the autoscaler does.
fn scale(admin: &Admin, from: u32, to: u32) {
    let status = json!({"status": {"currentReplicas": from, "desiredReplicas": to, "lastScaleTime": now(),
        "currentCPUUtilizationPercentage": 240}});
    admin.patch(&format!("{HPA}/status"), &status);
    let replicas = json!({"spec": {"replicas": to}});
    admin.patch("/apis/apps/v1/namespaces/default/deployments/web", &replicas);
}

#[test]
fn a_real_control_plane_is_watched_through_rights_scaling_and_a_death() {
    #[allow(clippy::disallowed_methods, reason = "tests may read the environment")]
    let is_wanted = std::env::var("SQUALL_KUBERNETES").as_deref() == Ok("1");
    if !is_wanted {
        return;
    }
    let plane = Plane::start();
    let admin = Admin::new(&plane.0.join("admin.yaml"));
    set_up(&admin);
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, kubeconfig) = (Arc::clone(&stop), plane.0.join("admin.yaml"));
    let kubelet = rt::thread::start("kubelet", move || {
        let kubelet = Admin::new(&kubeconfig);
        while !stopped.load(Ordering::Relaxed) {
            kubelet.keep_pods();
            kubelet
                .runtime
                .block_on(async { tokio::time::sleep(Duration::from_millis(100)).await });
        }
    })
    .unwrap();

    let viewer = std::fs::read_to_string(plane.0.join("viewer.yaml")).unwrap();
    let plan = Kubernetes { hpa: vec!["web".to_owned()], ..Kubernetes::default() };
    let mut seen = Watching::with(&viewer, plan);
    seen.look();
    let error = seen.error.clone().unwrap();
    let can_i = "kubectl auth can-i get horizontalpodautoscalers.autoscaling -n default";
    assert!(error.contains(can_i) && error.contains("User \"viewer\" cannot get"), "{error}");

    admin.post(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
        &json!({"metadata": {"name": "viewer"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "User", "name": "viewer", "apiGroup": "rbac.authorization.k8s.io"}]}),
    );
    seen.until("two pods", |seen| seen.has(RUNNING, 2.0) && !seen.troubles.is_empty());
    assert_eq!(seen.troubles.keys().collect::<Vec<_>>(), ["CPU and memory"], "{:?}", seen.troubles);
    // The first two may have been ready before anybody looked.
    let already = seen.count("pod-ready");
    let began = rt::unix_nanos();
    scale(&admin, 2, 6);
    let are_ready = |seen: &Watching| seen.count("pod-ready") == already + 4;
    seen.until("six pods", |seen| are_ready(seen) && seen.has(RUNNING, 6.0));
    let pod = seen.of_kind("pod-ready").last().unwrap().subject.clone();
    let death = json!({"status": {"containerStatuses": [{"name": "web", "ready": true, "restartCount": 1,
        "image": "x", "imageID": "", "state": {"running": {"startedAt": now()}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": now()}}}]}});
    admin.patch(&format!("/api/v1/namespaces/default/pods/{pod}/status"), &death);
    seen.until("the death", |seen| seen.count("oom-killed") == 1);
    scale(&admin, 6, 2);
    seen.until("two again", |seen| seen.has(RUNNING, 2.0));
    stop.store(true, Ordering::Relaxed);
    kubelet.join().unwrap();

    let reasons: Vec<&str> =
        seen.of_kind("kubernetes-event").map(|event| event.fields["reason"].as_str()).collect();
    for reason in ["ScalingReplicaSet", "Scheduled", "SuccessfulCreate"] {
        assert!(reasons.contains(&reason), "{reason} in {reasons:?}");
    }
    let figures = scaling(&seen.events, LoadSpan { began_unix_ns: began, ended_unix_ns: None });
    let climb = &figures[0].climbs[0];
    assert_eq!((climb.from, climb.to), (2, 6));
    assert!(climb.ready_s.unwrap() >= climb.detect_s, "{climb:?}");
}
