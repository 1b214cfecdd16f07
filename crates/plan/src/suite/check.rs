//! What is wrong with a plan, as far as the plan alone can tell.

mod criteria;

use std::collections::BTreeMap;

use self::criteria::{criterion, in_scenario, live, over_all};
use super::gate::Gate;
use super::scenario::{Kind, Marks, Phase, Scenario};
use super::values::Time;
use super::{Command, Path, Step, StopWhen, Suite};

/// The longest name of a suite, scenario or phase, in characters.
const MAX_NAME: usize = 80;
/// Scenarios of one plan.
const MAX_SCENARIOS: usize = 1_000;

/// Something wrong with a plan: one sentence, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The value that is to blame.
    pub path: Path,
    /// Where in its text, in characters from 1, where that is known.
    pub column: Option<usize>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
}

/// Complaints so far.
#[derive(Default)]
struct Complaints(Vec<Complaint>);

impl Complaints {
    fn add(&mut self, path: Path, message: impl Into<String>) {
        self.0.push(Complaint { path, column: None, message: message.into() });
    }
}

pub(super) fn suite(suite: &Suite) -> Vec<Complaint> {
    let mut out = Complaints::default();
    let root = Path::root();
    if suite.suite.trim().is_empty() {
        out.add(root.key("suite"), "the suite needs a name");
    }
    gates(&suite.ready, &root.key("ready"), &mut out);
    commands(&suite.setup, &root.key("setup"), &mut out);
    commands(&suite.teardown, &root.key("teardown"), &mut out);
    for (at, forward) in suite.forwards.iter().enumerate() {
        if let Err(message) = forward_target(&forward.to) {
            out.add(root.key("forwards").index(at).key("to"), message);
        }
    }
    probes(suite, &mut out);
    scenarios(suite, &mut out);
    let path = root.key("criteria");
    for (at, text) in suite.criteria.iter().enumerate() {
        let Some(criterion) = criterion(text, path.index(at), &mut out) else { continue };
        over_all(&criterion, path.index(at), &mut out);
    }
    doubles(&suite.criteria, &path, "criterion", &mut out);
    for (at, rule) in suite.stop.iter().enumerate() {
        let path = root.key("stop").index(at).key("when");
        if let StopWhen::Missed(text) = &rule.when
            && let Some(criterion) = criterion(text, path.clone(), &mut out)
        {
            live(&criterion, path, &mut out);
        }
    }
    out.0
}

fn scenarios(suite: &Suite, out: &mut Complaints) {
    let list = Path::root().key("scenarios");
    if suite.scenarios.is_empty() {
        out.add(list.clone(), "the suite has no scenario");
    }
    if suite.scenarios.len() > MAX_SCENARIOS {
        let n = suite.scenarios.len();
        out.add(list.clone(), format!("{n} scenarios are too many: at most {MAX_SCENARIOS}"));
    }
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (at, scenario) in suite.scenarios.iter().enumerate() {
        let path = list.index(at);
        if let Some(message) = wrong_name(&scenario.name) {
            out.add(path.key("name"), message);
        } else if let Some(first) = names.insert(scenario.name.to_lowercase(), at) {
            let text = format!(
                "two scenarios are called `{}`: numbers {} and {}",
                scenario.name,
                first + 1,
                at + 1
            );
            out.add(path.key("name"), text);
        }
        one(suite, scenario, &path, out);
    }
}

/// Names become folders: letters, digits, blanks, `_`, `.`, `-`.
fn wrong_name(name: &str) -> Option<String> {
    if name.trim().is_empty() {
        return Some("the name is empty".to_owned());
    }
    if name.chars().count() > MAX_NAME {
        return Some(format!("the name has more than {MAX_NAME} characters"));
    }
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '-');
    let odd = name.chars().find(|c| !is_plain(*c)).or_else(|| name.starts_with('.').then_some('.'));
    odd.map(|c| {
        format!(
            "the name `{name}` has a `{c}`: it is made of letters, digits, blanks, `_`, `.`, `-`"
        )
    })
}

