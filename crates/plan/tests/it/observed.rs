//! `tests/data/k6_options.jsonl`: options, and what `k6 inspect --execution-requirements` (2.2.0) made of them.
//!
//! A line has `options`, `exit_code`, and where there are any `warnings`, `error` (without the prefix that names the
//! file) and `inspect` (the keys that are not null or the defaults of every test).

use std::collections::HashSet;

use plan::options::{Derivation, LayerName, Options, OptionsError, Warning, to_go_json};
use plan::scenario::Requirements;
use serde_json::{Map, Value};

/// What k6 does with a script's options in `inspect`.
fn inspect(options: &Value) -> (Vec<Warning>, Result<Map<String, Value>, OptionsError>) {
    let mut warnings = Vec::new();
    let result = (|| {
        let (script, mut found) = Options::from_script_json(&options.to_string())?;
        warnings.append(&mut found);
        let layers = [(LayerName::Defaults, Options::k6_defaults()), (LayerName::Script, script)];
        let (layered, mut found) = Options::layered(&layers);
        warnings.append(&mut found);
        let is_exported = |name: &str| matches!(name, "default" | "foo");
        let derivation = Derivation { default_vus: 0, is_exported: &is_exported };
        let (derived, _) = layered.derived(0)?;
        let (scenarios, mut found) = layered.derive_scenarios(derivation)?;
        warnings.append(&mut found);
        let needs = Requirements::of(&scenarios, &layered.striping()?);
        let mut json = derived.to_json().as_object().cloned().unwrap();
        let total = plan::duration::format_go(needs.max_duration);
        json.insert("totalDuration".to_owned(), Value::from(total));
        json.insert("maxVUs".to_owned(), Value::from(needs.max_possible_vus));
        Ok(json)
    })();
    (warnings, result)
}

/// Errors without the place that k6 quotes wrongly.
fn without_place(text: &str) -> &str {
    match text.strip_prefix("parsing options from script got error while parsing ") {
        Some(rest) => rest.split_once("\": json: ").map_or(rest, |(_, rest)| rest),
        None => text,
    }
}

/// Known differences, by error text: what k6 says only because it looks into PEM, and metrics, which are not `plan`'s.
fn is_others_business(error: &str) -> bool {
    let prefixes = [
        "failed to decode PEM",
        "tls: failed to find any PEM",
        "invalid threshold",
        "unable to validate",
    ];
    prefixes.iter().any(|prefix| error.starts_with(prefix))
        || error.starts_with("failed parsing threshold")
}

