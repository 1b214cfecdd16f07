//! The recorded story, from the real API server's own bytes to series, events and figures.

use std::time::Duration;

use demo::cluster::{Cluster, ClusterConfig, ClusterFault, ClusterHandle, StoryPlan};
use plan::probe::Kubernetes;
use report::scaling::{LoadSpan, scaling};

use crate::watching::Watching;

fn cluster(speed: f64) -> ClusterHandle {
    let plan = StoryPlan { speed, lead: Duration::from_millis(300) };
    Cluster::start(ClusterConfig { story: Some(plan), ..ClusterConfig::on_free_port() }).unwrap()
}

/// Watches the story to its end.
fn watch(cluster: &ClusterHandle, plan: Kubernetes) -> Watching {
    let mut watching = Watching::new(cluster, plan);
    watching.until("the end of the story", |seen| {
        cluster.is_story_over()
            && seen.has("k8s_hpa_replicas_current{hpa=web,namespace=default}", 2.0)
            && seen.has("k8s_pods{phase=Running,namespace=default,selector=app=web}", 2.0)
    });
    watching.finish();
    watching
}

fn plan() -> Kubernetes {
    Kubernetes { hpa: vec!["web".to_owned()], ..Kubernetes::default() }
}

/// What the recording tells, in whatever way it was watched.
#[track_caller]
fn assert_story(seen: &Watching) {
    let field =
        |event: &metrics::Event, name: &str| event.fields.get(name).cloned().unwrap_or_default();
    let steps: Vec<_> =
        seen.of_kind("hpa-scaled").map(|e| (field(e, "from"), field(e, "to"))).collect();
    let step = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(steps, [step("2", "6"), step("6", "10"), step("10", "2")]);
    assert_eq!((seen.count("pod-started"), seen.count("pod-ready")), (8, 8));
    let killed: Vec<_> = seen.of_kind("oom-killed").map(|e| e.subject.as_str()).collect();
    assert_eq!(killed, ["web-b77786d58-bmv8m"]);
    let restarted = seen.of_kind("pod-restarted").next().unwrap();
    assert_eq!(
        (field(restarted, "reason").as_str(), field(restarted, "to").as_str()),
        ("OOMKilled", "1")
    );
    assert_eq!(seen.count("pod-restarted"), 1);
}

#[test]
fn the_recorded_scaling_becomes_series_events_and_figures() {
    let cluster = cluster(10.0);
    let seen = watch(&cluster, plan());
    assert_story(&seen);
    for (metric, value) in [
        ("replicas_current", 6.0),
        ("replicas_current", 10.0),
        ("replicas_desired", 10.0),
        ("replicas_min", 2.0),
        ("replicas_max", 10.0),
    ] {
        let series = format!("k8s_hpa_{metric}{{hpa=web,namespace=default}}");
        assert!(seen.had(&series, value), "{series} {value}");
    }
    assert!(seen.had("k8s_hpa_metric_value{hpa=web,namespace=default,metric=cpu}", 240.0));
    assert!(seen.had("k8s_hpa_metric_target{hpa=web,namespace=default,metric=cpu}", 70.0));
    assert!(seen.had("k8s_deployment_ready{deployment=web,namespace=default}", 10.0));
    assert_eq!(seen.most("k8s_oom_kills"), Some(1.0));
    assert_eq!(seen.most("k8s_pod_restarts"), Some(1.0));
    // 1.4 cores on two pods that asked for 0.2 each, or later on more of them.
    assert!(seen.most("k8s_pod_cpu_request_ratio").unwrap() > 0.49);
    assert_eq!(seen.most("k8s_pod_memory_limit_ratio"), Some(0.625));
    let rescales =
        seen.of_kind("kubernetes-event").filter(|e| e.fields["reason"] == "SuccessfulRescale");
    assert_eq!(rescales.count(), 3);
    assert!(!seen.events.iter().any(|event| event.subject.contains("squall-agents")));
    let names: Vec<&str> = seen.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["cluster autoscalers", "cluster deployments", "cluster pods"]);
    assert_eq!(seen.tables[2].rows.len(), 10);

    let load = LoadSpan { began_unix_ns: seen.began(), ended_unix_ns: None };
    let figures = scaling(&seen.events, load);
    assert_eq!(figures.len(), 1);
    let climb = &figures[0].climbs[0];
    assert_eq!((climb.from, climb.to, figures[0].turns), (2, 10, 1));
    // The stair of 15 s is the longest part of it, as recorded.
    let (ready, pods) = (climb.ready_s.unwrap(), climb.pods_s.unwrap());
    assert!(climb.stair_s < ready && pods < ready, "{climb:?}");
}

