//! A scenario as the words of a command line: what a person would type to run it alone.

use std::path::Path;
use std::time::Duration;

use plan::duration::Span;
use plan::suite::{Scenario, Script, Suite, Time};

/// What a scenario's process is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    /// The command and its arguments.
    pub(crate) words: Vec<String>,
    /// Variables of its environment.
    pub(crate) env: Vec<(String, String)>,
}

/// Where a scenario's process finds and leaves things.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a> {
    /// The plan's folder, absolute: paths of scripts are relative to it.
    pub(crate) plan: &'a Path,
    /// The folder for the record.
    pub(crate) record: &'a Path,
    /// The file with its probes, if there are any.
    pub(crate) probes: Option<&'a Path>,
}

/// The words for one scenario; `None` where the plan names nothing to run.
pub(crate) fn of(
    suite: &Suite,
    scenario: &Scenario,
    places: Places<'_>,
    time_scale: f64,
) -> Option<Words> {
    let mut words = match scenario.script()? {
        Script::K6(script) => k6(suite, scenario, &places.plan.join(script), time_scale),
        Script::Locust(file) => locust(scenario, &places.plan.join(file), time_scale),
        Script::Burst(urls) => burst(scenario, urls, time_scale),
    };
    let mut own = vec!["--record".to_owned(), places.record.display().to_string()];
    if let Some(probes) = places.probes {
        own.extend(["--observe".to_owned(), probes.display().to_string()]);
    }
    words.words.splice(1..1, own);
    Some(words)
}

/// Variables of the suite and of the scenario, which wins.
fn merged<'a>(
    outer: &'a std::collections::BTreeMap<String, String>,
    inner: &'a std::collections::BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a String, &'a String)> {
    outer.iter().filter(|(name, _)| !inner.contains_key(*name)).chain(inner)
}

fn k6(suite: &Suite, scenario: &Scenario, script: &Path, time_scale: f64) -> Words {
    let mut words = vec!["run".to_owned()];
    let load = scenario.load();
    // The program multiplies these itself, the script's own times too.
    push(&mut words, "--vus", load.users);
    push(&mut words, "--duration", load.duration.map(go));
    push(&mut words, "--iterations", scenario.iterations.map(|n| n.0));
    for stage in &scenario.stages {
        push(&mut words, "--stage", Some(stage));
    }
    if time_scale != 1.0 {
        push(&mut words, "--time-scale", Some(time_scale));
    }
    for (name, value) in merged(&suite.tags, &scenario.tags) {
        push(&mut words, "--tag", Some(format!("{name}={value}")));
    }
    for (name, value) in merged(&suite.env, &scenario.env) {
        push(&mut words, "--env", Some(format!("{name}={value}")));
    }
    push(&mut words, "--cores", scenario.cores.map(|n| n.0));
    words.extend(scenario.args.iter().cloned());
    words.push(script.display().to_string());
    Words { words, env: environment(suite, scenario) }
}

