//! Forwards to real local servers behind simulated pods.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use demo::cluster::{Cluster, ClusterConfig, ClusterFault, ClusterHandle};
use kubernetes::forward::{Note, Tally};
use kubernetes::{ForwardError, Forwards};
use serde_json::json;

use crate::objects::{pod, service};
use crate::watching::Kubeconfig;

const WAIT: Duration = Duration::from_secs(20);

/// A server that answers each line with its own name and the line, and everything else as it came.
fn server(name: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let name = name.to_owned();
    rt::thread::start("server", move || {
        for conn in listener.incoming() {
            let (Ok(conn), name) = (conn, name.clone()) else { return };
            rt::thread::start("conn", move || echo(conn, &name)).unwrap();
        }
    })
    .unwrap();
    address
}

fn echo(mut conn: TcpStream, name: &str) {
    let mut block = [0; 16 << 10];
    while let Ok(n @ 1..) = conn.read(&mut block) {
        let is_line = n < 100 && block[..n].ends_with(b"\n");
        let named = format!("{name} {}", String::from_utf8_lossy(&block[..n]));
        let answer = if is_line { named.as_bytes() } else { &block[..n] };
        if conn.write_all(answer).is_err() {
            return;
        }
    }
}

fn cluster(pods: &[(&str, Option<SocketAddr>)]) -> ClusterHandle {
    let cluster = Cluster::start(ClusterConfig::on_free_port()).unwrap();
    cluster.put("services", service("web"));
    for (name, address) in pods {
        cluster.put("pods", pod(name, "web", true));
        cluster.listen_in_pod("default", name, 8000, *address);
    }
    cluster
}

struct Opened {
    forwards: Forwards,
    notes: Receiver<Note>,
    _kubeconfig: Kubeconfig,
}

fn try_open(
    cluster: &ClusterHandle,
    specs: &[&str],
    wait: Duration,
) -> Result<Opened, ForwardError> {
    let kubeconfig = Kubeconfig::new(&cluster.kubeconfig());
    let specs: Vec<_> = specs.iter().map(|text| text.parse().unwrap()).collect();
    let (send, notes) = channel();
    let tell = move |note| drop(send.send(note));
    let forwards = Forwards::open(&kubeconfig.access(), &specs, wait, tell)?;
    Ok(Opened { forwards, notes, _kubeconfig: kubeconfig })
}

#[track_caller]
fn open(cluster: &ClusterHandle, specs: &[&str]) -> Opened {
    try_open(cluster, specs, WAIT).unwrap()
}

impl Opened {
    fn address(&self, nth: usize) -> SocketAddr {
        self.forwards.list()[nth].address
    }

