//! The commands that talk to a run, and the executor they control.

use std::path::PathBuf;

use crate::client::call;
use crate::operator::script;
use crate::process::{Ended, Process, run};

const CONTROLLED: &str = "
import { sleep } from 'k6';
export const options = { scenarios: { ext: {
  executor: 'externally-controlled', vus: 1, maxVUs: 3, duration: '0',
} } };
export default function () { sleep(0.05); }
";

fn squall() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_squall"))
}

fn tell(process: &Process, words: &[&str]) -> Ended {
    let mut all = words.to_vec();
    all.extend(["--address", process.address()]);
    run(&squall(), &all)
}

#[test]
fn a_run_is_scaled_paused_resumed_and_watched_by_commands() {
    let script = script("controlled.js", CONTROLLED);
    let process = Process::start(&squall(), &["run", "--quiet", &script]);
    process.wait_until("it runs", |status| status["vus"] == 1);

    let scaled = tell(&process, &["scale", "--vus", "3"]);
    assert_eq!(scaled.code, Some(0), "{}", scaled.stderr);
    assert_eq!(
        scaled.stdout,
        "status: 7\npaused: \"false\"\nvus: \"3\"\nvus-max: \"3\"\nstopped: false\nrunning: true\ntainted: false\n"
    );
    let more = tell(&process, &["scale", "-u", "5", "-m", "6"]);
    assert!(more.stdout.contains("vus-max: \"6\""), "{more:?}");
    let fewer = tell(&process, &["scale", "-m", "2"]);
    assert_eq!(fewer.code, Some(255));
    let text = "invalid configuration supplied: the number of active VUs (5) must be less than or equal to the number \
                of maxVUs (2)";
    assert!(fewer.stderr.contains(text), "{}", fewer.stderr);

    let paused = tell(&process, &["pause"]);
    assert!(paused.stdout.contains("paused: \"true\"\nvus: \"0\"\n"), "{paused:?}");
    let again = tell(&process, &["pause"]);
    assert_eq!(again.code, Some(255));
    assert!(again.stderr.contains("Pause error: test execution was already paused"), "{again:?}");
    let resumed = tell(&process, &["resume"]);
    assert!(resumed.stdout.contains("paused: \"false\""), "{resumed:?}");
    process.wait_until("it runs again", |status| status["vus"] == 5);

    let status = tell(&process, &["status"]);
    assert!(status.stdout.starts_with("status: 7\n"), "{status:?}");
    process.wait_until("something is measured", |_| {
        call(process.address(), "GET", "/v1/metrics/vus_max", "").status == 200
    });
    let stats = tell(&process, &["stats"]);
    assert!(stats.stdout.contains("- name: vus_max\n  type:\n    type: gauge\n"), "{stats:?}");

    process.signal(libc::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code, Some(105), "{}", ended.stderr);
    assert!(ended.stdout.contains("iterations"), "{}", ended.stdout);
}

#[test]
fn commands_say_where_they_found_nobody() {
    let nobody = crate::process::free_address();
    let ended = run(&squall(), &["status", "--address", &nobody]);
    assert_eq!(ended.code, Some(255));
    let text = format!(
        "Get \\\"http://{nobody}/v1/status\\\": dial tcp {nobody}: connect: connection refused"
    );
    assert!(ended.stderr.contains(&text), "{}", ended.stderr);
    let nothing = run(&squall(), &["scale", "--address", &nobody]);
    assert!(nothing.stderr.contains("Specify either -u/--vus or -m/--max"), "{}", nothing.stderr);
}
