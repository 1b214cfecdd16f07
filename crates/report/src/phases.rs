//! The phases of a plan, so that criteria can name them: `during sustained`, `after spike`.
//!
//! Each scenario is a phase by its name. Where one scenario climbs and falls in stages, these are phases too: what
//! climbs is `ramp-up`, what falls `ramp-down`, what holds `sustained`; the highest hold is also `peak`, and one that
//! was reached within a tenth of the whole time and is at least twice what came before is `spike`.

use std::time::Duration;

use plan::options::{Derivation, Options};
use plan::scenario::{Executor, Scenario, Stage};
use serde_json::Value;

use crate::run::Phase;

/// The phases of a k6 run by its consolidated options.
pub fn of_options(options: &Value) -> Vec<Phase> {
    let mut options = options.clone();
    let Some(fields) = options.as_object_mut() else { return Vec::new() };
    if fields.get("scenarios").and_then(Value::as_object).is_some_and(|all| !all.is_empty()) {
        // Options that scenarios were derived from still have the shortcuts, which would be in conflict.
        for shortcut in ["vus", "duration", "iterations", "stages"] {
            fields.remove(shortcut);
        }
    }
    let Ok((options, _)) = Options::from_script_json(&options.to_string()) else {
        return Vec::new();
    };
    let is_exported = |_: &str| true;
    match options.derive_scenarios(Derivation { default_vus: 1, is_exported: &is_exported }) {
        Ok((scenarios, _)) => of_scenarios(&scenarios),
        Err(_) => Vec::new(),
    }
}

/// The phases of scenarios.
pub fn of_scenarios(scenarios: &[Scenario]) -> Vec<Phase> {
    let mut phases = Vec::new();
    for scenario in scenarios {
        let start = scenario.start_time.as_secs_f64();
        let length = scenario.executor.regular_duration().as_secs_f64();
        if scenario.name != "default" || scenarios.len() > 1 {
            phases.push(Phase { name: scenario.name.clone(), from_s: start, to_s: start + length });
        }
    }
    // Stages of scenarios that run side by side would have the same names.
    let staged: Vec<&Scenario> =
        scenarios.iter().filter(|scenario| stages(&scenario.executor).is_some()).collect();
    if let [scenario] = staged[..]
        && let Some((start, stages)) = stages(&scenario.executor)
    {
        phases.extend(of_stages(scenario.start_time, start, stages));
    }
    phases
}

/// The phases of a Locust run: users come at a rate, then all of them are there.
pub fn of_locust(users: f64, spawn_rate: f64, end_s: f64) -> Vec<Phase> {
    if !(users > 0.0 && spawn_rate > 0.0) {
        return Vec::new();
    }
    let full_s = (users / spawn_rate).min(end_s);
    let phase = |name: &str, from_s, to_s| Phase { name: name.to_owned(), from_s, to_s };
    let mut phases = vec![phase("ramp-up", 0.0, full_s)];
    if full_s < end_s {
        phases.push(phase("sustained", full_s, end_s));
        phases.push(phase("peak", full_s, end_s));
    }
    phases
}

fn stages(executor: &Executor) -> Option<(u64, &[Stage])> {
    match executor {
        Executor::RampingVus(ramp) => Some((ramp.start_vus, &ramp.stages)),
        Executor::RampingArrivalRate(ramp) => Some((ramp.start_rate, &ramp.stages)),
        _ => None,
    }
}

/// A stretch of one direction.
struct Stretch {
    name: &'static str,
    from_s: f64,
    to_s: f64,
    level: u64,
    level_before: u64,
    climb_s: f64,
}