fn one(suite: &Suite, scenario: &Scenario, path: &Path, out: &mut Complaints) {
    let kind = match scenario.subjects()[..] {
        [kind] => kind,
        [] => {
            let text = format!(
                "the scenario `{}` runs nothing: it needs `k6`, `locust` or `burst`",
                scenario.name
            );
            return out.add(path.clone(), text);
        }
        [first, second, ..] => {
            let text = format!(
                "the scenario `{}` has both `{}` and `{}`: make two of it",
                scenario.name,
                first.key(),
                second.key()
            );
            return out.add(path.key(second.key()), text);
        }
    };
    for (step, kinds) in scenario.strays(kind) {
        let Step::Key(key) = step else { continue };
        let others: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.key())).collect();
        let text = format!(
            "`{key}` is for scenarios with {}, this one is of `{}`",
            others.join(" or "),
            kind.key()
        );
        out.add(path.key(&key), text);
    }
    load(scenario, kind, path, out);
    phases(&scenario.phases, scenario.load().duration.map(Time), &path.key("phases"), out);
    gates(&scenario.ready, &path.key("ready"), out);
    commands(&scenario.setup, &path.key("setup"), out);
    commands(&scenario.teardown, &path.key("teardown"), out);
    let list = path.key("criteria");
    for (at, text) in scenario.criteria.iter().enumerate() {
        if let Some(criterion) = criterion(text, list.index(at), out) {
            in_scenario(suite, scenario, &criterion, list.index(at), out);
        }
    }
    doubles(&scenario.criteria, &list, "criterion", out);
    if let Some(baseline) = &scenario.baseline
        && let (Some(low), Some(high)) = (baseline.p50, baseline.p99)
        && low > high
    {
        let text = format!("the baseline's p50 of {low} is above its p99 of {high}");
        out.add(path.key("baseline").key("p50"), text);
    }
}

fn load(scenario: &Scenario, kind: Kind, path: &Path, out: &mut Complaints) {
    for (key, time) in [
        ("duration", scenario.duration),
        ("every", scenario.every),
        ("timeout", scenario.timeout),
        ("at_most", scenario.at_most),
    ] {
        if time.is_some_and(|time| time.0.is_zero()) {
            out.add(path.key(key), format!("`{key}` is 0"));
        }
    }
    if let (Some(warm_up), Some(duration)) = (scenario.warm_up, scenario.load().duration)
        && warm_up.0 >= duration
    {
        let duration = Time(duration);
        let text = format!("the warm-up of {warm_up} leaves nothing of the {duration} to judge");
        out.add(path.key("warm_up"), text);
    }
    match kind {
        Kind::Burst => burst(scenario, path, out),
        Kind::Locust => {
            if scenario.load().duration.is_none() {
                let text = "a Locust file runs for ever without `duration` or `preset`";
                out.add(path.key("locust"), text);
            }
        }
        Kind::K6 => {
            for (at, stage) in scenario.stages.iter().enumerate() {
                let is_stage = stage.split_once(':').is_some_and(|(length, target)| {
                    crate::duration::parse_go(length).is_ok_and(|span| span.nanos() >= 0)
                        && target.trim().parse::<u32>().is_ok()
                });
                if !is_stage {
                    let text = format!("`{stage}` is no stage: it is written like `2m:100`");
                    out.add(path.key("stages").index(at), text);
                }
            }
            if !scenario.stages.is_empty() && scenario.duration.is_some() {
                out.add(path.key("duration"), "`duration` and `stages` exclude each other");
            }
        }
    }
}

fn burst(scenario: &Scenario, path: &Path, out: &mut Complaints) {
    let urls = scenario.burst.iter().flat_map(|urls| urls.0.iter().enumerate());
    let is_list = scenario.burst.as_ref().is_some_and(|urls| urls.0.len() != 1);
    for (at, url) in urls {
        if let Err(message) = url_of(url) {
            let list = path.key("burst");
            out.add(if is_list { list.index(at) } else { list }, message);
        }
    }
    if scenario.burst.as_ref().is_some_and(|urls| urls.0.is_empty()) {
        out.add(path.key("burst"), "`burst` names no URL");
    }
    let shapes = [
        ("users", scenario.users.is_some()),
        ("rate", scenario.rate.is_some()),
        ("bursts", scenario.bursts.is_some()),
    ];
    let given: Vec<&str> = shapes.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
    if let [first, second, ..] = given[..] {
        let text = format!("`{first}` and `{second}` are different shapes of load: give one");
        out.add(path.key(second), text);
    }
    if scenario.every.is_some() && scenario.bursts.is_none() {
        out.add(path.key("every"), "`every` needs `bursts`");
    }
    if let Some(text) = &scenario.bursts {
        let is_burst = text.split_once(':').is_some_and(|(rate, length)| {
            rate.strip_suffix("/s").is_some_and(|n| n.parse::<f64>().is_ok_and(|n| n > 0.0))
                && crate::duration::parse_go(length).is_ok_and(|span| span.nanos() > 0)
        });
        if !is_burst {
            let text = format!("`{text}` is no burst: it is written like `2000/s:5s`");
            out.add(path.key("bursts"), text);
        }
    }
}