/// Known differences, by a part of the options, each with its reason.
const KNOWN_DIFFERENCES: [(&str, &str); 5] = [
    (
        r#""target":2},{"duration":"0","target":3}"#,
        "k6 gives back VUs of a ramp that recovers in part, and interrupts them",
    ),
    (r#""executor":"externally-controlled""#, "k6 1's executor still runs here"),
    (r#""vus":200000000"#, "there is a limit for all executors here"),
    (r#"{"hosts":{"a":"x"}}"#, "k6 prints its failed parsing as an address"),
    (r#"{"hosts":{"a":""}}"#, "k6 prints its failed parsing as an address"),
];

/// How ours differs from what was observed.
fn differences(observed: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    let mut check = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            differences.push(format!("{what} is {ours}, k6 has {theirs}"));
        }
    };
    let (warnings, result) = inspect(&observed["options"]);
    let error = observed["error"].as_str().map(without_place).unwrap_or_default();
    match &result {
        Err(ours) => {
            check("error", without_place(&ours.message).to_owned(), error.to_owned());
            check("exit code", ours.exit_code.to_string(), observed["exit_code"].to_string());
        }
        Ok(_) if !error.is_empty() => check("error", String::new(), error.to_owned()),
        Ok(json) => {
            let defaults = ["summaryTrendStats", "systemTags", "dns"];
            for (key, ours) in json {
                let theirs = &observed["inspect"][key];
                if !(theirs.is_null() && defaults.contains(&key.as_str())) {
                    check(key, ours.to_string(), theirs.to_string());
                }
            }
        }
    }
    let text = |warning: &Warning| match warning.fields.iter().find(|(name, _)| *name == "error") {
        Some((_, error)) => format!("{} | {error}", warning.message),
        None => warning.message.clone(),
    };
    let warnings: Vec<String> = warnings.iter().map(text).collect();
    let theirs = observed["warnings"].as_array().cloned().unwrap_or_default();
    check("warnings", Value::from(warnings).to_string(), Value::from(theirs).to_string());
    differences
}

#[test]
fn options_are_taken_refused_and_explained_as_by_k6() {
    let lines = include_str!("../data/k6_options.jsonl").lines();
    let observed: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut n_compared, mut errors, mut failures) = (0, HashSet::new(), String::new());
    for observed in &observed {
        let error = observed["error"].as_str();
        if error.is_some_and(is_others_business) {
            continue;
        }
        n_compared += 1;
        errors.insert(error);
        let options = observed["options"].to_string();
        let differences = differences(observed);
        match KNOWN_DIFFERENCES.iter().find(|(part, _)| options.contains(part)) {
            Some((_, reason)) if differences.is_empty() => {
                failures.push_str(&format!("{options}: no longer differs though {reason}\n"));
            }
            Some(_) => {}
            None => differences
                .iter()
                .for_each(|difference| failures.push_str(&format!("{options}: {difference}\n"))),
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(
        n_compared > 250 && errors.len() > 100,
        "{n_compared} lines with {} errors",
        errors.len()
    );
}

#[test]
fn inspect_prints_byte_for_byte_as_k6() {
    let cases = [
        (
            r#"{"vus": 2, "duration": "3s", "stages": null,
            "thresholds": {"http_reqs": ["count>1", {"threshold": "rate>1", "abortOnFail": true, "delayAbortEval": "10s"}]},
            "tags": {"a": "b"}, "hosts": {"a.test": "1.2.3.4", "b.test:80": "1.2.3.4:90"}, "blockHostnames": ["*.x"],
            "blacklistIPs": ["10.0.0.0/8"], "dns": {"ttl": "1m"}, "systemTags": ["url", "vu", "iter"],
            "tlsVersion": "tls1.2", "tlsCipherSuites": ["TLS_RSA_WITH_RC4_128_SHA"], "ext": {"a": 1}, "cloud": {"x": 1},
            "executionSegment": "1/4:1/2", "executionSegmentSequence": "0,1/4,1/2,1", "minIterationDuration": "1d",
            "summaryTrendStats": ["avg", "p(99.9)"], "summaryTimeUnit": "s"}"#,
            include_str!("../data/inspect_a.json"),
        ),
        (
            r#"{"scenarios": {"zz": {"executor": "constant-vus", "vus": 2, "duration": "3s"},
            "a": {"executor": "ramping-vus", "stages": [{"duration": "1s", "target": 3}], "startTime": "90s", "exec": "foo",
                "env": {"Q": "1"}, "tags": {"t": "x"}, "options": {"browser": {"type": "chromium"}}},
            "c": {"executor": "ramping-arrival-rate", "stages": [{"duration": "1m", "target": 3}], "preAllocatedVUs": 2, "maxVUs": 4},
            "d": {"executor": "constant-arrival-rate", "rate": 3, "duration": "5s", "preAllocatedVUs": 2},
            "e": {"executor": "shared-iterations"}, "f": {"executor": "per-vu-iterations"}}}"#,
            include_str!("../data/inspect_b.json"),
        ),
    ];
    for (options, expected) in cases {
        let (options, warnings) = Options::from_script_json(options).unwrap();
        assert_eq!(warnings, []);
        assert_eq!(to_go_json(&options.to_json()), expected.trim_end());
    }
}
