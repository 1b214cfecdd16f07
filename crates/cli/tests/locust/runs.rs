//! What a run measures and prints.

use crate::lab::{ENDLESS, Lab, PLAIN, aggregated, free_port, processes};

#[test]
fn a_headless_run_prints_locusts_tables_and_counts_what_the_target_counted() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let ended = lab.run("-u 5 -r 5 -t 2s").expect_code(0);
    assert_eq!(aggregated(&ended.stderr), (150, 0), "{}", ended.stderr);
    assert_eq!(lab.served(), 150);
    for text in [
        "/INFO/locust.main: Starting Locust 2.",
        "/INFO/locust.main: Run time limit set to 2 seconds",
        "/INFO/locust.runners: Ramping to 5 users at a rate of 5.00 per second",
        "/INFO/locust.runners: All users spawned: {\"Plain\": 5} (5 total users)",
        "/INFO/locust.main: --run-time limit reached, shutting down",
        "/INFO/locust.main: Shutting down (exit code 0)",
        "\nType     Name    ",
        "\nGET      /get ",
        "\nResponse time percentiles (approximated)\n",
    ] {
        assert!(ended.stderr.contains(text), "no {text:?} in:\n{}", ended.stderr);
    }
    // The tables of Locust have neither of these lines.
    assert!(ended.stderr.contains("\nSquall: p50 "), "{}", ended.stderr);
    assert!(ended.stderr.contains("\nGenerator "), "{}", ended.stderr);
}

#[test]
fn called_as_locust_it_prints_only_what_locust_prints() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let words = format!("--headless -H {} -s 10 -u 2 -r 2 -t 1s --only-summary", lab.target.url());
    let ended = lab.locust(&words).run().expect_code(0);
    assert!(!ended.stderr.to_lowercase().contains("squall"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("Generator"), "{}", ended.stderr);
    // One table of requests only.
    assert_eq!(ended.stderr.matches("Type     Name").count(), 2, "{}", ended.stderr);
    assert_eq!(aggregated(&ended.stderr).0, lab.served());
}

#[test]
fn failures_are_counted_and_listed() {
    let Some(lab) = Lab::new(
        r#"
from locust import HttpUser, constant, task

class Failing(HttpUser):
    wait_time = constant(0.05)

    @task
    def missing(self):
        self.client.get("/status/404", name="/missing")

    @task
    def unwanted(self):
        with self.client.get("/get", name="unwanted", catch_response=True) as response:
            response.failure("not what was wanted")
"#,
    ) else {
        return;
    };
    let ended = lab.run("-u 4 -r 4 -t 2s").expect_code(1);
    let (requests, failures) = aggregated(&ended.stderr);
    assert_eq!(requests, failures, "{}", ended.stderr);
    assert!(requests > 10 && requests <= lab.served() && requests + 4 >= lab.served());
    for text in [
        "Error report\n",
        "GET unwanted: not what was wanted",
        "GET /missing: HTTPError('404 Client Error: ",
        "Shutting down (exit code 1)",
    ] {
        assert!(ended.stderr.contains(text), "no {text:?} in:\n{}", ended.stderr);
    }
}

#[test]
fn events_of_custom_clients_are_counted() {
    let Some(lab) = Lab::new(
        r#"
from locust import User, constant, events, task

class Custom(User):
    wait_time = constant(0.05)

    @task
    def fire(self):
        events.request.fire(
            request_type="QUEUE", name="put", response_time=123.4, response_length=7, exception=None, context={}
        )

@events.quitting.add_listener
def tell(environment, **_):
    total = environment.stats.total
    print("seen", total.num_requests, round(total.avg_response_time, 1), total.total_content_length)
"#,
    ) else {
        return;
    };
    let ended = lab.run("-u 3 -r 3 -t 1s").expect_code(0);
    let (requests, _) = aggregated(&ended.stderr);
    assert!(requests > 10, "{}", ended.stderr);
    assert!(ended.stderr.contains("\nQUEUE    put "), "{}", ended.stderr);
    assert_eq!(ended.stdout, format!("seen {requests} 123.4 {}\n", requests * 7));
}

