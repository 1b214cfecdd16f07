//! CSV, JSON and HTML.

use serde_json::Value;

use crate::lab::{Lab, PLAIN};

/// A CSV file's rows by column.
fn rows(text: &str) -> Vec<std::collections::HashMap<String, String>> {
    let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let heads = cells(lines.next().unwrap());
    lines.map(|line| heads.iter().cloned().zip(cells(line)).collect()).collect()
}

#[test]
fn csv_files_have_every_request_when_the_run_is_over() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    lab.run("-u 5 -r 5 -t 3s --csv out/a --csv-full-history --csv-names both").expect_code(0);
    let stats = rows(&lab.folder.read("out/a_stats.csv"));
    let total = stats.iter().find(|row| row["Name"] == "Aggregated").unwrap();
    assert_eq!(total["Request Count"], lab.served().to_string());
    assert_eq!(total["# requests"], total["Request Count"]);
    assert_eq!(total["Median response time"], total["Median Response Time"]);
    let history = rows(&lab.folder.read("out/a_stats_history.csv"));
    let last = history.last().unwrap();
    assert_eq!(last["Total Request Count"], lab.served().to_string());
    assert_eq!(last["Name"], "Aggregated");
    assert!(history.iter().any(|row| row["Name"] == "/get"));
    let seconds: Vec<&String> = history
        .iter()
        .filter(|row| row["Name"] == "Aggregated")
        .map(|row| &row["Timestamp"])
        .collect();
    let mut distinct = seconds.clone();
    distinct.dedup();
    assert_eq!(seconds, distinct, "a second has one row");
    assert_eq!(lab.folder.read("out/a_failures.csv").lines().count(), 1);
    assert_eq!(lab.folder.read("out/a_exceptions.csv"), "Count,Message,Traceback,Nodes\r\n");
}

#[test]
fn json_is_all_of_standard_output_and_the_table_stays_true() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let ended = lab.run("-u 3 -r 3 -t 2s --json").expect_code(0);
    let entries: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(entries[0]["name"], "/get");
    assert_eq!(entries[0]["num_requests"].as_u64(), Some(lab.served()));
    assert_eq!(crate::lab::aggregated(&ended.stderr).0, lab.served());
    let by_second = entries[0]["num_reqs_per_sec"].as_object().unwrap();
    assert_eq!(by_second.values().map(|n| n.as_u64().unwrap()).sum::<u64>(), lab.served());
}

#[test]
fn a_json_file_takes_the_tables_place() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let ended = lab.run("-u 3 -r 3 -t 1s --only-summary --json-file out/b").expect_code(0);
    assert!(!ended.stderr.contains("Type     Name"), "{}", ended.stderr);
    let entries: Value = serde_json::from_str(&lab.folder.read("out/b.json")).unwrap();
    assert_eq!(entries[0]["num_requests"].as_u64(), Some(lab.served()));
}

#[test]
fn the_html_report_is_locusts_page_with_our_numbers() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    lab.run("-u 3 -r 2 -t 2s --html out/report_{u}_{r}_{t}.html").expect_code(0);
    let page = lab.folder.read("out/report_3_2_2.html");
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert!(page.len() > 100_000, "the page brings its script");
    assert!(page.contains(&format!("\"num_requests\":{}", lab.served())));
    assert!(page.contains("\"locustfile\":\"locustfile.py\""));
    assert!(page.contains(&lab.target.url()));
    assert!(!page.contains("{{"), "the template is filled");
}

#[test]
fn a_prefix_that_cannot_be_written_ends_the_run_before_it_begins() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    lab.run("-u 1 -t 1s --csv /proc/nowhere/a")
        .expect_code(1)
        .expect_stderr("can't write /proc/nowhere");
    assert_eq!(lab.served(), 0);
}

#[test]
fn a_recorded_run_is_reported_again() {
    let Some(lab) = Lab::new(PLAIN) else { return };
    let ended = lab.run("-u 3 -r 3 -t 2s --record kept").expect_code(0);
    let again = lab.folder.squall(&["report", "kept"]).run().expect_code(0);
    assert_eq!(crate::lab::aggregated(&again.stdout), crate::lab::aggregated(&ended.stderr));
    assert_eq!(crate::lab::aggregated(&again.stdout).0, lab.served());
    let words = ["--no-record", "-u", "1", "-t", "1s"];
    lab.run(&words.join(" ")).expect_code(0);
}
