//! What must hold for any bytes: no panic, no hang, bounded memory, and what was accepted survives a round trip.
//!
//! One function for each format; the fuzz targets and the plain test both call them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::html::{Document, Selection, Stop};
use metrics::{Aggregator, AggregatorConfig, Ingest, Snapshot};
use plan::arrivals::Arrivals;
use plan::options::{Derivation, LayerName, Options};
use plan::scenario::{Executor, Requirements, Scenario};
use plan::segment::{Segment, Sequence, Striping};
use plan::threshold::{Selector, Threshold};

/// The formats, by name.
pub const FORMATS: &[(&str, fn(&[u8]))] = &[
    ("snapshot", snapshot),
    ("record", record),
    ("options", options),
    ("thresholds", thresholds),
    ("durations", durations),
    ("segments", segments),
    ("html", html),
    ("certificates", certificates),
    ("keys", keys),
    ("csv", csv),
    ("probes", probes),
    ("criteria", criteria),
    ("plans", plans),
];

// The parser belongs to a crate that brings a script engine along; itself it needs nothing.
#[allow(dead_code)]
#[path = "../../crates/k6/src/csv.rs"]
mod csv_parser;

/// A certificate as PEM or DER.
pub fn certificates(bytes: &[u8]) {
    let _ = crypto::x509::parse(bytes);
    let _ = crypto::ocsp::parse(bytes);
    if let Some(der) = crypto::x509::decode_pem(bytes) {
        let _ = crypto::x509::parse(&der);
    }
}

/// A key in any of its forms: what was accepted is written again and read as the same.
pub fn keys(bytes: &[u8]) {
    use crypto::{ec, rsa};
    if let Ok(key) = ec::PrivateKey::from_pkcs8(bytes) {
        assert_eq!(ec::PrivateKey::from_pkcs8(&key.to_pkcs8()).as_ref(), Ok(&key));
    }
    if let Ok(key) = ec::PublicKey::from_spki(bytes) {
        assert_eq!(ec::PublicKey::from_spki(&key.to_spki()).as_ref(), Ok(&key));
    }
    if let Ok(key) = rsa::PrivateKey::from_pkcs8(bytes) {
        assert_eq!(rsa::PrivateKey::from_pkcs8(&key.to_pkcs8()).as_ref(), Ok(&key));
    }
    if let Ok(key) = rsa::PublicKey::from_spki(bytes) {
        assert_eq!(rsa::PublicKey::from_spki(&key.to_spki()).as_ref(), Ok(&key));
    }
    for curve in [ec::Curve::P256, ec::Curve::P384, ec::Curve::P521] {
        let _ = ec::PublicKey::from_point(curve, bytes);
    }
}

