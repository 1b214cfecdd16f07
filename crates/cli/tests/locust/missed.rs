//! Latency with the slots that users with a constant pace missed, beside Locust's own numbers.

use serde_json::Value;

use crate::lab::Lab;

/// Ten users at ten tasks a second.
const PACED: &str = r#"
from locust import HttpUser, constant_throughput, task

class Paced(HttpUser):
    wait_time = constant_throughput(10)

    @task
    def get(self):
        self.client.get("/get")
"#;

/// Of 3,000 slots the 500 of a freeze of five seconds waited from five seconds down to none: the 95th percentile of all is
/// three tenths from their top, the 99th six hundredths.
const TRUTH_MS: [(&str, f64); 2] = [("0.95", 3_500.0), ("0.99", 4_700.0)];

#[test]
fn a_freeze_of_the_target_is_met_by_every_slot_of_the_plan() {
    let Some(lab) = Lab::new(PACED) else { return };
    let freeze = br#"{"stall": {"at": "12s", "for": "5s"}}"#;
    lab.target.set_control(demo::Control::from_json(freeze).unwrap());
    let ended = lab.run("-u 10 -r 10 -t 30s --json --html report.html").expect_code(0);
    let rows: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    let own = &rows[0];
    assert_eq!(own["name"], "/get");
    // Locust's own: one slow request for each user.
    let slow = own["response_times"].as_object().unwrap().iter();
    let slow: u64 = slow
        .filter(|(ms, _)| ms.parse::<f64>().unwrap() > 4_000.0)
        .map(|(_, n)| n.as_u64().unwrap())
        .sum();
    assert_eq!(slow, 10, "{own}");
    let with_missed = &rows[1];
    assert_eq!(with_missed["name"], "Aggregated, with missed slots");
    assert_eq!(with_missed["num_requests"], 0);
    for (part, truth) in TRUTH_MS {
        let stated = with_missed["percentiles"][part].as_f64().unwrap();
        assert!((stated - truth).abs() < 0.03 * truth, "{part}: {stated} of {truth}");
    }
    let missed = with_missed["missed_slots"].as_u64().unwrap();
    let made = own["num_requests"].as_u64().unwrap();
    assert!((2_900..=3_030).contains(&(made + missed)), "{made} made, {missed} missed");
    for text in ["\n         Aggregated, with missed slots ", "\nWith the "] {
        assert!(ended.stderr.contains(text), "no {text:?} in:\n{}", ended.stderr);
    }
    assert!(lab.folder.read("report.html").contains("Aggregated, with missed slots"));
}

/// A pace that is kept, and one that a slow task can't keep.
const SLOW: &str = r#"
import time
from locust import User, constant, constant_pacing, events, task

class Own(User):
    @task
    def fire(self):
        time.sleep(0.35)
        events.request.fire(
            request_type="X", name=type(self).__name__, response_time=350, response_length=0, exception=None, context={}
        )

class Kept(Own):
    wait_time = constant_pacing(0.5)

class Missed(Own):
    wait_time = constant_pacing(0.1)

class Unpaced(Own):
    wait_time = constant(0)
"#;

#[test]
fn only_users_with_a_constant_pace_miss_slots_and_locust_says_nothing_of_them_unless_asked() {
    let Some(lab) = Lab::new(SLOW) else { return };
    let row = "Aggregated, with missed slots";
    for user in ["Kept", "Unpaced"] {
        let ended = lab.run(&format!("-u 2 -r 2 -t 2s {user}")).expect_code(0);
        assert!(!ended.stderr.contains(row), "{user}: {}", ended.stderr);
    }
    let ended = lab.run("-u 2 -r 2 -t 2s Missed").expect_code(0);
    assert!(ended.stderr.contains(row), "{}", ended.stderr);
    let words = format!("--headless -H {} -s 10 -u 2 -r 2 -t 2s Missed", lab.target.url());
    let ended = lab.locust(&words).run().expect_code(0);
    assert!(!ended.stderr.contains("missed slots"), "{}", ended.stderr);
    let ended = lab.locust(&format!("{words} --missed-slots")).run().expect_code(0);
    assert!(ended.stderr.contains(row), "{}", ended.stderr);
}
