//! The other commands.

use demo::{Target, TargetConfig};

use crate::program::Folder;

#[test]
fn inspect_prints_the_options_with_nulls() {
    let folder = Folder::new();
    folder.write(
        "t.js",
        "export const options = { vus: 2, duration: '90s', thresholds: { checks: ['rate>0.5'] } };
         export default function () {}",
    );
    let ended = folder.squall(&["inspect", "t.js"]).run().expect_code(0);
    assert!(!ended.stdout.ends_with('\n'));
    assert!(ended.stdout.contains("\"rate\\u003e0.5\""), "{}", ended.stdout);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["vus"], &json["duration"]), (&2.into(), &"1m30s".into()));
    assert!(json["summaryTrendStats"].is_null());
    let ended =
        folder.squall(&["inspect", "--execution-requirements", "t.js"]).run().expect_code(0);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["maxVUs"], &json["totalDuration"]), (&2.into(), &"2m0s".into()));
    folder.squall(&["inspect", "-u", "1", "t.js"]).run().expect_code(255);
}

#[test]
fn doctor_says_what_a_target_answers_and_fails_without_one() {
    let folder = Folder::new();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let url = format!("{}/v1/healthcheck", target.url());
    folder
        .squall(&["doctor", &url])
        .run()
        .expect_stdout("HTTP/1.1 200")
        .expect_stdout("descriptors");
    target.stop();
    folder.squall(&["doctor", &url]).run().expect_code(1).expect_stdout("FAIL  target");
}

#[test]
fn the_demo_needs_nothing_but_itself() {
    let folder = Folder::new();
    folder
        .squall(&["demo", "--time-scale", "0.06"])
        .run()
        .expect_stdout("* growing_users: Up to 20 looping VUs")
        .expect_stdout("█ REQUESTS BY NAME")
        .expect_stdout("prediction answered")
        .expect_stdout("from 2 to 10: ")
        .expect_stdout("verdict: ")
        .expect_stdout("report.html")
        .expect_stdout("The target itself counted");
}

#[test]
fn the_demo_target_serves_until_ctrl_c_and_says_what_it_served() {
    let folder = Folder::new();
    let mut running = folder.squall(&["demo-target", "--listen", "0"]).start();
    let text = running.wait_for("Ctrl-C ends it.");
    let url = text.lines().find(|line| line.contains("http://")).unwrap().trim().to_owned();
    folder.write("t.js", "import http from 'k6/http'; export default function () { http.get(`${__ENV.URL}/v1/results`); }");
    folder
        .squall(&["run", "-q", "-i", "3", "-e", &format!("URL={url}"), "t.js"])
        .run()
        .expect_code(0);
    running.signal(libc::SIGINT);
    running
        .wait()
        .expect_code(0)
        .expect_stdout("3 requests over 1 connections")
        .expect_stdout("3  200 /v1/results");
    folder.squall(&["demo-target", "--delay", "soon"]).run().expect_code(255).expect_stderr("soon");
}

/// What bash would offer at the end of these words, by the script that `squall completion bash` prints.
fn offered(folder: &Folder, program: &str, words: &[&str]) -> Vec<String> {
    let script = format!(
        "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _{program}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let file = format!("{program}.bash");
    let output = std::process::Command::new("bash")
        .args(["--norc", "-c", &script, "bash", &file])
        .args(words)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_leaves_files_to_itself() {
    let folder = Folder::new();
    let script = folder.squall(&["completion", "bash"]).run().expect_code(0).stdout;
    folder.write("squall.bash", &script);
    let script = folder.k6(&["completion", "bash"]).run().expect_code(0).stdout;
    folder.write("k6.bash", &script);
    for (words, expect) in [
        (&["squall", "ru"][..], &["run", "runs"][..]),
        (&["squall", "--quiet", "in"], &["inspect"]),
        (&["squall", "run", "--summary-t"], &["--summary-trend-stats=", "--summary-time-unit="]),
        (&["squall", "run", "--no-vu"], &["--no-vu-connection-reuse"]),
        (&["squall", "run", "t.j"], &[]),
        (&["squall", "completion", ""], &["bash", "zsh", "fish"]),
        (&["squall", "-", "run", "x.js", "--pau"], &["--paused"]),
        (&["squall", "--ver"], &["--verbose", "--version"]),
    ] {
        assert_eq!(offered(&folder, "squall", words), expect, "{words:?}");
    }
    assert_eq!(offered(&folder, "k6", &["k6", "arch"]), ["archive"]);
}

#[test]
fn the_other_shells_get_every_command_and_flag() {
    let folder = Folder::new();
    let help = folder.squall(&["run", "--help"]).run().expect_code(0).stdout;
    let flags: Vec<&str> = help
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .map(|word| word.trim_end_matches(','))
        .filter(|word| *word != "help" && word.chars().all(|c| c == '-' || c.is_alphanumeric()))
        .collect();
    assert!(flags.len() > 40, "{flags:?}");
    for (shell, of) in [("zsh", "--"), ("fish", "-l ")] {
        let script = folder.squall(&["completion", shell]).run().expect_code(0).stdout;
        for flag in &flags {
            let is_there = script
                .match_indices(&format!("{of}{flag}"))
                .any(|(at, found)| script[at + found.len()..].starts_with([' ', '=', '[', '\n']));
            assert!(is_there, "{shell} does not know {flag}");
        }
        for quoted in script.lines() {
            assert_eq!(quoted.replace("\\'", "").matches('\'').count() % 2, 0, "{quoted}");
        }
    }
    folder.squall(&["completion", "csh"]).run().expect_code(255).expect_stderr("csh");
    folder.squall(&["completion"]).run().expect_code(255).expect_stderr("the name of a shell");
}