fn of_stages(start: Duration, start_level: u64, stages: &[Stage]) -> Vec<Phase> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let (mut at_s, mut level) = (start.as_secs_f64(), start_level);
    let (mut level_before, mut climb_s) = (start_level, 0.0);
    for stage in stages {
        let length = stage.duration.as_secs_f64();
        let name = match stage.target.cmp(&level) {
            std::cmp::Ordering::Greater => "ramp-up",
            std::cmp::Ordering::Less => "ramp-down",
            std::cmp::Ordering::Equal => "sustained",
        };
        if name == "ramp-up" {
            let is_new = stretches.last().is_none_or(|last| last.name != "ramp-up");
            (level_before, climb_s) =
                if is_new { (level, length) } else { (level_before, climb_s + length) };
        }
        level = stage.target;
        match stretches.last_mut() {
            Some(last) if last.name == name => {
                last.to_s += length;
                last.level = level;
            }
            _ if length > 0.0 => stretches.push(Stretch {
                name,
                from_s: at_s,
                to_s: at_s + length,
                level,
                level_before,
                climb_s,
            }),
            _ => {}
        }
        at_s += length;
    }
    let whole = at_s - start.as_secs_f64();
    let top = stretches.iter().filter(|s| s.name == "sustained").map(|s| s.level).max();
    let mut phases = Vec::new();
    for stretch in &stretches {
        let phase = |name: &str| Phase {
            name: name.to_owned(),
            from_s: stretch.from_s,
            to_s: stretch.to_s,
        };
        phases.push(phase(stretch.name));
        if stretch.name == "sustained" && Some(stretch.level) == top {
            phases.push(phase("peak"));
            let is_steep = stretch.climb_s <= whole / 10.0;
            if is_steep
                && stretch.level >= 2 * stretch.level_before.max(1)
                && stretch.level_before > 0
            {
                phases.push(phase("spike"));
            }
        }
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(options: &Value, expected: &[(&str, f64, f64)]) {
        let phases = of_options(options);
        let seen: Vec<(&str, f64, f64)> =
            phases.iter().map(|p| (p.name.as_str(), p.from_s, p.to_s)).collect();
        assert_eq!(seen, expected, "{options}");
    }

    #[test]
    fn stages_are_phases_by_their_direction() {
        // The seeds' target capacity test, a minute for a second.
        check(
            &json!({"stages": [
                {"duration": "2s", "target": 100}, {"duration": "2s", "target": 300},
                {"duration": "2s", "target": 500}, {"duration": "2s", "target": 500},
                {"duration": "2s", "target": 0}]}),
            &[
                ("ramp-up", 0.0, 6.0),
                ("sustained", 6.0, 8.0),
                ("peak", 6.0, 8.0),
                ("ramp-down", 8.0, 10.0),
            ],
        );
        check(
            &json!({"scenarios": {"wave": {"executor": "ramping-vus", "startTime": "5s", "stages": [
                {"duration": "10s", "target": 20}, {"duration": "20s", "target": 20},
                {"duration": "2s", "target": 100}, {"duration": "10s", "target": 100},
                {"duration": "2s", "target": 20}, {"duration": "20s", "target": 20}]}}}),
            &[
                ("wave", 5.0, 69.0),
                ("ramp-up", 5.0, 15.0),
                ("sustained", 15.0, 35.0),
                ("ramp-up", 35.0, 37.0),
                ("sustained", 37.0, 47.0),
                ("peak", 37.0, 47.0),
                ("spike", 37.0, 47.0),
                ("ramp-down", 47.0, 49.0),
                ("sustained", 49.0, 69.0),
            ],
        );
    }

    #[test]
    fn scenarios_are_phases_by_their_names() {
        check(
            &json!({"scenarios": {
                "overload": {"executor": "constant-vus", "vus": 5, "duration": "10s"},
                "after": {"executor": "constant-vus", "vus": 1, "duration": "5s", "startTime": "10s"}}}),
            &[("after", 10.0, 15.0), ("overload", 0.0, 10.0)],
        );
        check(&json!({"vus": 1, "duration": "3s"}), &[]);
        check(&json!({"nonsense": true}), &[]);
        check(&json!(null), &[]);
    }
}