/// A CSV file: every record is read or refused, and reading ends.
pub fn csv(bytes: &[u8]) {
    let mut position = csv_parser::Position::new(b',', 0);
    loop {
        let before = position.offset();
        match position.next(bytes) {
            Ok(None) => break,
            Ok(Some(record)) => {
                let text: usize = record.iter().map(|field| field.len()).sum();
                // A byte that is no UTF-8 becomes three.
                assert!(text <= 3 * (position.offset() - before));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        assert!(position.offset() > before, "each step reads something");
    }
}

/// A snapshot from another agent: decoded or refused; what was decoded encodes to the same again, and a coordinator can
/// merge it or says why not.
pub fn snapshot(bytes: &[u8]) {
    let Ok(snapshot) = Snapshot::decode(bytes) else { return };
    let again = snapshot.encode();
    let decoded = Snapshot::decode(&again).expect("what was encoded can be decoded");
    assert_eq!(decoded.encode(), again);
    let config = AggregatorConfig { thresholds: Vec::new(), full: true, request_rows: true };
    let mut aggregator = Aggregator::new(config).expect("no thresholds are fine");
    let first = aggregator.ingest(&snapshot);
    let second = aggregator.ingest(&decoded);
    assert!(first.is_err() || second != Ok(Ingest::Applied), "{first:?}, then {second:?}");
    let _ = aggregator.totals(Duration::from_secs(1));
}

/// The file of a run that was killed, or came from elsewhere.
pub fn record(bytes: &[u8]) {
    let folder = scratch();
    std::fs::write(folder.join(record::RUN_FILE), bytes).expect("a file of a run");
    if let Ok(run) = record::Run::open(&folder) {
        let _ = (run.recovery.to_string(), run.snapshot_count());
        let _ = run.rebuild();
        if let Ok(observed) = run.observed_snapshots() {
            let _ = observed.filter(Result::is_ok).count();
        }
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// What is to be watched, as a flag or a file; and text out of which secrets are taken.
pub fn probes(bytes: &[u8]) {
    use plan::probe::{Probes, flag, redact};
    let text = String::from_utf8_lossy(bytes);
    let mut all = Probes::default();
    if let Ok(flag::Wanted::Probes(probes)) = flag::parse(&text) {
        all.add(*probes);
    }
    if let Ok(probes) = serde_json::from_str::<Probes>(&text) {
        all.add(probes);
    }
    if all.complete().is_ok() {
        let written = serde_json::to_string(&all).expect("probes have JSON");
        let read: Probes = serde_json::from_str(&written).expect("what was written is read");
        assert_eq!(read, all, "{text:?}");
    }
    assert!(redact::text(&text).len() <= text.len() + redact::MASK.len() * (text.len() / 2 + 1));
    assert!(redact::sql(&text).len() <= text.len() + 1);
}

/// A criterion: what was accepted is shown as it was written and read as the same; an error points into the text.
pub fn criteria(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match plan::criterion::parse(&text) {
        Ok(criterion) => {
            assert_eq!(criterion.to_string(), text.trim());
            assert_eq!(plan::criterion::parse(&criterion.to_string()).as_ref(), Ok(&criterion));
            let _ = (criterion.phases().count(), criterion.promql());
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            assert!((1..=text.chars().count() + 1).contains(&error.column), "{text:?}: {error:?}");
        }
    }
}

/// A suite's plan, with what it names missing: every mistake has a place in the file.
pub fn plans(bytes: &[u8]) {
    let folder = scratch();
    let file = folder.join("plan.yaml");
    std::fs::write(&file, bytes).expect("a file of a plan");
    let given = suite::Given { var: &|_| None, target: None, folder: None, forwards: &[] };
    match suite::read(&file, given) {
        Ok(loaded) => {
            let _ = suite::dry(&loaded, &[], 0.5);
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count();
            for mistake in mistakes {
                assert!(!mistake.message.is_empty());
                assert!((1..=lines + 1).contains(&mistake.line), "{mistake}");
            }
        }
    }
    drop(suite::read_probes(&file, given));
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// A folder of its own, in memory where there is such a place.
fn scratch() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let base =
        if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
    let folder = base.join(format!("squall-fuzz-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder in the place for temporary files");
    folder
}

/// Options of a script or a configuration file, then what they plan.
pub fn options(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut layers = Vec::new();
    if let Ok(options) = Options::from_config_json(text) {
        layers.push((LayerName::Config, options));
    }
    if let Ok((options, _)) = Options::from_script_json(text) {
        layers.push((LayerName::Script, options));
    }
    let variable =
        |name: &str| (name.len() % 3 == 0).then(|| text.chars().take(40).collect::<String>());
    if let Ok(options) = Options::from_env(&variable) {
        layers.push((LayerName::Env, options));
    }
    let (options, _) = Options::layered(&layers);
    let printed = options.to_json().to_string();
    assert!(
        printed.len() <= 64 * (text.len() + 1000),
        "{} bytes from {}",
        printed.len(),
        text.len()
    );
    let derivation = Derivation { default_vus: 1, is_exported: &|_| true };
    let Ok((scenarios, _)) = options.derive_scenarios(derivation) else { return };
    let whole = Striping::whole();
    for scenario in scenarios.iter().take(4) {
        let _ = (scenario.describe(&whole), scenario.max_duration(&whole));
        if let Some(arrivals) = Arrivals::of(scenario, &whole) {
            let mut last = 0;
            for k in (0..8).chain([1 << 20, 1 << 40, u64::MAX - 1]) {
                let Some(at) = arrivals.at(k) else { break };
                assert!(at >= last, "arrival {k} at {at} after one at {last}");
                last = at;
            }
        }
    }
    // A ramp has a step for each VU; only small ones are laid out here.
    if scenarios.len() < 20 && scenarios.iter().all(|s| highest_ramp(s) < 1000) {
        let _ = Requirements::of(&scenarios, &whole);
    }
}

fn highest_ramp(scenario: &Scenario) -> u64 {
    let Executor::RampingVus(ramp) = &scenario.executor else { return 0 };
    ramp.stages.iter().map(|stage| stage.target).fold(ramp.start_vus, |a, b| a.saturating_add(b))
}

/// A threshold, the metric it is on, and a value it is held against.
pub fn thresholds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(threshold) = Threshold::parse(&text) {
        let _ = [f64::NAN, f64::INFINITY, 0.0, -1.5].map(|value| threshold.holds(value));
        let _ = threshold.check_supported("m", "trend");
    }
    if let Ok(selector) = Selector::parse(&text) {
        let _ = selector.warning();
    }
}

/// A duration in the words of Go or k6: printed, it is the same duration.
pub fn durations(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for parse in [plan::duration::parse_k6, plan::duration::parse_go] {
        if let Ok(span) = parse(&text) {
            let printed = plan::duration::format_go(span);
            assert_eq!(
                plan::duration::parse_go(&printed),
                Ok(span),
                "{text:?} printed as {printed:?}"
            );
            let _ = (span.scaled(0.02), span.as_duration());
        }
    }
}

/// An execution segment and its sequence: each index belongs to at most one instance.
pub fn segments(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = text.parse::<Segment>();
    let Ok(sequence) = text.parse::<Sequence>() else { return };
    let segments: Vec<&Segment> = sequence.segments().iter().take(8).collect();
    let stripings: Vec<Striping> =
        segments.iter().filter_map(|s| Striping::new(Some(*s), Some(&sequence)).ok()).collect();
    for index in 0..64 {
        assert!(stripings.iter().filter(|s| s.owns(index)).count() <= 1, "{text:?}: {index}");
    }
}

/// A page after a line with a selector: what was parsed is written so that it parses to the same text again, and the
/// selector can be asked of every node.
pub fn html(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (selector, page) = text.split_once('\n').unwrap_or((&text, ""));
    let selector = ::html::Selector::parse(selector).ok();
    let Ok(document) = ::html::parse(page) else { return };
    let written = document.inner_html(Document::ROOT);
    let _ = ::html::parse(&written);
    let root = Selection::root(document);
    let found = root.find(selector.as_ref());
    for id in found.nodes() {
        assert!(root.contains(*id), "{text:?}: what was found lies below the root");
    }
    let stop = Stop::At(selector.as_ref());
    let _ = (found.parents(stop, None), found.siblings(None), found.neighbours(false, stop, None));
    let _ = (found.text().len(), found.inner_html().len(), found.eq(-1).end().nodes().len());
}
