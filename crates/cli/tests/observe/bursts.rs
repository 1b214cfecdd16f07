//! A burst keeps itself as other runs do, and its figures come out of its record again.

use demo::{Target, TargetConfig};

use crate::kept::Kept;
use crate::program::Folder;

/// The lines of figures: from `issued` to the generator's.
fn figures(text: &str) -> String {
    let from = text.find("issued ").unwrap_or_else(|| panic!("{text}"));
    let lines = text[from..].lines().take_while(|line| !line.starts_with("record:"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_recorded_burst_prints_the_same_figures_again() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let good = format!("{}/v1/results", target.url());
    let bad = format!("{}/nowhere", target.url());
    for (n, load) in [
        &["-c", "3", "-n", "300"][..],
        &["--rate", "100", "-d", "2s"],
        // Some are under way when the load ends.
        &["-c", "5", "-d", "1s", "--timeout", "300ms"],
    ]
    .iter()
    .enumerate()
    {
        let record = format!("kept-{n}");
        let mut words = vec!["burst", &good, &bad, "--record", &record];
        words.extend(*load);
        let ended = folder.squall(&words).run().expect_code(0);
        assert!(ended.stdout.ends_with(&format!("record: {record}\n")), "{}", ended.stdout);
        let again = folder.squall(&["report", &record]).run().expect_code(0);
        assert_eq!(figures(&again.stdout), figures(&ended.stdout), "{load:?}");
        assert!(again.stdout.contains("status 404 × "), "{}", again.stdout);
        let kept = Kept::read(&folder.path().join(&record));
        assert!(!kept.values("generator_memory_bytes").is_empty());
    }
}

#[test]
fn a_burst_that_is_killed_can_be_reported() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    folder.write("a.log", "");
    let url = format!("{}/v1/results", target.url());
    let words = [
        "burst",
        &url,
        "--rate",
        "50",
        "-d",
        "60s",
        "--record",
        "kept",
        "--observe",
        "logs=a.log:x",
    ];
    let running = folder.squall(&words).start();
    let path = folder.path().join("kept");
    let seconds = crate::child::until(std::time::Duration::from_secs(60), || {
        let run = record::Run::open(&path).ok()?;
        (run.snapshot_count() > 4 && run.observed_count() > 4).then_some(())
    });
    running.signal(libc::SIGKILL);
    assert!(seconds.is_some(), "nothing was recorded");
    running.wait();
    let again = folder.squall(&["report", "kept"]).run().expect_code(0);
    assert!(
        again.stdout.contains("it was killed") && again.stdout.contains("latency "),
        "{}",
        again.stdout
    );
}

#[test]
fn json_stays_alone_on_standard_output_and_records_can_be_left_out() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let url = format!("{}/v1/results", target.url());
    let ended = folder.squall(&["burst", &url, "-n", "10", "--json"]).run().expect_code(0);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((json["issued"].as_u64(), json["ok"].as_u64()), (Some(10), Some(10)));
    assert!(
        json["bytes_sent"].as_u64().unwrap() > 0 && json["bytes_received"].as_u64().unwrap() > 0
    );
    assert!(ended.stderr.contains("record: "), "{}", ended.stderr);
    let other = Folder::new();
    let ended = other.squall(&["burst", &url, "-n", "10", "--no-record"]).run().expect_code(0);
    assert!(!ended.stdout.contains("record:") && !other.path().join(".local").exists());
}
