//! The list of a folder's runs is right whatever becomes of the cache beside it.

#![allow(clippy::unwrap_used, reason = "test code, its helpers included")]

use record::{INDEX_FILE, Meta, RUN_FILE, SummarySettings, Writer, list};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("index-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn write_run(folder: &Path, name: &str) {
    let meta = Meta {
        squall_version: "0.1.0".into(),
        created_unix_ns: 1_795_215_303_000_000_000,
        command_line: Vec::new(),
        script_path: "test.js".into(),
        script_source: String::new(),
        options: Value::Null,
        summary: SummarySettings::default(),
        thresholds: Vec::new(),
        ..Meta::default()
    };
    let mut writer = Writer::create(&folder.join(name), &meta).unwrap();
    writer.flush().unwrap();
}

/// Lists; gives names, and whose facts were asked for.
fn listed(folder: &Path, newest: usize) -> (Vec<String>, Vec<String>) {
    let mut asked = Vec::new();
    let (runs, _) = list(folder, newest, |directory| {
        let name = directory.file_name().unwrap().to_string_lossy().into_owned();
        asked.push(name.clone());
        json!({ "name": name })
    })
    .unwrap();
    for run in &runs {
        assert_eq!(run.facts["name"], *run.name, "each has its own facts");
        assert_eq!(run.description["script"], "test.js");
        assert!(run.bytes > 0);
    }
    (runs.into_iter().map(|run| run.name).collect(), asked)
}

#[test]
fn runs_are_listed_newest_first_and_looked_at_once() {
    let folder = scratch("order");
    ["20261120-1-a", "20261122-1-c", "20261121-1-b"]
        .iter()
        .for_each(|name| write_run(&folder, name));
    fs::create_dir(folder.join("20270101-no-run")).unwrap();
    let all = ["20261122-1-c", "20261121-1-b", "20261120-1-a"];
    assert_eq!(
        listed(&folder, 2),
        (
            all[..2].to_vec().iter().map(|n| (*n).into()).collect(),
            all[..2].iter().map(|n| (*n).into()).collect()
        )
    );
    let (names, asked) = listed(&folder, 10);
    assert_eq!(names, all);
    assert_eq!(asked, ["20261120-1-a"], "the others are known");
    assert_eq!(listed(&folder, 10).1, Vec::<String>::new());
    let (_, count) = list(&folder, 1, |_| Value::Null).unwrap();
    assert_eq!(count, 3);
}

#[test]
fn what_has_changed_is_looked_at_again() {
    let folder = scratch("stale");
    write_run(&folder, "20261120-1-a");
    write_run(&folder, "20261121-1-b");
    listed(&folder, 10);
    let path = folder.join("20261120-1-a").join(RUN_FILE);
    let mut bytes = fs::read(&path).unwrap();
    bytes.push(0);
    fs::write(&path, bytes).unwrap();
    assert_eq!(listed(&folder, 10).1, ["20261120-1-a"]);
    fs::remove_dir_all(folder.join("20261121-1-b")).unwrap();
    assert_eq!(listed(&folder, 10), (vec!["20261120-1-a".into()], Vec::new()));
    let index = fs::read_to_string(folder.join(INDEX_FILE)).unwrap();
    assert!(!index.contains("20261121-1-b"), "what is gone is forgotten");
}

#[test]
fn a_damaged_cache_is_made_again() {
    let folder = scratch("damaged");
    write_run(&folder, "20261120-1-a");
    listed(&folder, 10);
    let path = folder.join(INDEX_FILE);
    let whole = fs::read(&path).unwrap();
    let other = String::from_utf8(whole.clone()).unwrap().replace("\"version\":1", "\"version\":9");
    for damaged in
        [Vec::new(), whole[..whole.len() / 2].to_vec(), b"[]".to_vec(), other.into_bytes()]
    {
        fs::write(&path, &damaged).unwrap();
        assert_eq!(listed(&folder, 10).1, ["20261120-1-a"], "{damaged:?}");
        assert_eq!(listed(&folder, 10).1, Vec::<String>::new());
    }
}

#[test]
fn a_folder_that_is_not_there_has_no_runs() {
    let folder = scratch("none").join("nowhere");
    assert_eq!(list(&folder, 10, |_| Value::Null).unwrap(), (Vec::new(), 0));
}
