//! Every kind of wrong plan gives one message: file, line, column, and a sentence that says what to do.

use crate::folder::Folder;
use crate::schema;

/// Whether the published schema finds it too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schema {
    /// An editor with the schema marks it.
    Finds,
    /// It takes more than a schema: files, names that belong together, the meaning of a text.
    Cannot,
    /// It is no YAML at all, or its variables lead nowhere.
    NotAsked,
}
use Schema::{Cannot, Finds, NotAsked};

/// What is wrong; the plan; line and column; words of the message.
const WRONG: &[(&str, &str, &str, &str, Schema)] = &[
    (
        "unknown key of the plan",
        "suite: s\nscenarioss: []\n",
        "2:1",
        "unknown key `scenarioss`: did you mean `scenarios`?",
        Finds,
    ),
    (
        "unknown key of a scenario",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    usres: 5\n",
        "5:5",
        "did you mean `users`?",
        Finds,
    ),
    (
        "another spelling of a key",
        "suite: s\nscenarios:\n  - name: a\n    locust: locustfile.py\n    duration: 5s\n    spawn-rate: 5\n",
        "6:5",
        "did you mean `spawn_rate`?",
        Finds,
    ),
    (
        "unknown key far from any",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js, colour: red}\n",
        "3:28",
        "unknown key `colour`: there are name, ",
        Finds,
    ),
    ("no name", "scenarios: []\n", "1:1", "`suite` is missing", Finds),
    ("no scenarios", "suite: s\n", "1:1", "`scenarios` is missing", Finds),
    (
        "an empty list of scenarios",
        "suite: s\nscenarios: []\n",
        "2:1",
        "the suite has no scenario",
        Finds,
    ),
    (
        "bad unit",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    duration: 10x\n",
        "5:15",
        "the duration `10x` has the unknown unit `x`",
        Finds,
    ),
    (
        "no unit",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    duration: 10\n",
        "5:15",
        "the duration `10` lacks a unit",
        Finds,
    ),
    (
        "negative duration",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    cool_down: -5s\n",
        "5:16",
        "the duration `-5s` is negative",
        Finds,
    ),
    (
        "a duration of 0",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    duration: 0s\n",
        "5:15",
        "`duration` is 0",
        Cannot,
    ),
    (
        "no users",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    users: 0\n",
        "5:12",
        "0 is not a whole number from 1",
        Finds,
    ),
    (
        "half a user",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js, users: 2.5}\n",
        "3:35",
        "2.5 is not a whole number from 1",
        Finds,
    ),
    (
        "bad rate",
        "suite: s\nscenarios:\n  - {name: a, burst: 'http://127.0.0.1/', rate: 5/week}\n",
        "3:49",
        "`5/week` is no rate",
        Finds,
    ),
    (
        "bad share",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js, baseline: {success: 120%}}\n",
        "3:48",
        "not between 0 and 100 %",
        Cannot,
    ),
    (
        "unknown preset",
        "suite: s\nscenarios:\n  - {name: a, locust: locustfile.py, preset: haevy}\n",
        "3:46",
        "did you mean `heavy`?",
        Finds,
    ),
    (
        "a list where a text is meant",
        "suite: s\nscenarios:\n  - {name: [a], k6: test.js}\n",
        "3:12",
        "expected a string, found a list",
        Finds,
    ),
    (
        "missing script",
        "suite: s\nscenarios:\n  - name: a\n    k6: tset.js\n",
        "4:9",
        "the script `tset.js` is not there: looked for /",
        Cannot,
    ),
    (
        "missing Locust file",
        "suite: s\nscenarios:\n  - {name: a, locust: none.py, duration: 5s}\n",
        "3:23",
        "the Locust file `none.py` is not there",
        Cannot,
    ),
    (
        "missing template",
        "suite: s\nscenarios: [{name: a, k6: test.js}]\nreport: {template: mine.md}\n",
        "3:20",
        "the report's template `mine.md` is not there",
        Cannot,
    ),
    (
        "missing body",
        "suite: s\nscenarios:\n  - {name: a, burst: 'http://127.0.0.1/', data: '@gone.json'}\n",
        "3:49",
        "the body's file `gone.json` is not there",
        Cannot,
    ),
    (
        "nothing to run",
        "suite: s\nscenarios:\n  - name: a\n    users: 5\n",
        "3:5",
        "the scenario `a` runs nothing",
        Finds,
    ),
    (
        "two things to run",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    burst: http://127.0.0.1/\n",
        "5:12",
        "has both `k6` and `burst`",
        Finds,
    ),
    (
        "a key of another kind",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    spawn_rate: 5\n",
        "5:17",
        "`spawn_rate` is for scenarios with `locust`",
        Cannot,
    ),
    (
        "duplicate names",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js}\n  - {name: A, k6: test.js}\n",
        "4:12",
        "two scenarios are called `A`: numbers 1 and 2",
        Cannot,
    ),
    (
        "a name that is a path",
        "suite: s\nscenarios:\n  - {name: ../a, k6: test.js}\n",
        "3:12",
        "the name `../a` has a `/`",
        Finds,
    ),
    (
        "bad URL",
        "suite: s\nscenarios:\n  - {name: a, burst: 'htp://127.0.0.1/'}\n",
        "3:22",
        "`htp://127.0.0.1/` is no URL: its scheme is neither http nor https",
        Finds,
    ),
    (
        "bad port",
        "suite: s\nscenarios:\n  - {name: a, burst: 'http://127.0.0.1:99999/'}\n",
        "3:22",
        "its port is not between 1 and 65535",
        Cannot,
    ),
    (
        "bad gate",
        "suite: s\nready: [{tcp: localhost}]\nscenarios: [{name: a, k6: test.js}]\n",
        "2:15",
        "`localhost` is no address: it is written like `host:port`",
        Cannot,
    ),
    (
        "a gate without a subject",
        "suite: s\nready:\n  - deadline: 5s\nscenarios: [{name: a, k6: test.js}]\n",
        "3:5",
        "the gate waits for nothing",
        Finds,
    ),
    (
        "bad rollout",
        "suite: s\nready: [{rollout: api}]\nscenarios: [{name: a, k6: test.js}]\n",
        "2:19",
        "`api` is no rollout: it is written like `deployment/api`",
        Finds,
    ),
    (
        "bad forward",
        "suite: s\nforwards: [{to: 'api:80'}]\nscenarios: [{name: a, k6: test.js}]\n",
        "2:17",
        "`api:80` is no forward",
        Finds,
    ),
    (
        "two shapes of load",
        "suite: s\nscenarios:\n  - {name: a, burst: 'http://127.0.0.1/', users: 5, rate: 5}\n",
        "3:59",
        "`users` and `rate` are different shapes of load",
        Cannot,
    ),
    (
        "bad burst",
        "suite: s\nscenarios:\n  - {name: a, burst: 'http://127.0.0.1/', bursts: 200-5s}\n",
        "3:51",
        "`200-5s` is no burst",
        Finds,
    ),
    (
        "bad stage",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    stages:\n      - 2m-100\n",
        "6:9",
        "`2m-100` is no stage: it is written like `2m:100`",
        Finds,
    ),
    (
        "endless Locust run",
        "suite: s\nscenarios:\n  - name: a\n    locust: locustfile.py\n",
        "4:13",
        "runs for ever without `duration` or `preset`",
        Cannot,
    ),
    (
        "a warm-up of all the time",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js, duration: 5s, warm_up: 10s}\n",
        "3:51",
        "leaves nothing of the 5s to judge",
        Cannot,
    ),
    (
        "malformed criterion",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    criteria:\n      - p(95) < 5parsecs\n",
        "6:18",
        "unknown unit `parsecs`",
        Cannot,
    ),
    (
        "impossible criterion",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    criteria: [\"error_rate < 0%\"]\n",
        "5:28",
        "this can never hold: an error rate is between 0% and 100%",
        Cannot,
    ),
    (
        "a range upside down",
        "suite: s\nprobes: {postgres: [{url: 'postgresql://u@127.0.0.1/d'}]}\nscenarios:\n  - name: a\n    k6: test.js\n    criteria: [\"pg_connections_total in 60..40\"]\n",
        "6:38",
        "the range is empty",
        Cannot,
    ),
    (
        "a marginal bound that is no wider",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js, criteria: ['p(99) < 500ms marginal < 400ms']}\n",
        "3:63",
        "the marginal bound must be wider",
        Cannot,
    ),
    (
        "a criterion nobody can answer",
        "suite: s\nscenarios:\n  - name: a\n    k6: test.js\n    criteria:\n      - pg_connections_total in 40..60\n",
        "6:9",
        "it needs a PostgreSQL, and `probes` has no `postgres`",
        Cannot,
    ),
    (
        "an unknown phase",
        "suite: s\nscenarios:\n  - name: a\n    locust: locustfile.py\n    duration: 1m\n    phases: [{name: peak, from: 10s}]\n    criteria: [p(99) < 1s during paek]\n",
        "7:16",
        "there is no phase `paek`: there are peak",
        Cannot,
    ),
    (
        "a phase that ends before it begins",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js, phases: [{name: p, from: 9s, to: 5s}]}\n",
        "3:61",
        "the phase `p` ends at 5s, before it begins",
        Cannot,
    ),
    (
        "a phase without a mark",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js, phases: [{name: p}]}\n",
        "3:37",
        "has neither times nor a stage",
        Cannot,
    ),
    (
        "the same criterion twice",
        "suite: s\nscenarios:\n  - {name: a, k6: test.js, criteria: [failures == 0, failures == 0]}\n",
        "3:54",
        "is there twice",
        Cannot,
    ),
    (
        "a suite's criterion that has no sum",
        "suite: s\nscenarios: [{name: a, k6: test.js}]\ncriteria: [throughput > 5/s every 10s]\n",
        "3:12",
        "put it into a scenario",
        Cannot,
    ),
    (
        "a stop rule about the end",
        "suite: s\nscenarios: [{name: a, k6: test.js}]\nstop: [{when: 'checks > 99%'}]\n",
        "3:15",
        "a stop rule looks at one moment",
        Cannot,
    ),
    (
        "an empty command",
        "suite: s\nsetup:\n  - run: ''\nscenarios: [{name: a, k6: test.js}]\n",
        "3:5",
        "the command is empty",
        Finds,
    ),
    (
        "an unknown key of a command",
        "suite: s\nsetup:\n  - {run: make, timout: 5s}\nscenarios: [{name: a, k6: test.js}]\n",
        "3:17",
        "did you mean `timeout`?",
        Finds,
    ),
    (
        "an unknown probe",
        "suite: s\nprobes: {prometeus: []}\nscenarios: [{name: a, k6: test.js}]\n",
        "2:10",
        "did you mean `prometheus`?",
        Finds,
    ),
    (
        "a probe without a source",
        "suite: s\nprobes:\n  docker:\n    - name: x\nscenarios: [{name: a, k6: test.js}]\n",
        "4:7",
        "names neither `containers` nor a `compose` project",
        Cannot,
    ),
    (
        "a probe's bad URL",
        "suite: s\nprobes:\n  redis:\n    - url: http://127.0.0.1\nscenarios: [{name: a, k6: test.js}]\n",
        "4:12",
        "redis or rediss",
        Cannot,
    ),
    (
        "two probes of one name",
        "suite: s\nprobes:\n  redis: [{name: a, url: 'redis://127.0.0.1'}, {name: a, url: 'redis://127.0.0.1'}]\nscenarios: [{name: a, k6: test.js}]\n",
        "2:1",
        "two are named `a`",
        Cannot,
    ),
    (
        "secret of a variable",
        "suite: s\nenv:\n  API_TOKEN: abcdef\nscenarios: [{name: a, k6: test.js}]\n",
        "3:14",
        "the value of `API_TOKEN` stands here in plain text",
        Cannot,
    ),
    (
        "password of a URL",
        "suite: s\nprobes:\n  postgres:\n    - url: postgresql://u:hunter2@127.0.0.1/d\nscenarios: [{name: a, k6: test.js}]\n",
        "4:12",
        "the password of a URL stands here in plain text",
        Cannot,
    ),
    (
        "unknown variable",
        "suite: s\nvariables: {host: x}\nscenarios:\n  - {name: a, burst: 'http://${hots}/'}\n",
        "4:22",
        "there is no variable `hots`: did you mean `host`?",
        NotAsked,
    ),
    (
        "a cycle of variables",
        "suite: s\nvariables:\n  a: ${b}\n  b: ${a}\nscenarios: [{name: '${a}', k6: test.js}]\n",
        "4:6",
        "stands for itself in the end: b -> a -> b",
        NotAsked,
    ),
    (
        "a variable that the environment lacks",
        "suite: s\nscenarios:\n  - {name: a, burst: 'http://${env.NOWHERE}/'}\n",
        "3:22",
        "the environment has no NOWHERE",
        NotAsked,
    ),
    (
        "a target that is not asked for",
        "suite: s\nscenarios:\n  - {name: a, burst: '${target.url}/'}\n",
        "3:22",
        "needs the bundled target",
        NotAsked,
    ),
    (
        "a key twice",
        "suite: s\nsuite: t\nscenarios: [{name: a, k6: test.js}]\n",
        "2:1",
        "`suite` is there twice: first in line 1",
        NotAsked,
    ),
    ("no YAML", "suite: [s\nscenarios: 1\n", "2:10", "this is no YAML", NotAsked),
    ("nothing", "\n", "1:1", "the file is empty", NotAsked),
    (
        "two documents",
        "suite: s\nscenarios: [{name: a, k6: test.js}]\n---\nsuite: t\n",
        "3:1",
        "a second document",
        NotAsked,
    ),
];