    fn tally(&self) -> Tally {
        self.forwards.list()[0].tally()
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let conn = TcpStream::connect(address).unwrap();
    conn.set_read_timeout(Some(WAIT)).unwrap();
    conn
}

/// Says hello on a connection of its own; who answered.
#[track_caller]
fn hello(address: SocketAddr) -> String {
    let mut conn = connect(address);
    ask(&mut conn)
}

#[track_caller]
fn ask(conn: &mut TcpStream) -> String {
    conn.write_all(b"hello\n").unwrap();
    let mut answer = Vec::new();
    let mut block = [0; 100];
    while !answer.ends_with(b"hello\n") {
        let n = conn.read(&mut block).unwrap();
        assert!(n > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&block[..n]);
    }
    String::from_utf8(answer).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn connections_are_spread_over_the_ready_pods_of_a_service() {
    let cluster = cluster(&[("web-1", Some(server("a"))), ("web-2", Some(server("b")))]);
    cluster.put("pods", pod("web-3", "web", false));
    let opened = open(
        &cluster,
        &["svc/web:80", "svc/web:http", "svc/web:8080", "pod/web-1:web", "deploy/web:8000"][..4],
    );
    let names: BTreeSet<String> = (0..6).map(|_| hello(opened.address(0))).collect();
    assert_eq!(names, ["a".to_owned(), "b".to_owned()].into());
    for nth in [1, 2] {
        assert!(["a", "b"].contains(&hello(opened.address(nth)).as_str()));
    }
    assert_eq!(
        (hello(opened.address(3)), hello(opened.address(3))),
        ("a".to_owned(), "a".to_owned())
    );
    assert_eq!(opened.forwards.list()[0].pods, ["web-1", "web-2"]);
    let tally = opened.tally();
    assert_eq!((tally.connections, tally.failed, tally.up_bytes, tally.down_bytes), (6, 0, 36, 48));
}

#[test]
fn a_deployments_pods_are_found_by_its_selector() {
    let cluster = cluster(&[("web-1", Some(server("a")))]);
    cluster.put(
        "deployments",
        json!({"metadata": {"name": "front", "namespace": "default"},
               "spec": {"selector": {"matchLabels": {"app": "web"}}}}),
    );
    let opened = open(&cluster, &["deployment/front:web"]);
    assert_eq!(hello(opened.address(0)), "a");
}

#[test]
fn a_pod_that_restarts_costs_its_open_connections_and_no_new_ones() {
    let cluster = cluster(&[("web-1", Some(server("a")))]);
    let opened = open(&cluster, &["svc/web:80"]);
    let mut kept = connect(opened.address(0));
    assert_eq!(ask(&mut kept), "a");
    // The container dies; Kubernetes has not noticed yet.
    cluster.listen_in_pod("default", "web-1", 8000, None);
    let mut rest = Vec::new();
    // An end or a reset: it is over.
    let _ = kept.read_to_end(&mut rest);
    assert!(rest.is_empty());
    let address = opened.address(0);
    let (send, answered) = channel();
    rt::thread::start("client", move || drop(send.send(hello(address)))).unwrap();
    let retried = opened.notes.iter().find(|note| matches!(note, Note::Retrying { .. })).unwrap();
    assert!(retried.to_string().contains("pod web-1 of svc/web:80"), "{retried}");
    assert!(retried.to_string().contains("connection refused"), "{retried}");
    cluster.listen_in_pod("default", "web-1", 8000, Some(server("a2")));
    assert_eq!(answered.recv_timeout(WAIT).unwrap(), "a2");
}

#[test]
fn a_pod_that_is_replaced_is_forgotten() {
    let cluster = cluster(&[("web-1", Some(server("a")))]);
    let opened = open(&cluster, &["svc/web:80"]);
    assert_eq!(hello(opened.address(0)), "a");
    assert!(cluster.delete("pods", "default", "web-1"));
    cluster.put("pods", pod("web-2", "web", true));
    cluster.listen_in_pod("default", "web-2", 8000, Some(server("b")));
    for _ in 0..3 {
        assert_eq!(hello(opened.address(0)), "b");
    }
}

#[test]
fn what_a_pod_that_refuses_was_sent_goes_to_another() {
    let cluster = cluster(&[("web-1", None), ("web-2", Some(server("b"))), ("web-3", None)]);
    let opened = open(&cluster, &["svc/web:80"]);
    for _ in 0..8 {
        assert_eq!(hello(opened.address(0)), "b");
    }
    assert_eq!(opened.tally().failed, 0);
    assert!(opened.tally().retried > 0);
}

#[test]
fn megabytes_go_through_both_ways_unchanged() {
    let cluster = cluster(&[("web-1", Some(server("a")))]);
    let opened = open(&cluster, &["svc/web:80"]);
    let sent: Vec<u8> =
        (0..5_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut conn = connect(opened.address(0));
    let mut writer = conn.try_clone().unwrap();
    let copy = sent.clone();
    let writing = rt::thread::start("writer", move || writer.write_all(&copy)).unwrap();
    let mut received = vec![0; sent.len()];
    conn.read_exact(&mut received).unwrap();
    writing.join().unwrap().unwrap();
    assert!(received == sent);
}

#[test]
fn one_that_ends_its_side_still_gets_its_answer() {
    let cluster = cluster(&[("web-1", Some(server("a")))]);
    let opened = open(&cluster, &["svc/web:80"]);
    let mut conn = connect(opened.address(0));
    conn.write_all(b"hello\n").unwrap();
    conn.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    conn.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "a hello\n");
}

#[test]
fn pods_that_are_not_ready_yet_are_waited_for() {
    let cluster = Cluster::start(ClusterConfig::on_free_port()).unwrap();
    cluster.put("services", service("web"));
    let kubeconfig = Kubeconfig::new(&cluster.kubeconfig());
    let access = kubeconfig.access();
    let (send, opened) = channel();
    rt::thread::start("opening", move || {
        let specs = ["svc/web:80".parse().unwrap()];
        drop(send.send(Forwards::open(&access, &specs, WAIT, |_| {}).unwrap()));
    })
    .unwrap();
    while !cluster.requests().iter().any(|request| request.contains("/pods?")) {
        assert!(opened.recv_timeout(Duration::from_millis(10)).is_err());
    }
    cluster.put("pods", pod("web-1", "web", true));
    cluster.listen_in_pod("default", "web-1", 8000, Some(server("a")));
    let forwards = opened.recv_timeout(WAIT).unwrap();
    assert_eq!(hello(forwards.list()[0].address), "a");
}

#[test]
fn what_can_not_be_forwarded_says_why_at_once() {
    let cluster = cluster(&[("web-1", Some(server("a")))]);
    let short = Duration::from_millis(100);
    let error = |specs: &[&str]| try_open(&cluster, specs, short).err().unwrap().to_string();
    for (spec, why) in [
        ("svc/web:9999", "service web has no port 9999; it has 80 (http), 8080 (plain)"),
        ("svc/api:80", "can't get services \"api\" in namespace \"default\""),
        ("pod/web-1:8001", "pod web-1 does not take connections on port 8001 (connection refused)"),
        ("pod/web-1:grpc", "web-1 has no port named grpc"),
    ] {
        let text = error(&[spec]);
        assert!(text.contains(why), "{text}");
    }
    cluster.put("pods", pod("web-1", "web", false));
    let text = error(&["svc/web:80"]);
    assert!(text.contains("no pod behind svc/web:80 is ready: web-1 not ready"), "{text}");
    cluster.put("pods", pod("web-1", "web", true));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = error(&[&format!("{}:svc/web:80", taken.local_addr().unwrap().port())]);
    assert!(text.contains("can't be had") && text.contains("in use"), "{text}");
    let resource = "pods/portforward".to_owned();
    cluster.fail(ClusterFault::Forbidden { verb: "create".to_owned(), resource });
    let text = error(&["svc/web:80"]);
    assert!(
        text.contains("kubectl auth can-i create pods --subresource=portforward -n default"),
        "{text}"
    );
}

#[test]
fn closed_forwards_take_no_connections() {
    let cluster = cluster(&[("web-1", Some(server("a")))]);
    let opened = open(&cluster, &["svc/web:80"]);
    let address = opened.address(0);
    let mut kept = connect(address);
    assert_eq!(ask(&mut kept), "a");
    drop(opened);
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(kept.read(&mut [0; 10]).unwrap_or(0), 0);
}
