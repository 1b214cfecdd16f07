//! `--out json`.

use std::io::Read;

use serde_json::Value;

use crate::program::Folder;

const SCRIPT: &str = "
import { Trend } from 'k6/metrics';
const t = new Trend('tt', true);
export const options = {
  iterations: 3,
  tags: { run: 'a<b' },
  thresholds: { tt: ['avg<10', { threshold: 'max<9', abortOnFail: true, delayAbortEval: '5s' }], 'tt{k:v}': ['max>0'] },
};
export default function () { t.add(1.5, { k: 'v' }); }
";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_sample_is_a_line_after_the_line_of_its_metric() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    folder
        .squall(&["run", "--out", "json=a.json", "-o", "json=b.json.gz", "t.js"])
        .run()
        .expect_code(0)
        .expect_stdout("output: json (a.json), json (b.json.gz)");
    let text = folder.read("a.json");
    let all = lines(&text);
    let of_tt: Vec<&Value> = all.iter().filter(|line| line["metric"] == "tt").collect();
    assert_eq!(of_tt.len(), 4, "{text}");
    assert_eq!(of_tt[0]["type"], "Metric");
    assert_eq!(
        of_tt[0]["data"],
        serde_json::json!({
            "name": "tt", "type": "trend", "contains": "time",
            "thresholds": ["avg<10", { "threshold": "max<9", "abortOnFail": true, "delayAbortEval": "5s" }],
            "submetrics": [{ "name": "tt{k:v}", "suffix": "k:v", "tags": { "k": "v" } }],
        })
    );
    for point in &of_tt[1..] {
        assert_eq!(point["type"], "Point");
        assert_eq!(point["data"]["value"], 1.5);
        let tags = r#"{"group":"","k":"v","run":"a<b","scenario":"default"}"#;
        assert_eq!(point["data"]["tags"].to_string(), tags);
    }
    let iterations =
        all.iter().filter(|l| l["metric"] == "iterations" && l["type"] == "Point").count();
    assert_eq!(iterations, 3);
    let mut unpacked = String::new();
    let packed = std::fs::File::open(folder.path().join("b.json.gz")).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, text);
}

#[test]
fn the_environment_names_outputs_unless_a_flag_does() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    folder
        .squall(&["run", "t.js"])
        .env("K6_OUT", "json=a.json,json=b.json")
        .run()
        .expect_code(0)
        .expect_stdout("output: json (a.json), json (b.json)");
    folder
        .squall(&["run", "-o", "json=c.json", "t.js"])
        .env("K6_OUT", "json=d.json")
        .run()
        .expect_code(0);
    assert!(folder.path().join("c.json").exists() && !folder.path().join("d.json").exists());
}

#[test]
fn an_output_gets_the_metrics_its_filter_lets_pass() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    folder
        .squall(&["run", "-o", "json@tt+iter*+-*_duration=a.json", "-o", "csv@-tt=b.csv", "t.js"])
        .run()
        .expect_code(0)
        .expect_stdout("output: json (a.json), csv (b.csv)");
    let text = folder.read("a.json");
    let all = lines(&text);
    let points = |name: &str| {
        all.iter().filter(|line| line["metric"] == name && line["type"] == "Point").count()
    };
    assert_eq!((points("tt"), points("iterations"), points("iteration_duration")), (3, 3, 0));
    assert!(all.iter().all(|line| line["metric"] != "data_sent"));
    let csv = folder.read("b.csv");
    assert!(csv.contains("\niterations,") && !csv.contains("\ntt,"), "{csv}");
}

#[test]
fn mistakes_in_outputs_have_k6s_words() {
    for (words, variable, text) in [
        (
            ["-o", "csv=/nope/x.csv"],
            ("A", "b"),
            "could not create the 'csv' output: open /nope/x.csv: no such file or directory",
        ),
        (
            ["-o", "csv=a=b"],
            ("A", "b"),
            r#"could not create the 'csv' output: unknown key \"a\" as argument for csv output"#,
        ),
        (
            ["-o", "influxdb=http://h/d?x=1"],
            ("A", "b"),
            "could not create the 'influxdb' output: unknown query parameter: x",
        ),
        (
            ["-o", "experimental-prometheus-rw"],
            ("K6_PROMETHEUS_RW_TREND_STATS", "zz"),
            "could not create the 'experimental-prometheus-rw' output: invalid trend stat 'zz', unknown format",
        ),
        (["-o", "cloud"], ("A", "b"), "experimental-prometheus-rw, influxdb=URL, opentelemetry"),
    ] {
        let folder = Folder::new();
        folder.write("t.js", SCRIPT);
        let mut line = vec!["run", "t.js"];
        line.extend(words);
        folder.squall(&line).env(variable.0, variable.1).run().expect_code(255).expect_stderr(text);
    }
}

#[test]
fn the_dashboard_is_accepted_with_a_note() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    for (words, variable) in
        [(&["run", "-o", "web-dashboard=port=1", "t.js"][..], ""), (&["run", "t.js"], "true")]
    {
        folder
            .squall(words)
            .env("K6_WEB_DASHBOARD", variable)
            .run()
            .expect_code(0)
            .expect_stderr("the web dashboard is not available in this version of squall")
            .expect_stdout("output: -");
    }
}
