//! Servers that close, lie, stall and flood.

use demo::{Target, TargetConfig};

use super::squall::{Folder, fixture, shared};

#[test]
fn every_fault_of_a_server_is_a_clean_error_in_the_script_and_a_failed_request() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let ended = folder.run(&fixture("hostile.js"), &target.url(), &["-q"]).wait().expect(0);
    // [what was asked for, status, error code, start of the error's text]: k6 2.2's, but for the headers, where we have
    // a limit of 1024 and k6 has one of 10 MB.
    let expected = [
        r#"["close=before",0,1000,"EOF"]"#,
        r#"["close=mid-head",0,1000,"unexpected EOF"]"#,
        r#"["close=mid-body",0,1000,"unexpected EOF"]"#,
        r#"["close=reset",0,1220,"read: connection reset by peer"]"#,
        r#"["close=garbage",0,1000,"malformed HTTP status code \"not\""]"#,
        r#"["close=never",0,1050,"request timeout"]"#,
        r#"["headers=10000",0,1000,"response has more than 1024 headers"]"#,
        r#"["headers=100000",0,1000,"response has more than 1024 headers"]"#,
        r#"["delay=2s",0,1050,"request timeout"]"#,
        r#"["size=100000&rate=10000",0,1050,"request timeout"]"#,
        r#"["",200,0,""]"#,
    ];
    assert_eq!(ended.said(), expected, "{}", ended.stderr);
    assert!(ended.stdout.contains("90.90% 10 out of 11"), "{}", ended.stdout);
    assert_eq!(ended.count("http_reqs"), 11);
    assert!(ended.peak_rss < 200 << 20, "{} MiB", ended.peak_rss >> 20);
}

#[test]
fn a_server_that_only_fails_fails_the_thresholds_and_not_the_program() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let script = folder.script(
        "import http from 'k6/http';
         export const options = { vus: 20, iterations: 2000, thresholds: { http_req_failed: ['rate<0.01'] } };
         const faults = ['before', 'mid-head', 'mid-body', 'reset', 'garbage'];
         export default function () {
           http.get(`${__ENV.URL}/v1/results?close=${faults[__ITER % faults.length]}`);
         }",
    );
    let ended = folder.run(&script, &target.url(), &["-q"]).wait().expect(99);
    assert_eq!((ended.count("http_reqs"), ended.count("iterations")), (2000, 2000));
    assert!(ended.stdout.contains("100.00% 2000 out of 2000"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("thresholds on metrics 'http_req_failed' have been crossed"),
        "{}",
        ended.stderr
    );
}

#[test]
fn burst_counts_the_faults_of_a_server_by_kind() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    for fault in ["before", "mid-head", "mid-body", "reset", "garbage"] {
        let url = format!("{}/v1/results?close={fault}", target.url());
        let words = ["burst", &url, "--requests", "100", "--concurrency", "4", "--json", "-q"];
        let ended = folder.squall(&words).wait();
        let json: serde_json::Value = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        assert_eq!(json["issued"], 100, "{json}");
        assert_eq!(json["ok"], 0, "{json}");
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}