#[test]
fn each_kind_of_mistake_is_told_once_with_its_place() {
    assert!(WRONG.len() >= 30, "{}", WRONG.len());
    let folder = Folder::new();
    let mut wrong = Vec::new();
    for (what, text, place, words, _) in WRONG {
        let told = match folder.read(text) {
            Ok(_) => {
                wrong.push(format!("{what}: taken as it is"));
                continue;
            }
            Err(mistakes) => mistakes,
        };
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        let file = folder.0.join("plan.yaml");
        let start = format!("{}:{place}: ", file.display());
        let is_told = told.len() == 1 && told[0].starts_with(&start) && told[0].contains(words);
        if !is_told {
            wrong.push(format!("{what}: expected {place}: …{words}…\n    got {told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_schema_rejects_what_a_schema_can() {
    let folder = Folder::new();
    let mut wrong = Vec::new();
    for (what, text, _, _, expected) in WRONG {
        if *expected == NotAsked {
            continue;
        }
        std::fs::write(folder.0.join("plan.yaml"), text).unwrap();
        let found = schema::errors(&suite::to_json(text).unwrap());
        let is_found = !found.is_empty();
        if is_found != (*expected == Finds) {
            wrong.push(format!("{what}: the schema says {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_plan_with_several_mistakes_tells_all_in_order() {
    let folder = Folder::new();
    let text = "suite: s\nscenarios:\n  - {name: a, k6: gone.js}\n  - {name: b, burst: ftp://x/}\n";
    let told: Vec<(usize, usize)> =
        folder.read(text).unwrap_err().iter().map(|m| (m.line, m.column)).collect();
    assert_eq!(told, [(3, 19), (4, 22)]);
}
