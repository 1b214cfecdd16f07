//! The script of the seed, byte for byte, against the bundled target.

use demo::{Target, TargetConfig};

use crate::program::Folder;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/002-sumflow/k6/scripts/totalizer-http-test.js"
);

fn target() -> demo::TargetHandle {
    Target::start(TargetConfig::on_free_port()).unwrap()
}

#[test]
fn the_seeds_script_passes_with_its_own_scenarios_fifty_times_faster() {
    let (target, folder) = (target(), Folder::new());
    let ended = folder
        .squall(&["run", "--time-scale", "0.02", SCRIPT])
        .env("TOTALIZER_URL", &target.url())
        .run()
        .expect_code(0)
        .expect_stdout("2 scenarios, 200 max VUs")
        .expect_stdout("✓ healthcheck status 200")
        .expect_stdout("█ REQUESTS BY NAME");
    // 200/s for 6 s of the scaled 5 minutes; the other scenario comes on top.
    let served = target.served();
    assert!(served.of_route("/v1/results") >= 1200, "{served:?}");
    let data: serde_json::Value =
        serde_json::from_str(&folder.read("results/totalizer-http-results.json")).unwrap();
    let reqs = &data["metrics"]["http_reqs"]["values"]["count"];
    assert_eq!(reqs.as_u64(), Some(served.completed), "{}", ended.stdout);
}

#[test]
fn the_seeds_script_runs_without_its_scenarios_when_flags_say_what_to_run() {
    let (target, folder) = (target(), Folder::new());
    folder
        .squall(&["run", "--vus", "5", "--duration", "2s", SCRIPT])
        .env("TOTALIZER_URL", &target.url())
        .run()
        .expect_code(0)
        .expect_stdout("* default: 5 looping VUs for 2s (gracefulStop: 30s)")
        .expect_stderr(r#"\"cli\" level configuration overrode scenarios configuration entirely"#);
    assert!(target.served().of_route("/v1/healthcheck") > 0);
    assert!(folder.read("results/totalizer-http-results.json").contains("http_duration"));
}

#[test]
fn the_seeds_script_fails_its_thresholds_when_the_target_is_stopped() {
    let (target, folder) = (target(), Folder::new());
    let url = target.url();
    target.stop();
    folder
        .squall(&["run", "--vus", "2", "--duration", "1s", SCRIPT])
        .env("TOTALIZER_URL", &url)
        .run()
        .expect_code(99)
        .expect_stderr("connection refused")
        .expect_stderr("http_req_failed' have been crossed");
}
