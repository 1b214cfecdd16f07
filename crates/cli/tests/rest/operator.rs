//! What k6-operator does with a runner: start it paused, ask until it is ready, resume it, read its exit code.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::client::call;
use crate::process::{Process, free_address, run};

const RESUME: &str = r#"{"data":{"attributes":{"paused":false},"id":"default","type":"status"}}"#;
const STOP: &str = r#"{"data":{"attributes":{"stopped":true},"id":"default","type":"status"}}"#;

fn squall() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_squall"))
}

/// The binary, called `k6`, in a folder that stays until the tests' folder goes.
pub(crate) fn k6(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let link = folder.join("k6");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(squall(), &link).unwrap();
    link
}

/// A script in a file.
pub(crate) fn script(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_runner_waits_paused_and_ends_with_the_code_of_its_thresholds() {
    let script = script(
        "runner.js",
        "import { sleep } from 'k6';
         export const options = { vus: 3, iterations: 12, thresholds: { iterations: ['count>100'] } };
         export default function () { sleep(0.1); }",
    );
    let runner = Process::start(
        &k6("runner"),
        &[
            "run",
            "--quiet",
            "--execution-segment=0:1/3",
            "--execution-segment-sequence=0,1/3,2/3,1",
            &script,
            "--paused",
            "--tag",
            "instance_id=1",
            "--tag",
            "testrun_name=t",
        ],
    );
    let ready = runner.wait_for_status(4);
    assert_eq!((ready["vus-max"].as_u64(), ready["paused"].as_bool()), (Some(1), Some(true)));
    assert_eq!(call(runner.address(), "PATCH", "/v1/status", RESUME).status, 200);
    let ended = runner.wait();
    assert_eq!(ended.code, Some(99), "{}", ended.stderr);
    assert!(ended.stdout.contains("iterations...........: 4 "), "{}", ended.stdout);
}

#[test]
fn a_run_that_is_stopped_runs_teardown_and_ends_with_103() {
    let script = script(
        "endless.js",
        "import { sleep } from 'k6';
         export const options = { vus: 2, duration: '1h' };
         export default function () { sleep(0.1); }
         export function teardown() { console.log('torn down'); }",
    );
    let runner = Process::start(&squall(), &["run", "--quiet", &script]);
    runner.wait_until("VUs run", |status| status["vus"] == 2);
    let answer = call(runner.address(), "PATCH", "/v1/status", STOP);
    assert!(answer.body.contains("\"stopped\":true"), "{}", answer.body);
    let ended = runner.wait();
    assert_eq!(ended.code, Some(103), "{}", ended.stderr);
    assert!(ended.stderr.contains("torn down"), "{}", ended.stderr);
    assert!(ended.stderr.contains("test run stopped from REST API"), "{}", ended.stderr);
}

#[test]
fn an_address_that_is_taken_ends_the_run_where_the_flag_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let script = script("short.js", "export default function () {}");
    let ended = run(&squall(), &["run", "--quiet", &script, "--address", &address]);
    assert_eq!(ended.code, Some(106), "{}", ended.stderr);
    let text = format!(
        "level=error msg=\"Error from API server\" error=\"listen tcp {address}: bind: address already in use\""
    );
    assert!(ended.stderr.contains(&text), "{}", ended.stderr);
}

#[test]
fn without_an_address_nobody_listens() {
    let script = script("plain.js", "export default function () {}");
    let ended = run(&squall(), &["run", "--quiet", &script, "-v"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("REST API"), "{}", ended.stderr);
}

#[test]
fn a_connection_that_says_nothing_does_not_hold_up_the_end() {
    let script =
        script("quiet.js", "import { sleep } from 'k6'; export default function () { sleep(1); }");
    let runner = Process::start(&squall(), &["run", "--quiet", &script]);
    runner.wait_until("it answers", |_| true);
    let _idle: Vec<std::net::TcpStream> =
        (0..300).filter_map(|_| std::net::TcpStream::connect(runner.address()).ok()).collect();
    let ended = runner.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!free_address().is_empty());
}