/// What a URL needs to be asked: `http` or `https`, a host, a port that is one.
fn url_of(url: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("`{url}` is no URL: {why}"));
    let Some((scheme, rest)) = url.split_once("://") else {
        return wrong("it is written like `http://host:port/path`");
    };
    if !matches!(scheme, "http" | "https") {
        return wrong("its scheme is neither http nor https");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    if let Err(why) = host_and_port(place) {
        return wrong(why);
    }
    match url.chars().find(|c| c.is_whitespace() || c.is_control()) {
        Some(_) => wrong("it has a blank"),
        None => Ok(()),
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
fn host_and_port(place: &str) -> Result<Option<u16>, &'static str> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("a `[` without a `]`")?;
            (host, port.strip_prefix(':'))
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err("it has no host");
    }
    match port {
        None => Ok(None),
        Some(port) => match port.parse() {
            Ok(0) | Err(_) => Err("its port is not between 1 and 65535"),
            Ok(port) => Ok(Some(port)),
        },
    }
}

fn forward_target(text: &str) -> Result<(), String> {
    let wrong = || format!("`{text}` is no forward: it is written like `8010:svc/api:80`");
    let (before, target) = match text.split_once('/') {
        Some((kind, rest)) => (kind, rest),
        None => return Err(wrong()),
    };
    let (local, kind) = before.rsplit_once(':').map_or((None, before), |(l, k)| (Some(l), k));
    let (name, port) = target.rsplit_once(':').ok_or_else(wrong)?;
    let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let is_named = port.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !port.is_empty();
    let is_kind = matches!(kind, "svc" | "service" | "pod" | "deploy" | "deployment");
    let fits = is_kind && !name.is_empty() && local.is_none_or(is_port) && is_named;
    if fits { Ok(()) } else { Err(wrong()) }
}

fn gates(gates: &[Gate], list: &Path, out: &mut Complaints) {
    for (at, gate) in gates.iter().enumerate() {
        let path = list.index(at);
        match gate.subjects()[..] {
            [_] => {}
            [] => {
                let text = "the gate waits for nothing: it needs `url`, `grpc`, `tcp` or `rollout`";
                out.add(path.clone(), text);
            }
            [first, second, ..] => {
                let text = format!("the gate has both `{first}` and `{second}`: make two of it");
                out.add(path.key(second), text);
            }
        }
        for (key, subject) in gate.strays() {
            out.add(path.key(key), format!("`{key}` is for gates with `{subject}`"));
        }
        if let Some(Err(message)) = gate.url.as_deref().map(url_of) {
            out.add(path.key("url"), message);
        }
        for (key, address) in [("grpc", &gate.grpc), ("tcp", &gate.tcp)] {
            if let Some(address) = address
                && !matches!(host_and_port(address), Ok(Some(_)))
            {
                let text = format!("`{address}` is no address: it is written like `host:port`");
                out.add(path.key(key), text);
            }
        }
        if let Some(name) = &gate.rollout {
            let is_named = name.split_once('/').is_some_and(|(kind, name)| {
                matches!(kind, "deployment" | "deploy" | "statefulset") && !name.is_empty()
            });
            if !is_named {
                let text = format!("`{name}` is no rollout: it is written like `deployment/api`");
                out.add(path.key("rollout"), text);
            }
        }
        if gate.status.is_some_and(|status| !(100..=599).contains(&status.0)) {
            out.add(path.key("status"), "a status is between 100 and 599");
        }
        for (key, time) in [("deadline", gate.deadline), ("every", gate.every)] {
            if time.is_some_and(|time| time.0.is_zero()) {
                out.add(path.key(key), format!("`{key}` is 0"));
            }
        }
    }
}