#[test]
fn what_is_named_narrows_what_is_asked_for() {
    let cluster = cluster(100.0);
    let seen = watch(&cluster, plan());
    assert!(seen.series.keys().all(|name| !name.contains("squall-agents")));
    let requests = cluster.requests();
    let has = |text: &str| requests.iter().any(|request| request.contains(text));
    assert!(has("/pods?labelSelector=app%3Dweb&watch=true"), "{requests:#?}");
    assert!(
        has("horizontalpodautoscalers?fieldSelector=metadata.name%3Dweb&limit"),
        "{requests:#?}"
    );
    assert!(has("allowWatchBookmarks=true&timeoutSeconds=60&resourceVersion=799"), "{requests:#?}");
}

#[test]
fn a_server_without_the_new_autoscaling_api_is_watched_by_the_old_one() {
    let cluster = cluster(50.0);
    cluster.fail(ClusterFault::NoAutoscalingV2);
    let seen = watch(&cluster, plan());
    assert_story(&seen);
    assert!(seen.had("k8s_hpa_metric_value{hpa=web,namespace=default,metric=cpu}", 240.0));
    assert!(cluster.requests().iter().any(|request| request.contains("/apis/autoscaling/v1/")));
}

#[test]
fn watches_that_are_cut_again_and_again_lose_and_repeat_nothing() {
    let cluster = cluster(10.0);
    for plural in ["pods", "horizontalpodautoscalers", "events", "deployments"] {
        cluster.fail(ClusterFault::Cut(plural.to_owned(), 2));
    }
    let seen = watch(&cluster, plan());
    assert_story(&seen);
    let watches = cluster
        .requests()
        .iter()
        .filter(|r| r.contains("/pods?") && r.contains("watch=true"))
        .count();
    assert!(watches > 10, "{watches}");
}

#[test]
fn a_history_that_is_gone_is_made_up_for_by_a_list() {
    let cluster = cluster(10.0);
    let mut watching = Watching::new(&cluster, plan());
    let mut cut_at = [
        ("six", "k8s_pods{phase=Running,namespace=default,selector=app=web}", 6.0),
        ("ten", "k8s_pods{phase=Running,namespace=default,selector=app=web}", 10.0),
    ]
    .into_iter();
    for (what, series, value) in cut_at.by_ref() {
        watching.until(what, |seen| seen.has(series, value));
        // What was told last may not have been heard: it is in the list.
        cluster.compact();
        cluster.cut_watches();
    }
    watching.until("the end", |seen| {
        cluster.is_story_over()
            && seen.has("k8s_pods{phase=Running,namespace=default,selector=app=web}", 2.0)
    });
    assert_story(&watching);
    let lists =
        cluster.requests().iter().filter(|r| r.contains("/pods?") && r.contains("limit=")).count();
    assert!(lists >= 2, "{lists}");
    assert_eq!((watching.troubles.len(), watching.error.as_ref()), (0, None));
}

#[test]
fn times_of_a_clock_that_is_wrong_are_corrected() {
    for ahead_s in [-3_600_i64, 90] {
        let story = StoryPlan { speed: 10.0, lead: Duration::from_millis(1_500) };
        let config = ClusterConfig {
            story: Some(story),
            clock_ahead_ns: ahead_s * 1_000_000_000,
            ..ClusterConfig::on_free_port()
        };
        let cluster = Cluster::start(config).unwrap();
        let seen = watch(&cluster, plan());
        assert_story(&seen);
        let (from, to) = (seen.began() - 2_000_000_000, rt::unix_nanos() + 2_000_000_000);
        for event in &seen.events {
            assert!((from..to).contains(&event.unix_ns), "{ahead_s}: {event:?}");
        }
    }
}
