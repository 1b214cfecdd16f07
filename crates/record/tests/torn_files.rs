//! A record is readable up to its last whole frame, wherever its file was torn.

#![allow(clippy::unwrap_used, reason = "test code, its helpers included")]

use proptest::prelude::*;
use record::{End, Meta, RecordError, Run, SummarySettings, Tear, Writer, frame};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own for a test, removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("record-{}-{n}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn meta() -> Meta {
    Meta {
        squall_version: "0.1.0".into(),
        created_unix_ns: 1_795_215_303_000_000_000,
        command_line: vec!["squall".into(), "run".into(), "test.js".into()],
        script_path: "test.js".into(),
        script_source: "export default function () {}".into(),
        options: json!({ "vus": 2 }),
        summary: SummarySettings::default(),
        thresholds: Vec::new(),
        ..Meta::default()
    }
}

fn end() -> End {
    End {
        exit_code: 99,
        reason: "thresholds".into(),
        elapsed_ns: 2_500_000_000,
        ended_unix_ns: 1_795_215_306_000_000_000,
        self_check: json!({ "verdict": "kept up" }),
        setup_data: json!(null),
        outputs: Vec::new(),
    }
}

/// A finished record with three log lines; returns its bytes.
fn finished(directory: &Path) -> Vec<u8> {
    let mut writer = Writer::create(directory, &meta()).unwrap();
    writer.started(7_000_000_000);
    for n in 0..3 {
        writer.log(n, &format!("line {n}"));
        writer.flush().unwrap();
    }
    assert_eq!(writer.finish(&end()).unwrap(), directory);
    fs::read(directory.join(record::RUN_FILE)).unwrap()
}

#[test]
fn a_finished_run_comes_back_whole() {
    let scratch = Scratch::new();
    let directory = scratch.0.join("run");
    finished(&directory);
    let run = Run::open(&directory).unwrap();
    assert_eq!(run.meta, meta());
    assert_eq!(run.end, Some(end()));
    assert_eq!(run.started_unix_ns, Some(7_000_000_000));
    let lines: Vec<_> = run.logs.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["line 0", "line 1", "line 2"]);
    assert_eq!((run.recovery.tear, run.recovery.ignored_bytes), (None, 0));
    assert_eq!(run.recovery.to_string(), "read 6 frames");

    let description = fs::read_to_string(directory.join(record::META_FILE)).unwrap();
    let description: serde_json::Value = serde_json::from_str(&description).unwrap();
    assert_eq!(description["state"], "ended");
    assert_eq!(description["created"], "2026-11-20T22:55:03Z");
    assert_eq!(description["exit_code"], 99);
    assert_eq!(description["elapsed_s"], 2.5);
}

