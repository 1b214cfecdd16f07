//! Masters and workers of which one is the real Locust's.

use std::process::{Command, Stdio};

use crate::lab::{Lab, aggregated, free_port};

const FILE: &str = r#"
from locust import HttpUser, constant, events, task
from locust.exception import StopUser
from locust.runners import WorkerRunner

class Plain(HttpUser):
    wait_time = constant(0.02)
    left = 30

    @task
    def get(self):
        self.client.get("/get")
        if self.left == 30:
            self.client.get("/status/404", name="missing")
        self.left -= 1
        if self.left == 0:
            raise StopUser()

@events.quitting.add_listener
def tell(environment, **_):
    if not isinstance(environment.runner, WorkerRunner):
        print("seen", environment.stats.total.num_requests, environment.stats.total.num_failures)
"#;

/// The real Locust of the same environment.
fn real_locust(lab: &Lab, words: &str) -> Command {
    let mut command = Command::new(lab.python());
    command
        .args(["-m", "locust"])
        .args(words.split_whitespace())
        .current_dir(lab.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn a_worker_of_the_real_locust_is_counted_by_our_master() {
    let Some(lab) = Lab::new(FILE) else { return };
    let port = free_port();
    let mut worker = real_locust(&lab, &format!("--worker --master-port {port}")).spawn().unwrap();
    let words = format!(
        "-s 10 -u 3 -r 3 -t 6s --master --master-bind-host 127.0.0.1 --master-bind-port {port} --expect-workers 1 --csv a"
    );
    let ended = lab.headless(&words).run();
    drop(worker.kill());
    worker.wait().unwrap();
    let ended = ended.expect_code(1);
    assert_eq!(aggregated(&ended.stderr), (93, 3), "{}", ended.stderr);
    assert_eq!(ended.stdout, "seen 93 3\n");
    assert_eq!(lab.served(), 93);
    assert!(ended.stderr.contains(" is not Squall's: it makes load at Locust's speed"));
    assert!(ended.stderr.contains("GET missing: HTTPError('404"), "{}", ended.stderr);
    assert!(lab.folder.read("a_stats.csv").contains(",Aggregated,93,3,"));
}

#[test]
fn a_worker_of_ours_is_counted_by_the_real_locusts_master() {
    let Some(lab) = Lab::new(FILE) else { return };
    let port = free_port();
    let worker = lab.squall(&format!("--worker --master-port {port}")).start();
    let master = real_locust(
        &lab,
        &format!(
            "--headless -H {} -s 10 -u 3 -r 3 -t 6s --master --master-bind-host 127.0.0.1 --master-bind-port {port} \
             --expect-workers 1",
            lab.target.url()
        ),
    );
    let ended = { master }.output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(1), "{stderr}");
    assert_eq!(stdout, "seen 93 3\n", "{stderr}");
    assert_eq!(aggregated(&stderr), (93, 3), "{stderr}");
    assert_eq!(lab.served(), 93);
    let worker = worker.wait();
    assert!(!worker.stderr.contains("Type     Name"), "a worker has no tables: {}", worker.stderr);
}
