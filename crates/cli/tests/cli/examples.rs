//! `squall demo --example`: the folders it writes, and that their scripts pass against the bundled target.

use demo::{Target, TargetConfig};

use crate::program::Folder;

const SUMFLOW: [&str; 6] = [
    "k6/scripts/adder-grpc-test.js",
    "k6/scripts/totalizer-http-test.js",
    "k6/scripts/full-flow-test.js",
    "k6/proto/sum.proto",
    "k6/lib/grpc-client.js",
    "k6/README.md",
];

#[test]
fn sumflow_is_laid_out_with_the_seeds_scripts_byte_for_byte() {
    let folder = Folder::new();
    let ended = folder.squall(&["demo", "--example", "sumflow", "load"]).run().expect_code(0);
    for path in SUMFLOW {
        assert!(ended.stdout.contains(path), "{path}");
        assert!(!folder.read(&format!("load/{path}")).is_empty(), "{path}");
    }
    for script in ["adder-grpc-test", "totalizer-http-test", "full-flow-test"] {
        let fixture = format!(
            "{}/../../examples/002-sumflow/k6/scripts/{script}.js",
            env!("CARGO_MANIFEST_DIR")
        );
        let fixture = std::fs::read_to_string(fixture).unwrap();
        assert_eq!(folder.read(&format!("load/k6/scripts/{script}.js")), fixture);
    }
    // Again is no harm; over something else it is.
    folder.squall(&["demo", "--example", "sumflow", "load"]).run().expect_code(0);
    folder.write("load/k6/README.md", "mine");
    folder
        .squall(&["demo", "--example", "sumflow", "load"])
        .run()
        .expect_code(255)
        .expect_stderr("README.md exists and is not the example's");
    assert_eq!(folder.read("load/k6/README.md"), "mine");
}

#[test]
fn unknown_examples_are_named_with_the_known_ones() {
    let folder = Folder::new();
    folder
        .squall(&["demo", "--example", "nope"])
        .run()
        .expect_code(255)
        .expect_stderr("there is no example \\\"nope\\\"")
        .expect_stderr("sumflow, alphapulse");
    folder.squall(&["demo", "--example", "sumflow", "a", "b"]).run().expect_code(255);
}

#[test]
fn the_baseline_logs_in_and_prints_the_legacy_summary_of_the_seed() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    folder.squall(&["demo", "--example", "alphapulse"]).run().expect_code(0);
    let base = format!("BASE_URL={}", target.url());
    // How quick the machine is is not what is tested.
    let mut args = vec!["run", "--summary-mode", "legacy", "--no-thresholds"];
    args.extend(["--vus", "10", "--duration", "3s"]);
    args.extend(["--out", "json=results.json", "--env", &base, "baseline-test.js"]);
    let ended = folder.squall(&args).run().expect_code(0);
    for text in [
        "✓ login successful",
        "✓ token received",
        "✓ portfolio status 200",
        "portfolio latency <500ms",
        "checks.........................: ",
        "data_received..................:",
        "data_sent......................:",
        "errors.........................: ",
        "http_req_duration..............: avg=",
        "http_reqs......................:",
        "portfolio_latency..............: avg=",
        "trades_latency.................: avg=",
        "p(99)=",
    ] {
        assert!(ended.stdout.contains(text), "{text} not in\n{}", ended.stdout);
    }
    let served = target.served();
    assert_eq!(served.of_route("/api/auth/login"), 10, "{served:?}");
    assert!(served.of_route("/api/trades") > 0, "{served:?}");
    assert!(folder.read("results.json").contains("\"metric\":\"portfolio_latency\""));
}

#[test]
fn target_capacity_ramps_to_five_hundred_users_and_keeps_its_mix() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    folder.squall(&["demo", "--example", "alphapulse"]).run().expect_code(0);
    let base = format!("BASE_URL={}", target.url());
    let words = ["run", "--time-scale", "0.01", "--no-thresholds", "--env", &base];
    let mut args = words.to_vec();
    args.push("target-capacity-test.js");
    folder
        .squall(&args)
        .run()
        .expect_code(0)
        .expect_stdout("Up to 500 looping VUs")
        .expect_stdout("✓ signals status 200")
        .expect_stdout("✓ create trade status 201");
    let served = target.served();
    let of = |route: &str| served.of_route(route) as f64;
    let all = of("/api/portfolio") + of("/api/trades") + of("/api/positions") + of("/api/signals");
    assert!(all > 500.0, "{served:?}");
    // 45 of 100 are trades, read or made; several hundred requests make that sure within a tenth.
    assert!((of("/api/trades") / all - 0.45).abs() < 0.1, "{served:?}");
}

#[test]
fn the_seeds_scripts_of_grpc_pass_against_the_target_and_write_their_results() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    folder.squall(&["demo", "--example", "sumflow"]).run().expect_code(0);
    let adder = format!("ADDER_ADDR={}", target.grpc_addr().unwrap());
    let totalizer = format!("TOTALIZER_URL={}", target.url());
    for (script, checked, metrics) in [
        ("adder-grpc-test", "sum is correct", &["grpc_req_duration", "grpc_duration"][..]),
        ("full-flow-test", "", &["grpc_req_duration", "e2e_latency", "http_req_duration"]),
    ] {
        // How quick the machine is is not what is tested.
        let path = format!("k6/scripts/{script}.js");
        let words =
            ["run", "--time-scale", "0.01", "--no-thresholds", "--summary-export", "out.json"];
        let words = [&words[..], &["--env", &adder, "--env", &totalizer, &path]].concat();
        let ended = folder.squall(&words).run().expect_code(0);
        assert!(ended.stdout.contains(checked), "{}", ended.stdout);
        assert!(!ended.stderr.contains("level=error"), "{}", ended.stderr);
        let export: serde_json::Value = serde_json::from_str(&folder.read("out.json")).unwrap();
        for metric in metrics {
            assert!(export["metrics"][metric].is_object(), "{script}: {metric} in {export}");
        }
        assert_eq!(export["metrics"]["checks"]["fails"], 0, "{script}");
    }
    let results: serde_json::Value =
        serde_json::from_str(&folder.read("results/adder-grpc-results.json")).unwrap();
    assert!(results["metrics"]["grpc_req_duration"]["values"]["p(95)"].is_number());
}