fn commands(commands: &[Command], list: &Path, out: &mut Complaints) {
    for (at, command) in commands.iter().enumerate() {
        if command.run.trim().is_empty() {
            out.add(list.index(at), "the command is empty");
        }
        if command.timeout.is_some_and(|time| time.0.is_zero()) {
            out.add(list.index(at).key("timeout"), "`timeout` is 0");
        }
    }
}

fn phases(phases: &[Phase], duration: Option<Time>, list: &Path, out: &mut Complaints) {
    let names: Vec<String> = phases.iter().map(|phase| phase.name.clone()).collect();
    for (at, phase) in phases.iter().enumerate() {
        let path = list.index(at);
        if let Some(message) = wrong_name(&phase.name) {
            out.add(path.key("name"), message);
        }
        if names[..at].contains(&phase.name) {
            out.add(path.key("name"), format!("two phases are called `{}`", phase.name));
        }
        let is_timed = phase.from.is_some() || phase.to.is_some();
        match phase.marks() {
            Marks::Stage { .. } if is_timed => {
                let text = "a phase is marked by `from` and `to`, or by `stage` and `scenario`";
                out.add(path.clone(), text);
            }
            Marks::Stage { .. } => {}
            Marks::Times { .. } if !is_timed => {
                let text = format!("the phase `{}` has neither times nor a stage", phase.name);
                out.add(path.clone(), text);
            }
            Marks::Times { from, to } => {
                let (from, end) = (Time(from), to.map(Time).or(duration));
                if end.is_some_and(|end| end <= from) {
                    let end = end.unwrap_or_default();
                    let text =
                        format!("the phase `{}` ends at {end}, before it begins", phase.name);
                    out.add(path.key(if to.is_some() { "to" } else { "from" }), text);
                }
            }
        }
    }
}

fn doubles(texts: &[String], list: &Path, what: &str, out: &mut Complaints) {
    for (at, text) in texts.iter().enumerate() {
        if texts[..at].iter().any(|other| other.trim() == text.trim()) {
            out.add(list.index(at), format!("the {what} `{}` is there twice", text.trim()));
        }
    }
}

/// What is wrong with probes; those of a scenario must also go with the suite's.
fn probes(suite: &Suite, out: &mut Complaints) {
    let root = Path::root().key("probes");
    if let Some(probes) = &suite.probes
        && let Err(error) = probes.clone().complete()
    {
        return out.add(along(&root, &error.place), error.reason);
    }
    for (at, scenario) in suite.scenarios.iter().enumerate() {
        let Some(own) = &scenario.probes else { continue };
        let path = Path::root().key("scenarios").index(at).key("probes");
        if let Err(error) = own.clone().complete() {
            out.add(along(&path, &error.place), error.reason);
            continue;
        }
        let mut all = suite.probes.clone().unwrap_or_default();
        all.add(own.clone());
        if let Err(error) = all.complete() {
            out.add(path, error.reason);
        }
    }
}

