//! Runs on real threads and real time, short ones.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use engine::End;
use support::{Fake, Watch, config, count, ms};

fn run(fake: &Arc<Fake>, options: &str, cores: usize) -> engine::RunOutcome {
    let (_handle, stops) = engine::stop_pair();
    engine::run(fake, config(options, cores), stops, &mut Watch::default()).unwrap()
}

#[test]
fn cores_share_a_scenario_and_every_iteration_is_counted() {
    let fake = Fake::taking(|_| ms(1));
    let outcome = run(&fake, r#"{"vus": 8, "iterations": 400}"#, 2);
    assert_eq!(outcome.end, End::Finished);
    assert_eq!(count(&outcome, "iterations"), 400.0);
    assert_eq!(outcome.self_check.cores.len(), 2);
}

#[test]
fn a_defect_on_a_core_ends_the_run_and_keeps_what_was_measured() {
    let mut fake = Fake::with(|_| ms(1));
    fake.panic_at = Some(50);
    let fake = Arc::new(fake);
    let outcome = run(&fake, r#"{"vus": 4, "duration": "30s"}"#, 2);
    assert!(
        matches!(&outcome.end, End::Internal(why) if why.contains("a defect")),
        "{:?}",
        outcome.end
    );
    assert!(outcome.elapsed.as_secs() < 20, "{:?}", outcome.elapsed);
    let (counted, ran) = (count(&outcome, "iterations"), fake.ran.lock().unwrap().len() as f64);
    // All but those that were under way when the core died.
    assert!(counted >= 46.0 && counted >= ran - 4.0, "{counted} of {ran}");
}
