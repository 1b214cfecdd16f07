//! Receivers that are slow, dead or refuse: the test is not held up, and what was lost is told.

use std::time::{Duration, Instant};

use crate::SCRIPT;
use crate::capture::{Capture, Manner};
use crate::program::{Ended, Folder};

fn run(manner: Manner, extra: &[&str]) -> (Ended, Capture) {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let (target, receiver) = (Capture::start(Manner::Takes), Capture::start(manner));
    let variable = format!("TARGET={}", target.address);
    let out = format!("influxdb=http://{}/db", receiver.address);
    let mut words = vec!["run", "-e", &variable, "--out", &out, "t.js"];
    words.extend(extra);
    (folder.squall(&words).run().expect_code(0), receiver)
}

#[test]
fn a_busy_receiver_is_asked_again() {
    // The first is the creation of the database, which is not repeated.
    let (ended, receiver) = run(Manner::Fails(3), &[]);
    assert!(!ended.stderr.contains("were lost"), "{}", ended.stderr);
    let writes = receiver.received("/write");
    assert!(writes.len() >= 3, "{}", writes.len());
    let last = String::from_utf8(writes.last().unwrap().body.clone()).unwrap();
    assert!(last.contains("iterations,"), "{last}");
}

#[test]
fn what_a_receiver_refuses_is_counted_and_recorded() {
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    let (target, receiver) = (Capture::start(Manner::Takes), Capture::start(Manner::Refuses));
    let variable = format!("TARGET={}", target.address);
    let out = format!("influxdb@my_counter+iterations=http://{}/db", receiver.address);
    folder
        .squall(&["run", "-e", &variable, "-o", &out, "-o", "csv=x.csv", "--record", "rec", "t.js"])
        .run()
        .expect_code(0)
        .expect_stderr("msg=\"Couldn't write stats\" error=\"400: bad\"")
        .expect_stderr("samples were lost in an output: 6 could not be delivered")
        .expect_stderr("undelivered=6");
    // What another output got is whole.
    assert_eq!(folder.read("x.csv").matches("my_counter,").count(), 3);
    let report = folder.squall(&["report", "rec"]).run().expect_code(0);
    let told = format!("{}{}", report.stdout, report.stderr);
    assert!(told.contains("6 could not be delivered"), "{told}");
}

#[test]
fn a_dead_receiver_costs_the_run_only_a_bounded_time() {
    let begun = Instant::now();
    let (ended, _receiver) = run(Manner::Hangs, &[]);
    assert!(ended.stderr.contains("could not be delivered"), "{}", ended.stderr);
    assert!(begun.elapsed() < Duration::from_secs(55), "{:?}", begun.elapsed());
}
