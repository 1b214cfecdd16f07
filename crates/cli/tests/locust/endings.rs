//! How a run ends, and what is left of it then.

use std::process::Command;

use crate::lab::{ENDLESS, Lab, PLAIN, aggregated};

#[test]
fn the_codes_are_locusts() {
    let Some(lab) = Lab::new(
        r#"
from locust import HttpUser, constant, events, task

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--mode", default="")

class Codes(HttpUser):
    wait_time = constant(0.1)

    @task
    def get(self):
        mode = self.environment.parsed_options.mode
        self.client.get("/status/500" if mode == "fail" else "/get")
        if mode == "raise":
            raise ValueError("boom in task")

@events.test_start.add_listener
def start(environment, **_):
    if environment.parsed_options.mode == "listener":
        raise ValueError("boom in listener")

@events.quitting.add_listener
def quitting(environment, **_):
    if environment.parsed_options.mode == "own":
        environment.process_exit_code = 42
"#,
    ) else {
        return;
    };
    for (mode, more, code) in [
        ("fine", "", 0),
        ("fail", "", 1),
        ("fail", "--exit-code-on-error 7", 7),
        ("fail", "--exit-code-on-error 0", 0),
        ("raise", "", 1),
        ("listener", "", 2),
        ("own", "", 42),
    ] {
        let ended = lab.run(&format!("-u 1 -t 1s --only-summary --mode {mode} {more}"));
        assert_eq!(ended.code, Some(code), "{mode} {more}:\n{}", ended.stderr);
        let text = format!("Shutting down (exit code {code})");
        assert!(ended.stderr.contains(&text), "{mode}: no {text:?} in:\n{}", ended.stderr);
    }
    let ended = lab.run("-u 1 -t 1s --mode raise --csv a").expect_code(1);
    assert!(ended.stderr.contains("ValueError: boom in task"), "{}", ended.stderr);
    let exceptions = lab.folder.read("a_exceptions.csv");
    assert!(exceptions.contains(",boom in task,\"  File "), "{exceptions}");
    assert!(exceptions.ends_with(",local\r\n"), "{exceptions}");
}

#[test]
fn a_test_without_a_host_has_not_succeeded() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let ended = lab.squall("--headless -u 1 -t 5s").run().expect_code(1);
    assert!(ended.stderr.contains("You must specify the base host"), "{}", ended.stderr);
}

/// A shape that goes on for ever.
const SHAPE: &str = r#"
from locust import HttpUser, LoadTestShape, constant, events, task

class Shaped(HttpUser):
    wait_time = constant(0.02)

    def on_stop(self):
        print("stopped", flush=True)

    @task
    def get(self):
        self.client.get("/get")

class Shape(LoadTestShape):
    def tick(self):
        return 3, 3

@events.quitting.add_listener
def quitting(**_):
    print("quitting", flush=True)
"#;

#[test]
fn a_signal_ends_the_run_in_order_whatever_it_is_doing() {
    for (file, signal) in [
        (ENDLESS, libc::SIGINT),
        (ENDLESS, libc::SIGTERM),
        (SHAPE, libc::SIGTERM),
        (SHAPE, libc::SIGINT),
    ] {
        let Some(lab) = Lab::new(file) else { return };
        let running = lab.headless("-u 3 -r 3 --csv a --html a.html").start();
        let running = lab.wait_for_requests(100, running);
        running.signal(signal);
        let ended = running.wait().expect_code(0);
        assert_eq!(
            aggregated(&ended.stderr).0,
            lab.folder
                .read("a_stats.csv")
                .lines()
                .last()
                .unwrap()
                .split(',')
                .nth(2)
                .unwrap()
                .parse::<u64>()
                .unwrap()
        );
        let (requests, failures) = aggregated(&ended.stderr);
        // Requests that are under way when users are stopped are not recorded, as in Locust.
        assert!(requests >= 100 && requests <= lab.served() && requests + 3 >= lab.served());
        assert_eq!(failures, 0, "{}", ended.stderr);
        assert!(lab.folder.read("a.html").len() > 10_000);
        if file == SHAPE {
            assert_eq!(ended.stdout.matches("stopped\n").count(), 3, "{}", ended.stdout);
            assert_eq!(ended.stdout.matches("quitting\n").count(), 1, "{}", ended.stdout);
        }
    }
}

/// The Python process that a `squall` started.
fn child_of(pid: u32) -> u32 {
    let output =
        Command::new("ps").args(["-o", "pid=", "--ppid", &pid.to_string()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap_or_else(|| panic!("{pid} has no child")).parse().unwrap()
}

#[test]
fn a_killed_python_process_loses_nothing_that_was_reported() {
    let Some(lab) = Lab::new(ENDLESS) else { return };
    let running = lab.headless("-u 3 -r 3 --csv a").start();
    let running = lab.wait_for_requests(300, running);
    let child = child_of(running.pid());
    assert!(Command::new("kill").args(["-9", &child.to_string()]).status().unwrap().success());
    let ended = running.wait();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("was killed by signal 9"), "{}", ended.stderr);
    let (requests, _) = aggregated(&ended.stderr);
    // At most the last report's second is missing, of three users that each make fifty requests a second.
    assert!(requests > 0 && requests + 400 > lab.served(), "{requests} of {}", lab.served());
    assert!(lab.folder.read("a_stats.csv").contains(&format!("Aggregated,{requests},")));
}

#[test]
fn sys_exit_in_a_task_keeps_its_code_and_the_report() {
    let Some(lab) = Lab::new(
        r#"
import sys
from locust import HttpUser, constant, task

class Leaving(HttpUser):
    wait_time = constant(0.05)
    n = 0

    @task
    def get(self):
        self.client.get("/get")
        Leaving.n += 1
        if Leaving.n == 10:
            sys.exit(9)
"#,
    ) else {
        return;
    };
    let ended = lab.run("-u 1").expect_code(9);
    assert_eq!(aggregated(&ended.stderr).0, 10, "{}", ended.stderr);
}
