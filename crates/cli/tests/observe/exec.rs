//! Databases that are reached by their own clients next to them: `docker exec`, `kubectl exec`, here `env`.

use demo::cluster::{Cluster, ClusterConfig};
use demo::{Target, TargetConfig};

use crate::databases::{PASSWORD, Postgres, Redis};
use crate::kept::Kept;
use crate::program::Folder;
use crate::servers::are_left_out;

#[test]
fn psql_and_redis_cli_next_to_the_server_see_the_same() {
    if are_left_out() {
        return;
    }
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let _bench = postgres.bench(60);
    redis.ask(&[&["SET", "a", "b"]]);
    let folder = Folder::new();
    let probes = serde_json::json!({
        "postgres": [{
            "name": "db",
            "url": format!("postgresql://postgres@/postgres?host={}&port={}", postgres.socket_folder().display(), postgres.port),
            "password_env": "DB_PASSWORD",
            "via": { "exec": "env LC_ALL=C" },
        }],
        "redis": [{
            "name": "cache",
            "password_env": "DB_PASSWORD",
            "via": { "exec": { "command": "env", "client": ["redis-cli", "-p", redis.port.to_string()] } },
        }],
    });
    folder.write("probes.json", &probes.to_string());
    let url = format!("{}/v1/results", target.url());
    let words =
        ["burst", &url, "--rate", "20", "-d", "6s", "--record", "kept", "--observe", "probes.json"];
    let ended = folder.squall(&words).env("DB_PASSWORD", PASSWORD).run().expect_code(0);
    assert!(!ended.stderr.contains("can't be watched"), "{}", ended.stderr);
    let kept = Kept::read(&folder.path().join("kept"));
    for metric in [
        "pg_connections_total",
        "pg_transactions_per_second",
        "pg_query_mean_ms",
        "redis_clients",
        "redis_ops_per_second",
        "redis_slowlog",
    ] {
        assert!(
            !kept.values(metric).is_empty(),
            "no {metric}: {:?} {:?}",
            kept.names(),
            kept.run.events
        );
    }
    assert!(kept.values("pg_connections_total").iter().all(|n| *n >= 1.0 && *n < 10.0));
    assert!(!kept.table("db statements").rows.is_empty());
    kept.table("cache commands");
    assert!(!kept.table("cache slow log").rows.is_empty());
    for probe in ["db", "cache"] {
        assert!(!kept.events("clock", probe).is_empty(), "{:?}", kept.run.events);
    }
    let record = std::fs::read(folder.path().join("kept/run.sqr")).unwrap();
    assert!(!String::from_utf8_lossy(&record).contains(PASSWORD));
}

#[test]
fn a_client_that_is_not_there_or_is_refused_is_told_in_its_words() {
    if are_left_out() {
        return;
    }
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let redis = Redis::start();
    let folder = Folder::new();
    let probes = serde_json::json!({
        "postgres": [
            { "name": "gone", "via": { "exec": { "command": "env", "client": "psql -h 127.0.0.1 -p 9 -U nobody" } } },
            { "name": "absent", "via": { "exec": "no-such-program exec db" } },
        ],
        "redis": [{
            "name": "shut",
            "via": { "exec": { "command": "env", "client": ["redis-cli", "-p", redis.port.to_string()] } },
        }],
    });
    folder.write("probes.json", &probes.to_string());
    let url = format!("{}/v1/results", target.url());
    let words =
        ["burst", &url, "--rate", "20", "-d", "3s", "--record", "kept", "--observe", "probes.json"];
    folder.squall(&words).run().expect_code(0);
    let kept = Kept::read(&folder.path().join("kept"));
    for (probe, part) in [
        ("gone", "Connection refused"),
        ("absent", "can't start `no-such-program`"),
        ("shut", "NOAUTH"),
    ] {
        let failed = kept.events("probe-failed", probe);
        assert!(failed.iter().any(|event| event.text.contains(part)), "{probe}: {failed:?}");
    }
}

#[test]
fn a_client_in_a_pod_is_asked_through_the_api_server() {
    if are_left_out() {
        return;
    }
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let redis = Redis::start();
    let config = ClusterConfig { executes: true, ..ClusterConfig::on_free_port() };
    let cluster = Cluster::start(config).unwrap();
    cluster.put(
        "pods",
        serde_json::json!({
            "metadata": {"name": "cache-0", "namespace": "shop", "uid": "1"},
            "spec": {"containers": [{"name": "redis"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }),
    );
    let folder = Folder::new();
    folder.write("kubeconfig", &cluster.kubeconfig());
    let probes = serde_json::json!({
        "redis": [{
            "name": "cache",
            "password_env": "DB_PASSWORD",
            "via": { "exec": {
                "pod": "cache-0", "namespace": "shop", "container": "redis",
                "client": ["redis-cli", "-p", redis.port.to_string()],
            } },
        }],
    });
    folder.write("probes.json", &probes.to_string());
    let url = format!("{}/v1/results", target.url());
    let words =
        ["burst", &url, "--rate", "20", "-d", "4s", "--record", "kept", "--observe", "probes.json"];
    let program = folder.squall(&words).env("KUBECONFIG", "kubeconfig");
    let ended = program.env("DB_PASSWORD", PASSWORD).run().expect_code(0);
    assert!(!ended.stderr.contains("can't be watched"), "{}", ended.stderr);
    let kept = Kept::read(&folder.path().join("kept"));
    assert!(kept.values("redis_clients").len() >= 2, "{:?} {:?}", kept.names(), kept.run.events);
    let asked = cluster.requests();
    let sessions = asked.iter().filter(|line| line.contains("/pods/cache-0/exec")).count();
    assert_eq!(sessions, 1, "{asked:?}");
}
