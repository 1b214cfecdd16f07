//! Patterns in the logs of containers.

use std::collections::BTreeMap;

use demo::cluster::{Cluster, ClusterConfig, ClusterFault};
use kubernetes::KubernetesProbe;
use plan::probe::{ContainerLog, Kubernetes};

use crate::objects::pod;
use crate::watching::Watching;

fn plan(patterns: &[(&str, &str)]) -> Kubernetes {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let patterns: BTreeMap<String, String> = patterns.iter().map(own).collect();
    let logs = vec![ContainerLog { container: "app".to_owned(), patterns }];
    Kubernetes { logs, ..Kubernetes::default() }
}

#[test]
fn matches_are_counted_over_all_pods_and_through_restarts() {
    let cluster = Cluster::start(ClusterConfig::on_free_port()).unwrap();
    cluster.put("pods", pod("web-1", "web", true));
    cluster.log_line("web-1", "app", "ERROR long before the run");
    let plan = plan(&[("errors", "ERROR"), ("pool", r"QueuePool \w+ timeout")]);
    let mut seen = Watching::new(&cluster, plan);
    let errors = "log_matches{log=app,pattern=errors}";
    seen.until("zero", |seen| seen.has(errors, 0.0) && cluster.watches() >= 5);
    cluster.log_line("web-1", "app", "ERROR one");
    cluster.log_line("web-1", "app", "all is well");
    cluster.log_line("web-1", "app", "QueuePool limit timeout ERROR");
    seen.until("two", |seen| seen.has(errors, 2.0));
    cluster.put("pods", pod("web-2", "web", true));
    cluster.log_line("web-2", "app", "ERROR of another");
    seen.until("three", |seen| seen.has(errors, 3.0));
    // The container restarts: its log ends, and begins again.
    cluster.listen_in_pod("default", "web-1", 8000, None);
    cluster.log_line("web-1", "app", "ERROR after the restart");
    seen.until("four", |seen| seen.has(errors, 4.0));
    assert!(seen.has("log_matches{log=app,pattern=pool}", 1.0));
    let told: Vec<_> =
        seen.of_kind("log-match").map(|e| (e.subject.as_str(), e.text.as_str())).collect();
    assert!(told.contains(&("web-2/app", "ERROR of another")), "{told:?}");
    assert_eq!(told.len(), 5, "{told:?}");
}

#[test]
fn logs_that_may_not_be_read_are_a_trouble_of_their_own() {
    let cluster = Cluster::start(ClusterConfig::on_free_port()).unwrap();
    cluster.put("pods", pod("web-1", "web", true));
    cluster
        .fail(ClusterFault::Forbidden { verb: "get".to_owned(), resource: "pods/log".to_owned() });
    let mut seen = Watching::new(&cluster, plan(&[("errors", "ERROR")]));
    seen.until("the trouble", |seen| seen.troubles.contains_key("logs"));
    let text = &seen.troubles["logs"];
    assert!(text.contains("kubectl auth can-i get pods --subresource=log -n default"), "{text}");
    assert_eq!(seen.error, None);
}

#[test]
fn a_wrong_pattern_is_told_before_anything_starts() {
    let error = KubernetesProbe::new(plan(&[("bad", "(")])).unwrap_err().to_string();
    assert!(error.contains("pattern `bad`"), "{error}");
}
