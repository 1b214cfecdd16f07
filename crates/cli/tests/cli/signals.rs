//! The first and the second Ctrl-C.

use crate::program::Folder;

const SCRIPT: &str = "
import { sleep } from 'k6';
export const options = { vus: 2, duration: '60s' };
export default function () { sleep(0.2); }
export function teardown() { console.log('torn down'); sleep(Number(__ENV.LINGER || 0)); }
";

#[test]
fn the_first_ctrl_c_ends_the_run_in_order_with_105() {
    for (signal, name) in [(libc::SIGINT, "interrupt"), (libc::SIGTERM, "terminated")] {
        let folder = Folder::new();
        folder.write("t.js", SCRIPT);
        let mut running = folder.squall(&["run", "t.js"]).start();
        running.wait_for("running (");
        running.signal(signal);
        let text = format!("test run was aborted because k6 received a '{name}' signal");
        running
            .wait()
            .expect_code(105)
            .expect_stderr("msg=\"torn down\"")
            .expect_stderr(&text)
            .expect_stdout("█ TOTAL RESULTS")
            .expect_stdout(" 2 interrupted iterations");
    }
}

#[test]
fn the_second_ctrl_c_ends_the_process_at_once() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let mut running = folder.squall(&["run", "-e", "LINGER=60", "t.js"]).start();
    running.wait_for("running (");
    running.signal(libc::SIGINT);
    running.wait_for("teardown()");
    running.signal(libc::SIGINT);
    let ended = running
        .wait()
        .expect_code(105)
        .expect_stderr("msg=\"Aborting k6 in response to signal\" sig=interrupt");
    assert!(!ended.stdout.contains("TOTAL RESULTS"), "{}", ended.stdout);
}

#[test]
fn linger_waits_for_ctrl_c_and_keeps_the_code() {
    let folder = Folder::new();
    folder.write("t.js", "export default function () {}");
    let mut running = folder.squall(&["run", "--linger", "t.js"]).start();
    running.wait_for("waiting for Ctrl+C to continue...");
    running.signal(libc::SIGINT);
    running.wait().expect_code(0).expect_stdout("1 complete and 0 interrupted iterations");
}