#[test]
fn statistics_start_anew_when_all_users_are_there() {
    let Some(lab) = Lab::new(ENDLESS) else { return };
    let ended = lab.run("-u 4 -r 2 -t 4s --reset-stats").expect_code(0);
    let (requests, _) = aggregated(&ended.stderr);
    assert!(ended.stderr.contains("Resetting stats"), "{}", ended.stderr);
    assert!(requests > 20 && requests + 20 < lab.served(), "{requests} of {}", lab.served());
}

#[test]
fn a_master_and_a_worker_of_another_start_make_one_result() {
    let Some(lab) = Lab::new(
        r#"
from locust import HttpUser, constant, events, task
from locust.exception import StopUser

class Plain(HttpUser):
    wait_time = constant(0.02)
    left = 30

    @task
    def get(self):
        self.client.get("/get")
        self.left -= 1
        if self.left == 0:
            raise StopUser()

@events.quitting.add_listener
def tell(environment, **_):
    print("seen", environment.stats.total.num_requests)
"#,
    ) else {
        return;
    };
    let port = free_port();
    let worker = lab.squall(&format!("--worker --master-port {port}")).start();
    let words = format!(
        "-s 10 -u 3 -r 3 -t 5s --master --master-bind-host 127.0.0.1 --master-bind-port {port} \
         --expect-workers 1 --csv a"
    );
    let ended = lab.headless(&words).run().expect_code(0);
    assert_eq!(aggregated(&ended.stderr), (90, 0), "{}", ended.stderr);
    assert_eq!(lab.served(), 90);
    // Locust's own statistics in the master have the same numbers.
    assert_eq!(ended.stdout, "seen 90\n");
    assert!(lab.folder.read("a_stats.csv").contains(",Aggregated,90,0,"));
    let worker = worker.wait().expect_code(0);
    assert!(!worker.stderr.contains("Type     Name"), "a worker has no tables: {}", worker.stderr);
}

#[test]
fn several_processes_make_one_result() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let ended = lab.run(&format!("-u 4 -r 4 -t 4s {}", processes(2))).expect_code(0);
    assert_eq!(aggregated(&ended.stderr), (120, 0), "{}", ended.stderr);
    assert_eq!(lab.served(), 120);
}

#[test]
fn a_run_is_judged_and_reported_at_its_end_with_its_users() {
    let Some(lab) = Lab::new(ENDLESS) else { return };
    let words = "--record kept --report html=r.html --report json=r.json --criterion max(vus)==3 -u 3 -r 3 -t 3s";
    lab.run(words).expect_code(0);
    assert!(lab.folder.read("r.html").contains("Course of the test"));
    let json: serde_json::Value = serde_json::from_str(&lab.folder.read("r.json")).unwrap();
    assert_eq!(json["verdict"], "PASS");
    let words = "--no-record --report html=r.html -u 3 -r 3 -t 3s";
    let ended = lab.run(words);
    assert_ne!(ended.code, Some(0));
    ended.expect_stderr("--no-record");
}

#[test]
fn what_is_watched_beside_the_users_is_in_the_record() {
    let Some(lab) = Lab::new(ENDLESS) else { return };
    lab.folder.write("backend.log", "");
    let words = "--record kept --observe logs=backend.log:ERROR --observe=redis=redis://127.0.0.1:9 -u 2 -r 2 -t 3s";
    let ended = lab.run(words).expect_code(0);
    let told = ended.stderr.matches("redis can't be watched").count();
    assert_eq!(told, 1, "{}", ended.stderr);
    let run = record::Run::open(&lab.folder.path().join("kept")).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for snapshot in run.observed_snapshots().unwrap() {
        let snapshot = snapshot.unwrap();
        names.extend(snapshot.series().map(|series| series.metric.name.to_owned()));
    }
    for name in ["generator_cpu_cores", "generator_memory_bytes", "log_matches"] {
        assert!(names.contains(name), "no {name} in {names:?}");
    }
    assert!(
        run.events.iter().any(|event| event.kind == "probe-failed" && event.subject == "redis")
    );
    lab.squall("--observe nonsense -f locustfile.py").run().expect_code(2);
}