#[test]
fn a_killed_run_keeps_what_was_flushed() {
    let scratch = Scratch::new();
    let mut writer = Writer::create(&scratch.0.join("run"), &meta()).unwrap();
    writer.log(1, "flushed");
    writer.flush().unwrap();
    writer.log(2, "still in memory");
    // Nothing but the file is looked at: as good as a kill.
    let run = Run::open(&scratch.0.join("run")).unwrap();
    assert_eq!(run.logs.len(), 1);
    assert_eq!(run.end, None);
    assert_eq!(run.recovery.tear, None);
    let description = fs::read_to_string(scratch.0.join("run/meta.json")).unwrap();
    assert!(description.contains(r#""state": "running""#), "{description}");
}

#[test]
fn every_cut_keeps_all_frames_before_it() {
    let scratch = Scratch::new();
    let bytes = finished(&scratch.0.join("run"));
    let torn = scratch.0.join("torn.sqr");
    let mut lines_seen = 0;
    for cut in 0..=bytes.len() {
        fs::write(&torn, &bytes[..cut]).unwrap();
        match Run::open(&torn) {
            Ok(run) => {
                assert!(run.logs.len() >= lines_seen, "cut at {cut} lost a line");
                lines_seen = run.logs.len();
                let recovery = run.recovery;
                assert_eq!(recovery.good_bytes + recovery.ignored_bytes, cut as u64);
                let clean = recovery.ignored_bytes == 0;
                assert_eq!(recovery.tear, if clean { None } else { Some(Tear::Truncated) });
                assert_eq!(run.end.is_some(), cut == bytes.len());
            }
            Err(RecordError::NotARecord(_)) => assert!(cut < frame::HEADER_LEN, "{cut}"),
            Err(RecordError::NoMeta(_)) => assert_eq!(lines_seen, 0, "{cut}"),
            Err(other) => panic!("cut at {cut}: {other}"),
        }
    }
    assert_eq!(lines_seen, 3);
}

#[test]
fn a_directory_is_never_written_twice() {
    let scratch = Scratch::new();
    finished(&scratch.0.join("run"));
    let again = Writer::create(&scratch.0.join("run"), &meta()).unwrap_err();
    assert!(matches!(again, RecordError::Occupied(_)), "{again}");
    fs::create_dir(scratch.0.join("empty")).unwrap();
    Writer::create(&scratch.0.join("empty"), &meta()).unwrap();
    Writer::create(&scratch.0.join("new/nested"), &meta()).unwrap();
}

#[test]
fn names_in_a_folder_are_unique_and_the_latest_is_found() {
    let scratch = Scratch::new();
    let folder = scratch.0.join("runs");
    assert_eq!(record::latest(&folder).unwrap(), None);
    let name = |ns| record::RunName { started_unix_ns: ns, utc_offset_s: 0, script: "a/t.js" };
    let second = 1_000_000_000;
    let first = record::create_unique(&folder, name(5 * second)).unwrap();
    let same = record::create_unique(&folder, name(5 * second)).unwrap();
    assert_ne!(first, same);
    let newer = record::create_unique(&folder, name(9 * second)).unwrap();
    let empty = record::create_unique(&folder, name(90 * second)).unwrap();
    for directory in [&newer, &first, &same] {
        Writer::create(directory, &meta()).unwrap();
    }
    assert_eq!(record::latest(&folder).unwrap(), Some(newer), "{} holds no run", empty.display());
}

#[test]
fn other_files_and_newer_versions_are_named() {
    let scratch = Scratch::new();
    let path = scratch.0.join("x");
    fs::write(&path, b"#!/bin/sh\necho no record").unwrap();
    let text = Run::open(&path).unwrap_err().to_string();
    assert!(text.ends_with("is not a record of a run"), "{text}");
    let mut newer = frame::header();
    newer[6] = 9;
    fs::write(&path, newer).unwrap();
    let text = Run::open(&path).unwrap_err().to_string();
    assert!(text.contains("format version 9"), "{text}");
    let text = Run::open(&scratch.0.join("nothing")).unwrap_err().to_string();
    assert!(text.starts_with("could not read"), "{text}");
}

#[test]
fn long_lines_are_cut_between_characters() {
    let scratch = Scratch::new();
    let mut writer = Writer::create(&scratch.0.join("run"), &meta()).unwrap();
    writer.log(1, &format!("x{}", "é".repeat(100_000)));
    writer.flush().unwrap();
    let run = Run::open(&scratch.0.join("run")).unwrap();
    assert_eq!(run.logs[0].text.len(), 65_535);
}

#[test]
fn too_many_lines_are_dropped_and_counted() {
    let scratch = Scratch::new();
    let mut writer = Writer::create(&scratch.0.join("run"), &meta()).unwrap();
    let line = "x".repeat(65_527);
    for n in 0..1100 {
        writer.log(n, &line);
        writer.flush().unwrap();
    }
    assert_eq!(writer.log_lines_dropped(), 1100 - 1024);
    let size = fs::metadata(scratch.0.join("run").join(record::RUN_FILE)).unwrap().len();
    assert!(size < 65 << 20, "{size}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        keep_header in any::<bool>(),
    ) {
        let scratch = Scratch::new();
        let path = scratch.0.join("x");
        let header = if keep_header { frame::header().to_vec() } else { Vec::new() };
        fs::write(&path, [header, bytes].concat()).unwrap();
        let _ = Run::open(&path);
    }

    #[test]
    fn whole_frames_of_arbitrary_content_never_panic(
        frames in prop::collection::vec(
            (0usize..5, prop::collection::vec(any::<u8>(), 0..100)), 0..6),
    ) {
        use frame::Kind::{End, Log, Meta, Snapshot, Started};
        let scratch = Scratch::new();
        let path = scratch.0.join("x");
        let mut bytes = frame::header().to_vec();
        let description = serde_json::to_vec(&meta()).unwrap();
        prop_assert!(frame::append(&mut bytes, Meta, &description));
        for (kind, payload) in frames {
            let kind = [Meta, Snapshot, Log, End, Started][kind];
            prop_assert!(frame::append(&mut bytes, kind, &payload));
        }
        fs::write(&path, bytes).unwrap();
        if let Ok(run) = Run::open(&path) {
            let _ = run.rebuild();
        }
    }

    #[test]
    fn damage_anywhere_keeps_what_stands_before_it(
        at in any::<prop::sample::Index>(),
        change in 1u8..,
    ) {
        let scratch = Scratch::new();
        let mut bytes = finished(&scratch.0.join("run"));
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        let path = scratch.0.join("damaged");
        fs::write(&path, bytes).unwrap();
        if let Ok(run) = Run::open(&path) {
            prop_assert!(run.recovery.good_bytes <= at as u64);
            prop_assert!(run.recovery.tear.is_some());
        }
    }
}