/// The way that `prometheus[0].queries.rps` describes, from `path` on.
fn along(path: &Path, place: &str) -> Path {
    let mut path = path.clone();
    for part in place.split('.').filter(|part| *part != "probes") {
        let (key, indexes) = part.split_once('[').map_or((part, ""), |(key, rest)| (key, rest));
        path = path.key(key);
        for index in indexes.split('[').filter_map(|text| text.strip_suffix(']')?.parse().ok()) {
            path = path.index(index);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(json: &str) -> Vec<String> {
        let suite: Suite = serde_json::from_str(json).unwrap();
        let told = |c: Complaint| format!("{}: {}", c.path, c.message);
        suite.check().into_iter().map(told).collect()
    }

    fn of_scenario(fields: &str) -> Vec<String> {
        complaints(&format!(r#"{{"suite": "s", "scenarios": [{{"name": "a", {fields}}}]}}"#))
    }

    #[test]
    fn a_plan_that_can_be_run_has_no_complaints() {
        let plan = r#"{"suite": "s", "scenarios": [
            {"name": "a", "k6": "a.js", "criteria": ["p(95) < 500ms", "error_rate < 1%"]},
            {"name": "b", "burst": "http://127.0.0.1:8000/", "bursts": "200/s:5s", "every": "10s"},
            {"name": "c", "locust": "l.py", "preset": "light",
             "phases": [{"name": "peak", "from": "10s", "to": "1m"}],
             "criteria": ["p(99) < 1s during peak"]}],
            "criteria": ["failures == 0"], "stop": [{"when": "fail"}, {"when": "error_rate < 20%", "for": "5s"}]}"#;
        assert_eq!(complaints(plan), [""; 0]);
    }

    #[test]
    fn each_mistake_is_told_once_and_in_its_place() {
        let at = |field: &str| format!("scenarios[0].{field}");
        for (fields, place, words) in [
            (r#""description": "x""#, "scenarios[0]".to_owned(), "runs nothing"),
            (r#""k6": "a", "locust": "b""#, at("locust"), "both `k6` and `locust`"),
            (r#""k6": "a", "rate": 5"#, at("rate"), "`rate` is for scenarios with `burst`"),
            (r#""locust": "a""#, at("locust"), "for ever"),
            (r#""burst": "ftp://x/""#, at("burst"), "neither http nor https"),
            (r#""burst": "127.0.0.1""#, at("burst"), "is no URL"),
            (r#""burst": "http://a:99999/""#, at("burst"), "port"),
            (r#""burst": "http://a/", "users": 3, "rate": 5"#, at("rate"), "different shapes"),
            (r#""burst": "http://a/", "bursts": "200:5""#, at("bursts"), "no burst"),
            (r#""k6": "a", "stages": ["2m-100"]"#, at("stages[0]"), "no stage"),
            (r#""k6": "a", "duration": "0s""#, at("duration"), "is 0"),
            (r#""k6": "a", "duration": "5s", "warm_up": "10s""#, at("warm_up"), "leaves nothing"),
            (
                r#""locust": "a", "duration": "1m", "criteria": ["p(99) < 1s during peak"]"#,
                at("criteria[0]"),
                "no phase",
            ),
            (
                r#""k6": "a", "criteria": ["pg_connections_total < 9"]"#,
                at("criteria[0]"),
                "PostgreSQL",
            ),
            (
                r#""k6": "a", "criteria": ["failures == 0", "failures == 0"]"#,
                at("criteria[1]"),
                "twice",
            ),
            (
                r#""k6": "a", "ready": [{"url": "http://a/", "tcp": "a:1"}]"#,
                at("ready[0].tcp"),
                "both",
            ),
            (r#""k6": "a", "ready": [{"tcp": "a"}]"#, at("ready[0].tcp"), "no address"),
            (r#""k6": "a", "ready": [{}]"#, at("ready[0]"), "waits for nothing"),
            (
                r#""k6": "a", "phases": [{"name": "p", "from": "5s", "to": "2s"}]"#,
                at("phases[0].to"),
                "before it begins",
            ),
            (r#""k6": "a", "setup": [" "]"#, at("setup[0]"), "empty"),
        ] {
            let found = of_scenario(fields);
            assert_eq!(found.len(), 1, "{fields}: {found:?}");
            let is_told = found[0].starts_with(&format!("{place}: ")) && found[0].contains(words);
            assert!(is_told, "{fields}: {found:?}");
        }
    }

    #[test]
    fn a_criterion_is_blamed_to_its_column() {
        let suite: Suite = serde_json::from_str(
            r#"{"suite": "s", "scenarios": [{"name": "a", "k6": "a", "criteria": ["p(95) < 5parsecs"]}]}"#,
        )
        .unwrap();
        let found = suite.check();
        assert_eq!((found.len(), found[0].column), (1, Some(10)), "{found:?}");
    }

    #[test]
    fn forwards_and_names_have_a_form() {
        assert_eq!(forward_target("8010:svc/api:80"), Ok(()));
        assert_eq!(forward_target("svc/api:http"), Ok(()));
        assert!(forward_target("api:80").is_err() && forward_target("0:svc/api:80").is_err());
        assert_eq!(wrong_name("Scenario 1.b"), None);
        assert!(wrong_name("../x").is_some() && wrong_name("a/b").is_some());
    }
}
