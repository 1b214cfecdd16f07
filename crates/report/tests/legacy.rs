//! `textSummary` on the data a real k6 run handed to `handleSummary`, and on the shape of the
//! summary in the seed `003_…`.

#![allow(clippy::unwrap_used, reason = "test code, its helpers included")]

use serde_json::{Value, json};

fn sample() -> Value {
    serde_json::from_str(include_str!("data/handle_summary_data.json")).unwrap()
}

/// `|` marks the ends of lines, where blanks count.
fn with_ends(text: &str) -> String {
    text.lines().map(|line| format!("{line}|\n")).collect()
}

#[test]
fn checks_stand_above_in_their_groups() {
    let text = report::text_summary(&sample(), " ", false).unwrap();
    let head: Vec<&str> = text.lines().take(9).collect();
    assert_eq!(
        with_ends(&head.join("\n")),
        "     ✓ api ok|
|
     █ home|
|
       ✓ status is 200|
       ✗ body has nope|
        ↳  0% — ✓ 0 / ✗ 30|
|
       █ nested|
"
    );
}

#[test]
fn metrics_line_up_with_marks_where_thresholds_are() {
    let text = report::text_summary(&sample(), " ", false).unwrap();
    assert_eq!(text.lines().count(), 34, "ten lines of groups and one per metric");
    let text = with_ends(&text);
    // Widest name: 28 columns; value: `67.03%`; first extra: `34.512162/s`; second: `max=5`, which
    // is why `✗ 30` has a blank behind it.
    for line in [
        "   ✓ checks.........................: 67.03% ✓ 61        ✗ 30 |",
        "     data_received..................: 29 kB  8.1 kB/s|",
        "     http_req_blocked...............: avg=22.82µs  min=971ns    med=4.58µs   max=1.51ms   \
         p(90)=8.53µs   p(95)=10.5µs  |",
        "   ✗ http_req_duration..............: avg=8.52ms   min=174.02µs med=679.23µs max=31.73ms  \
         p(90)=31.03ms  p(95)=31.08ms |",
        "       { expected_response:true }...: avg=11.28ms  min=174.02µs med=1ms      max=31.73ms  \
         p(90)=31.04ms  p(95)=31.1ms  |",
        "     ✓ { scenario:api }.............: avg=15.67ms  min=251.84µs med=15.62ms  max=31.73ms  \
         p(90)=31.08ms  p(95)=31.18ms |",
        "     http_reqs......................: 122    34.512162/s|",
        "     my_gauge.......................: 5      min=5       max=5|",
        "     vus_max........................: 4      min=4       max=4|",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\nis missing in\n{text}");
    }
}

#[test]
fn the_summary_of_the_seed_comes_out_in_its_form() {
    let data = json!({
        "options": { "summaryTrendStats": ["avg", "min", "med", "max", "p(95)", "p(99)"] },
        "root_group": { "name": "", "groups": [], "checks": [
            { "name": "portfolio status 200", "passes": 4975, "fails": 0 },
            { "name": "portfolio latency <500ms", "passes": 4875, "fails": 150 },
        ]},
        "metrics": {
            "vus": { "type": "gauge", "contains": "default",
                "values": { "value": 100, "min": 0, "max": 100 } },
            "checks": { "type": "rate", "contains": "default",
                "values": { "rate": 0.985, "passes": 9850, "fails": 150 } },
            "data_received": { "type": "counter", "contains": "data",
                "values": { "count": 12_000_000, "rate": 120_000 } },
            "errors": { "type": "rate", "contains": "default",
                "values": { "rate": 0.0085, "passes": 85, "fails": 9915 },
                "thresholds": { "rate<0.01": { "ok": true }, "rate<0.001": { "ok": false } } },
            "http_req_duration": { "type": "trend", "contains": "time", "values": {
                "avg": 145, "min": 23, "med": 120, "max": 890, "p(95)": 320, "p(99)": 450 } },
            "http_reqs": { "type": "counter", "contains": "default",
                "values": { "count": 10_000, "rate": 100.333_333_333 } },
        }
    });
    assert_eq!(
        with_ends(&report::text_summary(&data, "", false).unwrap()),
        "    ✓ portfolio status 200|
    ✗ portfolio latency <500ms|
     ↳  97% — ✓ 4875 / ✗ 150|
|
    checks..............: 98.50% ✓ 9850       ✗ 150  |
    data_received.......: 12 MB  120 kB/s|
  ✗ errors..............: 0.85%  ✓ 85         ✗ 9915 |
    http_req_duration...: avg=145ms min=23ms med=120ms max=890ms p(95)=320ms p(99)=450ms|
    http_reqs...........: 10000  100.333333/s|
    vus.................: 100    min=0        max=100|
"
    );
}

#[test]
fn colours_follow_the_old_palette() {
    let data = json!({
        "root_group": { "name": "", "groups": [], "checks": [
            { "name": "a", "passes": 1, "fails": 0 }, { "name": "b", "passes": 2, "fails": 1 } ] },
        "metrics": {
            "n": { "type": "counter", "contains": "default", "values": { "count": 3, "rate": 1 },
                "thresholds": { "count>5": { "ok": false } } },
            "t": { "type": "trend", "contains": "time", "values": { "avg": 1 } },
        },
        "options": { "summaryTrendStats": ["avg"], "summaryTimeUnit": "us" },
    });
    let text = report::text_summary(&data, "", true).unwrap();
    let text = text.replace('\x1b', "E");
    assert_eq!(
        text,
        "E[32m    ✓ aE[0m
E[31m    ✗ b
     ↳  66% — ✓ 2 / ✗ 1E[0m

  E[31m✗E[0m nE[2m...:E[0m E[36m3E[0m E[36;2m1/sE[0m
    tE[2m...:E[0m avg=E[36m1000.00µsE[0m"
    );
}

#[test]
fn other_shapes_are_refused_by_name() {
    for (data, message) in [
        (json!(5), "the summary data has no object `metrics`"),
        (json!({"metrics": []}), "the summary data has no object `metrics`"),
        (json!({"metrics": {"a": {}}}), "metric `a` of the summary data has no object `values`"),
        (
            json!({"metrics": {"a": {"type": "sum", "values": {}}}}),
            "metric `a` of the summary data has the type `sum`",
        ),
        (json!({"metrics": {}, "root_group": 1}), "a group of the summary data is not an object"),
        (
            json!({"metrics": {}, "root_group": {"checks": [7]}}),
            "a check of the summary data is not an object",
        ),
    ] {
        assert_eq!(report::text_summary(&data, "", false).unwrap_err(), message);
    }
}

#[test]
fn values_a_script_removed_show_as_not_a_number() {
    let data = json!({"metrics": {"a": {"type": "gauge", "contains": "time", "values": {}}}});
    assert_eq!(report::text_summary(&data, "", false).unwrap(), "    a...: NaNs min=NaNs max=NaNs");
}

#[test]
fn endless_nesting_is_refused() {
    let mut group = json!({ "name": "g" });
    for _ in 0..200 {
        group = json!({ "name": "g", "groups": [group] });
    }
    let message = report::text_summary(&json!({ "metrics": {}, "root_group": group }), "", false);
    assert!(message.unwrap_err().contains("nested deeper than 100"));
}
