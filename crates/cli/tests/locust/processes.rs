//! What the Locust file of the process that leads sees of several.

use crate::lab::{Lab, aggregated, processes};

/// Users that make thirty requests each and go; the process that leads tells what it sees of them.
const TELLING: &str = r#"
import os
from locust import HttpUser, constant, events, task
from locust.exception import StopUser
from locust.runners import WorkerRunner

class Plain(HttpUser):
    wait_time = constant(0.02)
    left = 30

    @task
    def get(self):
        self.client.get("/get")
        if self.left % 10 == 0:
            self.client.get("/status/404", name="missing")
        self.left -= 1
        if self.left == 0:
            raise StopUser()

def tell(environment, when):
    if isinstance(environment.runner, WorkerRunner):
        return
    stats = environment.stats
    rows = sorted((name, entry.num_requests, entry.num_failures) for (name, _), entry in stats.entries.items())
    errors = [(error.name, error.occurrences) for error in stats.errors.values()]
    total = stats.total
    times = total.min_response_time <= total.get_response_time_percentile(0.5) + 1 <= total.max_response_time + 2
    print(when, rows, errors, total.num_requests, sum(total.response_times.values()), times)

@events.test_stop.add_listener
def test_stop(environment, **_):
    tell(environment, "test_stop")

@events.quitting.add_listener
def quitting(environment, **_):
    tell(environment, "quitting")
"#;

#[test]
fn listeners_of_the_end_see_the_exact_numbers_of_all_processes() {
    let Some(lab) = Lab::new(TELLING) else { return };
    // The run is over before a worker's first report would have been due a second time.
    let ended = lab.run(&format!("-u 4 -r 4 -t 4s {}", processes(2))).expect_code(1);
    assert_eq!(aggregated(&ended.stderr), (132, 12), "{}", ended.stderr);
    let seen = "[('/get', 120, 0), ('missing', 12, 12)] [('missing', 12)] 132 132 True\n";
    assert_eq!(ended.stdout, format!("test_stop {seen}quitting {seen}"));
}

#[test]
fn what_is_still_under_way_when_the_test_stops_is_counted_as_it_is_then() {
    let Some(lab) = Lab::new(
        r#"
from locust import HttpUser, constant, events, task
from locust.runners import WorkerRunner

class Plain(HttpUser):
    wait_time = constant(0.01)

    @task
    def get(self):
        self.client.get("/get")

@events.quitting.add_listener
def quitting(environment, **_):
    if not isinstance(environment.runner, WorkerRunner):
        print(environment.stats.total.num_requests)
"#,
    ) else {
        return;
    };
    let ended = lab.run(&format!("-u 4 -r 4 -t 3s {}", processes(2))).expect_code(0);
    let (requests, _) = aggregated(&ended.stderr);
    assert!(requests > 100, "{}", ended.stderr);
    // Workers have stopped by then: there is nothing that the tables know and the listener does not.
    assert_eq!(ended.stdout, format!("{requests}\n"));
}

#[test]
fn a_rounding_of_the_files_own_is_told_of_and_used_where_the_file_asks() {
    let Some(lab) = Lab::new(
        r#"
import locust.stats
from locust import User, constant, events, task

locust.stats.bucket_response_time = lambda time: int(time // 50 * 50)

class Own(User):
    wait_time = constant(0.1)

    @task
    def fire(self):
        events.request.fire(
            request_type="X", name="x", response_time=123.0, response_length=0, exception=None, context={}
        )

@events.quitting.add_listener
def quitting(environment, **_):
    total = environment.stats.total
    print(sorted(total.response_times), total.get_response_time_percentile(0.5))
"#,
    ) else {
        return;
    };
    let ended = lab.run("-u 1 -t 1s --csv a").expect_code(0);
    assert_eq!(ended.stdout, "[100] 100\n");
    assert_eq!(ended.stderr.matches("bucket_response_time; it is not used").count(), 1);
    assert!(lab.folder.read("a_stats.csv").contains(",123,123,"));
}
