//! The syntax of criteria: what is read, what is refused and where.

use plan::criterion::{
    Bound, Criterion, Quantity, Scope, Selection, Statistic, Subject, is_named, matches, parse,
};
use plan::threshold::Operator;
use proptest::prelude::*;
use std::time::Duration;

fn read(text: &str) -> Criterion {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn is(operator: Operator, limit: f64) -> Bound {
    Bound::Is { operator, limit }
}

#[test]
fn every_form_of_the_documentation_is_read() {
    for text in [
        "p(95) < 500ms",
        "p(99) < 500ms marginal < 700ms",
        "error_rate < 1% marginal < 2%",
        "throughput >= 10000/s",
        "median < 200ms",
        "max < 500ms",
        "failures == 0",
        "requests >= 375",
        "p(95){name:\"GET /x\"} < 1s",
        "p(99) < 1s during peak",
        "throughput >= 9000/s every 10s",
        "throughput >= 9000/s every 10s during peak",
        "pg_connections_total in 40..60 during sustained",
        "max(k8s_pod_cpu_limit_ratio) < 70%",
        "k8s_hpa_replicas_current reaches 10",
        "k8s_hpa_replicas_current from 2 to 10",
        "restarts == 0",
        "oom_kills == 0",
        "evictions == 0",
        "log_matches{pattern:pool_timeout} == 0",
        "active_together \"publish intune\", \"publish jamf\", 'publish sccm'",
        "recovery after spike <= 60s",
        "goodput >= 80% of peak after overload",
        "promql \"sum(rate(x{a=\\\"b\\\"}[1m]))\" < 5",
        "max(promql 'up') == 1",
        "dropped == 0",
        "checks > 99%",
        "checks{name:\"status is 200\"} == 100%",
        "success_rate ≥ 98% marginal ≥ 97%",
        "p99.9 <= 1s",
        "p(95)(portfolio_latency) < 400ms",
        "failures == 0 marginal <= 5",
        "last(anything_at_all) > -3.5",
    ] {
        let criterion = read(text);
        assert_eq!(criterion.text, text);
        assert_eq!(read(&format!("  {text} ")), criterion, "blanks around do not matter");
    }
}

#[test]
fn limits_are_in_the_unit_of_what_is_measured() {
    use Operator::{GreaterOrEqual, Less, LessOrEqual};
    for (text, quantity, bound) in [
        ("p(95) < 1.5s", Quantity::Milliseconds, is(Less, 1500.0)),
        ("p(95) < 500", Quantity::Milliseconds, is(Less, 500.0)),
        ("p(95) < 1m30s", Quantity::Milliseconds, is(Less, 90_000.0)),
        ("error_rate < 1%", Quantity::Ratio, is(Less, 0.01)),
        ("error_rate < 0.5", Quantity::Ratio, is(Less, 0.5)),
        ("throughput >= 10,000/s", Quantity::PerSecond, is(GreaterOrEqual, 10_000.0)),
        ("throughput >= 600/m", Quantity::PerSecond, is(GreaterOrEqual, 10.0)),
        ("requests >= 1_234_567", Quantity::Count, is(GreaterOrEqual, 1_234_567.0)),
        ("recovery after spike <= 1m", Quantity::Seconds, is(LessOrEqual, 60.0)),
        ("redis_memory_bytes < 256MiB", Quantity::Bytes, is(Less, 268_435_456.0)),
        ("pg_query_mean_ms < 0.2s", Quantity::Milliseconds, is(Less, 200.0)),
        ("pg_idle_in_transaction_max_s < 5s", Quantity::Seconds, is(Less, 5.0)),
        ("prom_p95 < 500ms", Quantity::Seconds, is(Less, 0.5)),
        ("promql \"x\" < 100ms", Quantity::Seconds, is(Less, 0.1)),
        ("p(95)(trades_latency) < 0.5s", Quantity::Milliseconds, is(Less, 500.0)),
        ("docker_cpu_cores < 1.5", Quantity::Number, is(Less, 1.5)),
        ("pg_connections_total in 40..60", Quantity::Number, Bound::In { low: 40.0, high: 60.0 }),
        ("pg_cache_hit_ratio in 95%..100%", Quantity::Ratio, Bound::In { low: 0.95, high: 1.0 }),
    ] {
        let criterion = read(text);
        assert_eq!((criterion.quantity, criterion.bound), (quantity, bound), "{text}");
    }
}

#[test]
fn the_parts_of_a_criterion_are_kept_apart() {
    let criterion =
        read("p(99){name:\"GET /a, b\", method=GET} < 1s every 10s marginal < 2s during 'at peak'");
    let requests = Selection { name: Some("GET /a, b".into()), method: Some("GET".into()) };
    let statistic = Statistic::Percentile(99.0);
    assert_eq!(criterion.subject, Subject::Latency { statistic, requests });
    assert_eq!(criterion.marginal, Some(is(Operator::Less, 2000.0)));
    let every = Some(Duration::from_secs(10));
    assert_eq!(criterion.scope, Scope { phase: Some("at peak".into()), every });
    assert_eq!(criterion.phases().collect::<Vec<_>>(), ["at peak"]);

    let criterion = read("max(k8s_pod_cpu_limit_ratio{pod:\"api-*\", container:api}) < 70%");
    let Subject::Series { statistic, name, tags } = criterion.subject else { panic!() };
    assert_eq!((statistic, name.as_str()), (Some(Statistic::Max), "k8s_pod_cpu_limit_ratio"));
    assert_eq!(tags, [("pod".into(), "api-*".into()), ("container".into(), "api".into())]);

    let criterion = read("goodput >= 80% of peak after overload marginal >= 60%");
    assert_eq!(criterion.subject, Subject::Goodput { after: "overload".into() });
    assert_eq!(criterion.marginal, Some(is(Operator::GreaterOrEqual, 0.6)));
    assert_eq!(criterion.phases().collect::<Vec<_>>(), ["overload"]);

    let (name, query) =
        read("promql \"up\" == 1").promql().map(|(n, q)| (n, q.to_owned())).unwrap();
    assert_eq!(query, "up");
    assert!(name.starts_with("criterion_") && name.len() == 18, "{name}");
}

#[test]
fn what_is_wrong_is_told_with_its_column() {
    for (text, column, message) in [
        ("", 1, "a criterion is missing"),
        ("p(101) < 5ms", 3, "a percentile is between 0 and 100"),
        ("p(95 < 5ms", 6, "expected `)`"),
        ("p95", 4, "expected a comparison"),
        ("p(95) = 5ms", 7, "equality is written `==`"),
        ("p(95) < ", 8, "expected a number, found nothing"),
        ("p(95) < fast", 9, "expected a number, found `fast`"),
        ("p(95) < 500mss", 12, "unknown unit `mss`"),
        ("p(95) < 5%", 9, "expected a time"),
        (
            "p(95) < 500ms or so",
            15,
            "expected `marginal`, `during`, `every` or the end, found `or`",
        ),
        ("p(95) < 500ms marginal < 300ms", 24, "must be wider"),
        ("p(95) < 500ms marginal > 700ms", 24, "goes another way"),
        ("p(95) < 500ms marginal in 1..2", 24, "another form"),
        ("p(95) < 1s during", 18, "expected the name of a phase, found nothing"),
        ("p(95) < 1s during a during b", 21, "`during` is there twice"),
        ("p(95) < 1s every 10", 18, "a window needs a unit"),
        ("p(95) < 1s every 1ms", 18, "a window lasts from 1s to 24h"),
        ("p(95){nme:x} < 1s", 6, "requests are selected by `name` and `method`"),
        ("p(95){name:} < 1s", 12, "expected the tag's value"),
        ("p(95){name:\"x} < 1s", 12, "this \" has no partner"),
        ("error_rate < 5", 12, "5 is more than all: write 5%"),
        ("error_rate < 0%", 12, "this can never hold"),
        ("success_rate >= 101%", 14, "this can never hold"),
        ("requests >= 10/s", 13, "expected a count"),
        ("failures < 0", 10, "this can never hold"),
        ("eror_rate < 1%", 1, "did you mean `error_rate`?"),
        ("trougput > 5/s", 1, "did you mean `throughput`?"),
        ("latency < 5ms", 1, "which number of `latency`?"),
        ("last < 5", 1, "`last` is for series"),
        ("pg_connections_total in 60..40", 22, "the range is empty"),
        ("pg_connections_total in 40", 27, "expected `..`"),
        ("k8s_hpa_replicas_current from 2 to 2", 26, "is no change"),
        ("max(k8s_hpa_replicas_current) reaches 10", 31, "only a series moves"),
        ("p(95) reaches 10ms", 7, "only a series moves"),
        ("active_together \"a\"", 20, "expected `,` and another name"),
        ("active_together a, a", 20, "`a` is there twice"),
        ("recovery <= 60s", 10, "expected `after`"),
        ("recovery after spike <= 60s during x", 29, "it names its phase already"),
        ("goodput >= 80%", 15, "expected `of`"),
        ("k8s_hpa_replicas_current reaches 10 every 10s", 37, "this happens once"),
        ("promql up < 5", 8, "expected a query in quotes"),
        ("promql '' < 5", 7, "the query is empty"),
        ("  p(x) < 1", 5, "expected a number, found `x)`"),
        ("ü < 1", 1, "expected what is measured"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(error.column, column, "{text}: {error}");
    }
    assert!(parse(&"x".repeat(5_000)).is_err());
}

#[test]
fn names_are_those_of_requests_with_or_without_their_method() {
    for (wanted, method, name, is) in [
        ("GET /a", "GET", "/a", true),
        ("/a", "GET", "/a", true),
        ("GET /a", "POST", "/a", false),
        ("login", "", "login", true),
        ("/api/*", "GET", "/api/x/y", true),
        ("* /api/*", "PUT", "/api/x", true),
        ("/api/*/y", "GET", "/api/y", false),
        ("*", "GET", "", true),
        ("a*b*c", "", "a b c", true),
        ("a*b*c", "", "abd", false),
        ("ab*ba", "", "aba", false),
    ] {
        assert_eq!(is_named(wanted, method, name), is, "{wanted} on {method} {name}");
    }
    assert!(matches("", "") && !matches("", "a") && matches("**", ""));
}

fn amount() -> impl Strategy<Value = (String, f64)> {
    (0u32..100_000, prop::sample::select(vec![("ms", 1.0), ("s", 1e3), ("m", 60e3), ("", 1.0)]))
        .prop_map(|(n, (unit, factor))| (format!("{n}{unit}"), f64::from(n) * factor))
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_within_it(text in "\\PC{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{}", error);
        }
    }

    #[test]
    fn a_letter_too_few_or_too_many_is_no_panic(
        at in any::<prop::sample::Index>(),
        more in proptest::option::of(any::<char>()),
    ) {
        let text = "p(99){name:\"GET /ü\", method:GET} < 1m30s marginal <= 2_000ms every 10s during 'a b'";
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        match more {
            Some(c) => chars.insert(at, c),
            None => { chars.remove(at); }
        }
        let text: String = chars.into_iter().collect();
        if let Err(error) = parse(&text) {
            prop_assert!(error.column <= text.chars().count() + 1, "{}", error);
        }
    }

    #[test]
    fn what_is_written_is_what_is_read(
        percentile in 0u32..=100,
        (limit, limit_ms) in amount(),
        (wide, wide_ms) in amount(),
        phase in "[a-z][a-z0-9_-]{0,8}",
        blanks in " {0,3}",
    ) {
        let text = format!("p({percentile}){blanks}<={blanks}{limit} marginal <= {wide} during {phase}");
        match parse(&text) {
            Ok(criterion) => {
                prop_assert!(wide_ms > limit_ms);
                prop_assert_eq!(criterion.bound, is(Operator::LessOrEqual, limit_ms));
                prop_assert_eq!(criterion.marginal, Some(is(Operator::LessOrEqual, wide_ms)));
                prop_assert_eq!(criterion.scope.phase, Some(phase));
            }
            Err(error) => {
                prop_assert!(wide_ms <= limit_ms, "{}: {}", text, error);
            }
        }
    }
}