/// A script's variables are also its process's: that is where `open()` of a library, or Python, looks.
fn environment(suite: &Suite, scenario: &Scenario) -> Vec<(String, String)> {
    merged(&suite.env, &scenario.env).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn locust(scenario: &Scenario, file: &Path, time_scale: f64) -> Words {
    let mut words = vec!["locust".to_owned(), "--headless".to_owned()];
    let load = scenario.load();
    push(&mut words, "-f", Some(file.display()));
    push(&mut words, "--users", load.users);
    // As many users come in the shorter time.
    push(&mut words, "--spawn-rate", load.spawn_rate.map(|rate| rate / time_scale));
    if let Some(duration) = load.duration {
        // Locust knows whole seconds only.
        let seconds = duration.mul_f64(time_scale).as_secs_f64().round().max(1.0);
        push(&mut words, "--run-time", Some(format!("{seconds}s")));
    }
    push(&mut words, "--host", scenario.host.as_ref());
    push(&mut words, "--csv", scenario.csv.as_ref());
    if !scenario.only_tags.is_empty() {
        words.push("--tags".to_owned());
        words.extend(scenario.only_tags.iter().cloned());
    }
    // Failed requests are for the criteria to judge.
    push(&mut words, "--exit-code-on-error", Some(0));
    words.extend(scenario.args.iter().cloned());
    words.extend(scenario.classes.iter().cloned());
    Words { words, env: Vec::new() }
}

fn burst(scenario: &Scenario, urls: &[String], time_scale: f64) -> Words {
    let mut words = vec!["burst".to_owned()];
    let load = scenario.load();
    let scaled = |time: Time| go(time.scaled(time_scale).0);
    if let Some(text) = &scenario.bursts {
        let (rate, length) = text.split_once(':').unwrap_or((text, ""));
        let length = plan::duration::parse_go(length).map_or(Duration::ZERO, Span::as_duration);
        push(&mut words, "--burst", Some(format!("{rate}:{}", scaled(Time(length)))));
        push(&mut words, "--every", scenario.every.map(scaled));
    } else if let Some(rate) = scenario.rate {
        push(&mut words, "--rate", Some(rate.0));
    } else {
        push(&mut words, "--concurrency", load.users);
    }
    push(&mut words, "--max-concurrency", scenario.max_concurrency.map(|n| n.0));
    push(&mut words, "--duration", load.duration.map(|duration| scaled(Time(duration))));
    push(&mut words, "--requests", scenario.iterations.map(|n| n.0));
    push(&mut words, "--method", scenario.method.as_ref());
    for (name, value) in &scenario.headers {
        push(&mut words, "--header", Some(format!("{name}: {value}")));
    }
    push(&mut words, "--data", scenario.data.as_ref());
    if !scenario.expect.is_empty() {
        push(&mut words, "--expect", Some(scenario.expect.join(",")));
    }
    push(&mut words, "--timeout", scenario.timeout.map(|time| go(time.0)));
    push(&mut words, "--cores", scenario.cores.map(|n| n.0));
    words.extend(scenario.args.iter().cloned());
    words.extend(urls.iter().cloned());
    Words { words, env: Vec::new() }
}

fn push(words: &mut Vec<String>, flag: &str, value: Option<impl ToString>) {
    if let Some(value) = value {
        words.extend([flag.to_owned(), value.to_string()]);
    }
}

fn go(duration: Duration) -> String {
    Time(duration).to_string()
}

/// A command line for people: words with blanks in quotes.
pub(crate) fn shown(words: &[String]) -> String {
    let is_plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=,@%+{}".contains(c))
    };
    let quoted = |word: &String| match is_plain(word) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scenario: &str, time_scale: f64) -> String {
        let suite: Suite = serde_json::from_str(&format!(
            r#"{{"suite": "s", "env": {{"A": "1", "B": "2"}}, "tags": {{"t": "x"}},
                "scenarios": [{scenario}]}}"#
        ))
        .unwrap();
        let places = Places {
            plan: Path::new("/p"),
            record: Path::new("/r"),
            probes: Some(Path::new("/o")),
        };
        shown(&of(&suite, &suite.scenarios[0], places, time_scale).unwrap().words)
    }

    #[test]
    fn scenarios_become_what_a_person_would_type() {
        for (scenario, line) in [
            (
                r#"{"name": "a", "k6": "s.js", "users": 10, "duration": "1m", "env": {"B": "y z"}, "args": ["--throw"]}"#,
                "run --record /r --observe /o --vus 10 --duration 1m0s --tag t=x --env A=1 --env 'B=y z' --throw /p/s.js",
            ),
            (
                r#"{"name": "a", "locust": "l.py", "preset": "light", "host": "http://h", "classes": ["U"]}"#,
                "locust --record /r --observe /o --headless -f /p/l.py --users 10 --spawn-rate 2 --run-time 120s \
                 --host http://h --exit-code-on-error 0 U",
            ),
            (
                r#"{"name": "a", "burst": "http://h/", "bursts": "200/s:5s", "every": "10s", "duration": "1m"}"#,
                "burst --record /r --observe /o --burst 200/s:5s --every 10s --duration 1m0s http://h/",
            ),
        ] {
            assert_eq!(words(scenario, 1.0), line);
        }
    }

    #[test]
    fn a_time_scale_shortens_times_and_keeps_users() {
        for (scenario, part) in [
            (
                r#"{"name": "a", "k6": "s.js", "duration": "5m"}"#,
                "--duration 5m0s --time-scale 0.02",
            ),
            (
                r#"{"name": "a", "locust": "l.py", "users": 100, "spawn_rate": 10, "duration": "5m"}"#,
                "--users 100 --spawn-rate 500 --run-time 6s",
            ),
            (
                r#"{"name": "a", "burst": "http://h/", "bursts": "200/s:5s", "every": "10s", "duration": "1m"}"#,
                "--burst 200/s:100ms --every 200ms --duration 1.2s",
            ),
        ] {
            let line = words(scenario, 0.02);
            assert!(line.contains(part), "{line}");
        }
    }
}
