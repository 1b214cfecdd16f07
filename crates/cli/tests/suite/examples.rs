//! The example of each seed, from its plan to its verdict, with its times shortened.

use std::path::{Path, PathBuf};

use crate::program::{Ended, Folder};

fn plan(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    path.join("plan.yaml").canonicalize().unwrap().display().to_string()
}

/// The `bin` of the environment with Locust and numpy, as `scripts/locust.sh` makes it.
#[allow(clippy::disallowed_methods)] // tests may read the environment
fn locust_bin() -> Option<PathBuf> {
    let is_on =
        |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0");
    let path = std::env::var_os("SQUALL_LOCUST_PYTHON").filter(|path| !path.is_empty());
    assert!(
        path.is_some() || !is_on("CI") || is_on("SQUALL_NO_LOCUST"),
        "SQUALL_LOCUST_PYTHON names no Python (scripts/locust.sh makes one)"
    );
    path.map(|path| PathBuf::from(path).parent().unwrap().to_owned())
}

/// Runs an example; how fast the machine is is not what is tested, so PASS and MARGINAL will do.
fn run(folder: &Folder, name: &str, time_scale: &str, path: &str) -> Ended {
    let words = ["suite", "run", &plan(name), "--time-scale", time_scale, "--out-dir", "out"];
    let ended = folder.squall(&words).env("PATH", path).env("PYTHONDONTWRITEBYTECODE", "1").run();
    // A counter of errors that never counted has none either; its threshold passes, as under k6.
    let is_blind =
        |line: &str| line.contains("no data") && !line.contains("a threshold without data");
    let blind = ended.stdout.lines().find(|line| is_blind(line));
    assert_eq!(blind, None, "{}\n{}", ended.stdout, ended.stderr);
    ended
}

fn verdict(ended: &Ended) -> &str {
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix("verdict: "));
    line.unwrap_or_else(|| panic!("no verdict:\n{}\n{}", ended.stdout, ended.stderr))
}

#[test]
fn bursts_and_their_autoscaler() {
    let folder = Folder::new();
    let ended = run(&folder, "000-burst-hpa", "0.2", "/usr/bin:/bin");
    assert!(["PASS", "MARGINAL"].contains(&verdict(&ended)), "{}", ended.stdout);
}

#[test]
fn the_inference_api_in_three_loads() {
    let Some(bin) = locust_bin() else { return };
    let folder = Folder::new();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let ended = run(&folder, "001-sentinel", "0.03", &path);
    assert!(["PASS", "MARGINAL"].contains(&verdict(&ended)), "{}", ended.stdout);
}

#[test]
fn adder_totalizer_and_the_way_between() {
    let folder = Folder::new();
    let ended = run(&folder, "002-sumflow", "0.02", "/usr/bin:/bin");
    assert!(["PASS", "MARGINAL"].contains(&verdict(&ended)), "{}", ended.stdout);
    let results = "out/01-adder/results/adder-grpc-results.json";
    assert!(folder.read(results).contains("grpc_req_duration"));
}

#[test]
fn baseline_and_target_capacity() {
    let folder = Folder::new();
    let ended = run(&folder, "003-alphapulse", "0.02", "/usr/bin:/bin");
    assert!(["PASS", "MARGINAL"].contains(&verdict(&ended)), "{}", ended.stdout);
}

#[test]
fn four_scenarios_of_a_backend() {
    let Some(bin) = locust_bin() else { return };
    let folder = Folder::new();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let ended = run(&folder, "004-eucora", "0.03", &path);
    assert!(["PASS", "MARGINAL"].contains(&verdict(&ended)), "{}", ended.stdout);
    let csv = folder.read("out/01-scenario1_deployments/scenario1_deployments_stats.csv");
    assert!(csv.contains("Aggregated"), "{csv}");
}
