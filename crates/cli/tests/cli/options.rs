//! Where options come from, and which source wins.

use crate::program::{Folder, Program};

const SCRIPT: &str = "
export const options = { iterations: 4, vus: 1 };
export default function () { console.log(`env=${__ENV.WHO}`); }
";

fn run(folder: &Folder, words: &[&str]) -> Program {
    folder.write("t.js", SCRIPT);
    let mut line = vec!["run", "t.js"];
    line.extend(words);
    folder.squall(&line)
}

#[track_caller]
fn check(program: Program, iterations: u32) {
    let text = format!("{iterations} complete and 0 interrupted iterations");
    program.run().expect_code(0).expect_stdout(&text);
}

#[test]
fn flags_beat_the_environment_which_beats_the_script_which_beats_the_config_file() {
    let folder = Folder::new();
    folder.write("c.json", r#"{ "iterations": 7 }"#);
    check(run(&folder, &["-c", "c.json"]), 4);
    check(run(&folder, &["-c", "c.json"]).env("K6_ITERATIONS", "3"), 3);
    check(run(&folder, &["-c", "c.json", "-i", "2"]).env("K6_ITERATIONS", "3"), 2);
    folder.write("plain.js", "export default function () {}");
    check(folder.squall(&["run", "-c", "c.json", "plain.js"]), 7);
    std::fs::create_dir_all(folder.path().join(".config/k6")).unwrap();
    folder.write(".config/k6/config.json", r#"{ "iterations": 6 }"#);
    check(folder.squall(&["run", "plain.js"]), 6);
}

#[test]
fn a_broken_config_file_or_variable_ends_with_104() {
    let folder = Folder::new();
    folder.write("bad.json", "{x");
    run(&folder, &["-c", "bad.json"])
        .run()
        .expect_code(104)
        .expect_stderr("couldn't parse the configuration from");
    run(&folder, &["-c", "/nope.json"])
        .run()
        .expect_code(104)
        .expect_stderr("stat /nope.json: no such file or directory");
    run(&folder, &[]).env("K6_VUS", "x").run().expect_code(104).expect_stderr(
        "envconfig.Process: assigning K6_VUS to VUs: converting 'x' to type null.Int.",
    );
}

#[test]
fn the_script_sees_the_environment_and_flags_override_it() {
    let folder = Folder::new();
    run(&folder, &[]).env("WHO", "system").run().expect_stderr("msg=\"env=system\"");
    run(&folder, &["-e", "WHO=flag"]).env("WHO", "system").run().expect_stderr("msg=\"env=flag\"");
    run(&folder, &["--include-system-env-vars=false"])
        .env("WHO", "system")
        .run()
        .expect_stderr("msg=\"env=undefined\"");
}

#[test]
fn a_script_may_come_from_standard_input() {
    let folder = Folder::new();
    folder
        .squall(&["run", "-"])
        .input("export default function () { console.log('from stdin'); }")
        .run()
        .expect_code(0)
        .expect_stdout("        script: -\n")
        .expect_stderr("msg=\"from stdin\" source=console");
}

#[test]
fn console_lines_go_to_their_own_file_when_asked() {
    let folder = Folder::new();
    let ended = run(&folder, &["--console-output", "out.log", "-i", "1"]).run().expect_code(0);
    assert!(!ended.stderr.contains("env="), "{}", ended.stderr);
    assert!(folder.read("out.log").ends_with("level=info msg=\"env=undefined\"\n"));
}

#[test]
fn the_log_has_the_three_formats_of_k6() {
    let folder = Folder::new();
    run(&folder, &["-i", "1", "--log-format", "raw"]).run().expect_stderr("env=undefined\n");
    run(&folder, &["-i", "1", "--log-format", "json"])
        .run()
        .expect_stderr(r#"{"level":"info","msg":"env=undefined","source":"console","time":""#);
    let ended = run(&folder, &["-i", "1", "--log-output", "file=log.txt,level=info"]).run();
    assert_eq!(ended.stderr, "");
    assert!(folder.read("log.txt").contains("level=info msg=\"env=undefined\" source=console"));
}

#[test]
fn time_scale_shortens_what_the_script_says_and_keeps_rates() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 50, duration: '50s',
             preAllocatedVUs: 2, gracefulStop: '10s' } } };
         export default function () {}",
    );
    folder
        .squall(&["run", "--time-scale", "0.02", "t.js"])
        .run()
        .expect_code(0)
        .expect_stdout("1.2s max duration")
        .expect_stdout("* a: 50.00 iterations/s for 1s (maxVUs: 2, gracefulStop: 200ms)")
        .expect_stdout(" 50 complete and 0 interrupted iterations");
    folder.squall(&["run", "--time-scale", "0", "t.js"]).run().expect_code(255);
}
