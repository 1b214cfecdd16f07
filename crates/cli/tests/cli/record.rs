//! What a run leaves behind, also when it is killed.

use crate::program::Folder;

const SCRIPT: &str = "
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';
const cc = new Counter('cc');
export const options = { vus: 2, duration: __ENV.LENGTH || '1s', thresholds: { cc: ['count>0'] } };
export default function () { cc.add(1); console.log('one line'); sleep(0.1); }
";

#[test]
fn the_last_line_of_a_run_is_the_path_of_its_record() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let ended = folder.squall(&["run", "t.js"]).run().expect_code(0);
    let last = ended.stdout.lines().last().unwrap();
    let directory = last.strip_prefix("record: ").unwrap_or_else(|| panic!("{last:?}"));
    assert!(
        directory.starts_with(folder.path().join(".local/share/squall/runs").to_str().unwrap())
    );
    let again = folder.squall(&["report", directory]).run().expect_code(0);
    let section = |text: &str| {
        let from = text.find("█ THRESHOLDS").unwrap_or_else(|| panic!("{text}"));
        let to = text.find("generator ").unwrap();
        text[from..to].to_owned()
    };
    assert_eq!(section(&again.stdout), section(&ended.stdout));
    let newest = folder.squall(&["report"]).run().expect_code(0);
    assert_eq!(newest.stdout, again.stdout);
}

#[test]
fn a_run_without_a_record_says_nothing_of_one() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let ended = folder.squall(&["run", "--no-record", "t.js"]).run().expect_code(0);
    assert!(!ended.stdout.contains("record:"));
    assert!(!folder.path().join(".local").exists());
}

#[test]
fn a_killed_run_can_be_reported_up_to_its_last_second() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let mut running =
        folder.squall(&["run", "--record", "kept", "-e", "LENGTH=60s", "t.js"]).start();
    running.wait_for("running (0m03.");
    running.signal(libc::SIGKILL);
    assert_eq!(running.wait().code, None);
    folder
        .squall(&["report", "kept"])
        .run()
        .expect_code(0)
        .expect_stdout("it was killed")
        .expect_stdout("✓ 'count>0' count=")
        .expect_stdout("iteration_duration");
}

#[test]
fn a_folder_without_a_run_is_named() {
    let folder = Folder::new();
    folder.squall(&["report", "nope"]).run().expect_code(255).expect_stderr("nope");
    folder.squall(&["report"]).run().expect_code(255).expect_stderr("no recorded run in");
}
