//! What a suite would do, as text.

use std::fmt::Write as _;
use std::path::Path;

use plan::suite::{Command, Gate, Scenario, Time};

use crate::read::Loaded;
use crate::words::{self, Places};
use crate::{facts, gates, near};

/// What a run of the plan would do, in order.
///
/// # Errors
/// A name in `only` that no scenario has; a sentence.
pub fn dry(loaded: &Loaded, only: &[String], time_scale: f64) -> Result<String, String> {
    let suite = &loaded.suite;
    let known: Vec<&str> = suite.scenarios.iter().map(|s| s.name.as_str()).collect();
    if let Some(name) = only.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(near::unknown("scenario", name, &known));
    }
    let mut text = format!("{}\n", suite.suite);
    if suite.target.is_some() {
        text.push_str("  target     the bundled one, on free ports\n");
    }
    for forward in &suite.forwards {
        let _ = writeln!(text, "  forward    {}", forward.to);
    }
    before(&mut text, &suite.ready, &suite.setup);
    for scenario in &suite.scenarios {
        if only.is_empty() || only.contains(&scenario.name) {
            one(&mut text, loaded, scenario, time_scale);
        }
    }
    commands(&mut text, "teardown", &suite.teardown);
    for criterion in &suite.criteria {
        let _ = writeln!(text, "  criterion  {criterion}, over all scenarios");
    }
    Ok(text)
}

fn before(text: &mut String, gates: &[Gate], setup: &[Command]) {
    for gate in gates {
        if let Some(readiness) = gate.readiness() {
            let (deadline, _) = gates::patience(gate);
            let _ = writeln!(text, "  ready      {readiness}, within {}", Time(deadline));
        }
    }
    commands(text, "setup", setup);
}

fn commands(text: &mut String, what: &str, list: &[Command]) {
    for command in list {
        let _ = writeln!(
            text,
            "  {what:<9}  {}",
            command.title().trim().replace('\n', "\n             ")
        );
    }
}

fn one(text: &mut String, loaded: &Loaded, scenario: &Scenario, time_scale: f64) {
    let suite = &loaded.suite;
    let _ = writeln!(text, "\n{}", scenario.name);
    before(text, &scenario.ready, &scenario.setup);
    let probes = suite.probes_of(scenario);
    let places = Places {
        plan: &loaded.folder,
        record: Path::new("DIR/record"),
        probes: (!probes.is_empty()).then_some(Path::new("DIR/probes.json")),
    };
    if let Some(words) = words::of(suite, scenario, places, time_scale) {
        let _ = writeln!(text, "  run        squall {}", words::shown(&words.words));
    }
    for criterion in facts::criteria(scenario, time_scale) {
        let _ = writeln!(text, "  criterion  {}", criterion.text);
    }
    commands(text, "teardown", &scenario.teardown);
    if let Some(pause) = scenario.cool_down.or(suite.cool_down) {
        let _ = writeln!(text, "  cool-down  {}", pause.scaled(time_scale));
    }
}
