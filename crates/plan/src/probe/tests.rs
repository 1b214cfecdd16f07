use super::*;

const PLAN: &str = r#"{
  "interval": "500ms",
  "prometheus": [{ "name": "prom", "url": "http://127.0.0.1:9090", "preset": "seed-api",
                   "queries": { "rps": "up", "slow": { "promql": "count(up)", "at_end": true } } }],
  "kubernetes": [{ "name": "cluster", "namespace": "calories", "hpa": ["api"], "deployments": "api",
                   "selector": "app=api", "logs": [{ "container": "api", "patterns": { "errors": "ERROR" } }] }],
  "docker": [{ "containers": ["eucora-api", "eucora-db"] }, { "compose": "project" }],
  "postgres": [{ "url": "postgresql://u@h/d", "password_env": "PGPASSWORD" },
               { "via": { "exec": "docker exec -i eucora-db" } },
               { "via": { "exec": { "pod": "db-0", "namespace": "x", "client": ["psql", "-U", "me"] } } }],
  "redis": [{ "url": "redis://h" }],
  "logs": [{ "file": "backend.log", "patterns": { "pool_timeout": "QueuePool timeout" } }]
}"#;

fn read(text: &str) -> Result<Probes, String> {
    let mut probes: Probes = serde_json::from_str(text).map_err(|error| error.to_string())?;
    probes.complete().map_err(|error| error.to_string())?;
    Ok(probes)
}

#[test]
fn a_plan_says_all_of_it_and_survives_being_written() {
    let probes = read(PLAN).unwrap();
    assert_eq!(probes.interval.0, Duration::from_millis(500));
    assert_eq!(probes.len(), 9);
    let queries = probes.prometheus[0].all_queries();
    assert_eq!(queries["rps"].promql, "up", "the plan's own query wins over the preset's");
    assert!(queries["slow"].at_end && queries.contains_key("latency_p95_seconds"));
    assert_eq!(probes.kubernetes[0].deployments, ["api"]);
    let names: Vec<_> = probes.postgres.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["postgres", "postgres-2", "postgres-3"]);
    assert_eq!(probes.docker[1].name, "docker-2");
    assert_eq!(probes.logs[0].name, "backend");
    let Some(Via::Exec(exec)) = &probes.postgres[2].via else { panic!("no exec") };
    assert_eq!(exec.command, ["squall", "k8s", "exec", "-i", "-n", "x", "db-0", "--"]);
    assert_eq!(exec.client, ["psql", "-U", "me"]);
    let written = serde_json::to_string(&probes).unwrap();
    assert_eq!(read(&written).unwrap(), probes);
}

#[test]
fn mistakes_name_their_place() {
    for (text, error) in [
        (r#"{"interval":"1"}"#, "duration `1` lacks its unit, e.g. `1s`"),
        (r#"{"interval":"10ms"}"#, "interval: looks are at least 100ms apart"),
        (r#"{"prometeus":[]}"#, "unknown field `prometeus`"),
        (
            r#"{"prometheus":[{"url":"http://h"}]}"#,
            "prometheus[0]: has neither `queries` nor a `preset`",
        ),
        (
            r#"{"prometheus":[{"url":"http://h","preset":"nod"}]}"#,
            "prometheus[0].preset: unknown preset `nod`; there are seed-api,",
        ),
        (
            r#"{"prometheus":[{"url":"h:9090","preset":"node"}]}"#,
            "prometheus[0].url: `h:9090` is no URL",
        ),
        (r#"{"prometheus":[{"url":"http://","preset":"node"}]}"#, "names no host"),
        (
            r#"{"prometheus":[{"url":"http://h","queries":{"a":""}}]}"#,
            "prometheus[0].queries.a: the query is empty",
        ),
        (r#"{"docker":[{}]}"#, "docker[0]: names neither"),
        (r#"{"postgres":[{}]}"#, "postgres[0]: has neither a `url` nor a `via`"),
        (r#"{"postgres":[{"via":{"forward":"svc/db:5432"}}]}"#, "needs a `url` too"),
        (
            r#"{"postgres":[{"url":"mysql://u:geheim@h"}]}"#,
            "`mysql://u:***@h` has the scheme `mysql`",
        ),
        (r#"{"redis":[{"via":{"exec":[]}}]}"#, "`exec` names no command"),
        (r#"{"redis":[{"via":{"exec":5}}]}"#, "`exec` is a command line, a list of words"),
        (r#"{"logs":[{"file":"a.log"}]}"#, "logs[0]: has no `patterns` to look for"),
        (
            r#"{"logs":[{"file":"a","patterns":{"x":""}}]}"#,
            "logs[0].patterns.x: the pattern is empty",
        ),
        (
            r#"{"redis":[{"name":"a","url":"redis://h"},{"name":"a","url":"redis://h"}]}"#,
            "two are named `a`",
        ),
    ] {
        let found = read(text).unwrap_err();
        assert!(found.contains(error), "{text}: {found}");
    }
}

#[test]
fn words_are_split_as_a_shell_would() {
    for (line, words) in [
        ("a  b", &["a", "b"][..]),
        ("a 'b c' \"d \\\"e\" f\\ g", &["a", "b c", "d \"e", "f g"]),
        ("a'b'c ''", &["abc", ""]),
        ("  ", &[]),
    ] {
        assert_eq!(split_words(line).unwrap(), words, "{line}");
    }
    assert!(split_words("a \"b").is_err());
}

#[test]
fn flags_add_up() {
    let mut all = Probes::default();
    for flag in ["postgres=postgresql://a/b", "postgres=postgresql://c/d", "docker=x"] {
        let flag::Wanted::Probes(probes) = flag::parse(flag).unwrap() else { panic!("{flag}") };
        all.add(*probes);
    }
    all.complete().unwrap();
    assert_eq!((all.len(), all.postgres[1].name.as_str()), (3, "postgres-2"));
}
