//! The commands, and how a command line finds its own.

mod archive;
mod burst;
mod completion;
mod demo;
mod demo_target;
mod deps;
mod doctor;
mod elsewhere;
mod examples;
mod features;
mod inspect;
mod k8s;
mod locust;
mod new;
mod remote;
mod report;
mod run;
mod runs;
mod suite;
mod version;

use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::flags::table::{
    DOCTOR, GLOBAL, IMPORTS, INSPECT, K8S, KUBERNETES, KUBERNETES_LONG, OPTIONS, OURS, REPORT,
    REPORTS, RUN, RUNTIME, VERSION,
};
use crate::flags::{Flag, Parsed, Parser, help};
use crate::run::closing::FLAGS as JUDGING;
use crate::session::{Name, Session, plain_log};
use crate::terminal::{Abilities, Terminal};

/// One command: its words, its flags and what it does.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    examples: &'static str,
    tables: &'static [(&'static str, &'static [&'static [Flag]])],
    body: fn(&Session) -> CommandResult,
}

const SHARED: (&str, &[&[Flag]]) = ("Global flags", &[GLOBAL]);

const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        usage: "run [flags] FILE|-",
        about: "Runs a k6 script and prints k6's summary.",
        examples: "  squall run script.js\n  squall run -u 5 -d 10s script.js\n  \
                   squall run --time-scale 0.02 script.js   # its own scenarios, fifty times faster\n  \
                   cat script.js | squall run -",
        tables: &[
            ("Flags", &[OPTIONS, RUNTIME, RUN]),
            ("Squall's own flags", &[OURS, REPORTS, JUDGING, IMPORTS]),
            ("Kubernetes", &[KUBERNETES]),
            SHARED,
        ],
        body: run::run,
    },
    Command {
        name: "burst",
        usage: "burst [flags] URL…|--asgi MODULE:APP [path…]",
        about: "Loads URLs without a script: closed or open loop, with bursts.",
        examples: "  squall burst http://127.0.0.1:8000/ --concurrency 50 --duration 10s\n  \
                   squall burst http://127.0.0.1:8000/ --rate 500\n  \
                   squall burst http://127.0.0.1:8000/ --burst 2000/s:5s --every 30s -d 2m\n  \
                   squall burst --asgi package.module:app /health --concurrency 50",
        tables: &[
            ("Flags", &[burst::FLAGS, JUDGING, REPORTS]),
            ("Kubernetes", &[KUBERNETES_LONG]),
            SHARED,
        ],
        body: burst::run,
    },
    Command {
        name: "locust",
        usage: "locust [Locust's options] [UserClass …]",
        about: "Runs a Locust file in the Python of this environment, on the Rust engine.",
        examples: "  squall locust -f locustfile.py -H http://127.0.0.1:8000   # web page on port 8089\n  \
                   squall locust -f locustfile.py --headless -u 100 -r 10 -t 5m -H http://127.0.0.1:8000",
        tables: &[
            ("Squall's own flags", &[locust::FLAGS, JUDGING, REPORTS]),
            ("Kubernetes", &[KUBERNETES]),
        ],
        body: locust::run,
    },
    Command {
        name: "suite",
        usage: "suite run|check|schema [flags] [PLAN]",
        about: "Runs the scenarios of a plan file one after the other, judges them and writes one report.",
        examples: "  squall suite run plan.yaml\n  squall suite run --only baseline --dry-run plan.yaml\n  \
                   squall suite run --resume DIR           # goes on where it was cut off\n  \
                   squall suite check plan.yaml\n  squall suite schema > suite.schema.json",
        tables: &[("Flags", &[suite::FLAGS]), SHARED],
        body: suite::run,
    },
    Command {
        name: "k8s",
        usage: "k8s forward run|start|stop|status [flags] [[LOCAL:]svc/NAME:PORT …] | k8s exec [flags] POD -- PROGRAM …",
        about: "Forwards ports of a Kubernetes cluster: until Ctrl-C, or in the background; executes programs in its pods.",
        examples: "  squall k8s forward start -n shop 8010:svc/api:80\n  squall k8s forward status\n  \
                   squall k8s forward stop 8010\n  squall k8s forward run pod/db-0:5432\n  \
                   squall k8s exec -n shop -i db-0 -- psql -U postgres",
        tables: &[("Flags", &[K8S, k8s::FLAGS]), SHARED],
        body: k8s::run,
    },
    Command {
        name: "inspect",
        usage: "inspect [flags] FILE|-",
        about: "Prints the options of a script as JSON, or the consolidated plan.",
        examples: "  squall inspect script.js\n  squall inspect --execution-requirements script.js",
        tables: &[("Flags", &[INSPECT, RUNTIME]), ("Squall's own flags", &[IMPORTS]), SHARED],
        body: inspect::run,
    },
    Command {
        name: "archive",
        usage: "archive [flags] FILE|-",
        about: "Puts a script with everything it imports and opens into one file, which k6 runs as well.",
        examples: "  squall archive -u 10 -d 10s -O test.tar script.js\n  squall run test.tar",
        tables: &[
            ("Flags", &[archive::FLAGS, OPTIONS, RUNTIME]),
            ("Squall's own flags", &[IMPORTS]),
            SHARED,
        ],
        body: archive::run,
    },
    Command {
        name: "new",
        usage: "new [flags] [FILE]",
        about: "Makes a script to start from.",
        examples: "  squall new\n  squall new --template protocol load.js",
        tables: &[("Flags", &[new::FLAGS]), SHARED],
        body: new::run,
    },
    Command {
        name: "deps",
        usage: "deps [flags] FILE|-",
        about: "Lists what a script imports, without running it.",
        examples: "  squall deps script.js\n  squall deps --json script.js",
        tables: &[("Flags", &[deps::FLAGS, RUNTIME]), ("Squall's own flags", &[IMPORTS]), SHARED],
        body: deps::run,
    },
    Command {
        name: "features",
        usage: "features [flags]",
        about: "Lists k6's feature flags.",
        examples: "  squall features\n  squall features --json",
        tables: &[("Flags", &[VERSION]), SHARED],
        body: features::run,
    },
    Command {
        name: "report",
        usage: "report [flags] DIR",
        about: "Prints the summary of a recorded run again, also of one that was killed, judges it, and writes reports of it.",
        examples: "  squall report                            # the newest run\n  \
                   squall report --write ~/.local/share/squall/runs/…\n  \
                   squall report --report html=r.html --criterion 'p(99) < 500ms marginal < 700ms' DIR",
        tables: &[("Flags", &[REPORT, REPORTS]), SHARED],
        body: report::run,
    },
    Command {
        name: "runs",
        usage: "runs [flags] [FOLDER]",
        about: "Lists what has been run, with figures and verdicts.",
        examples: "  squall runs\n  squall runs --last 5 --json",
        tables: &[("Flags", &[runs::FLAGS]), SHARED],
        body: runs::run,
    },
    Command {
        name: "demo",
        usage: "demo [flags] [DIR]",
        about: "Starts the bundled target, runs an example script against it and shows the summary.",
        examples: "  squall demo\n  squall demo --example sumflow load   # scripts to start from",
        tables: &[("Flags", &[demo::FLAGS]), SHARED],
        body: demo::run,
    },
    Command {
        name: "demo-target",
        usage: "demo-target [flags]",
        about: "Serves the bundled system under test until Ctrl-C.",
        examples: "  squall demo-target\n  squall demo-target --listen 127.0.0.1:9000",
        tables: &[("Flags", &[demo_target::FLAGS]), SHARED],
        body: demo_target::run,
    },
    Command {
        name: "doctor",
        usage: "doctor [flags] [URL…]",
        about: "Checks whether this machine can generate load, and says what is missing.",
        examples: "  squall doctor\n  squall doctor http://127.0.0.1:8000\n  \
                   squall doctor postgresql://db:5432 redis://cache:6379 grpc://adder:50051",
        tables: &[("Flags", &[DOCTOR]), SHARED],
        body: doctor::run,
    },
    Command {
        name: "status",
        usage: "status [flags]",
        about: "Shows how a run stands whose REST API is at --address.",
        examples: "  squall status\n  squall status --address localhost:6566",
        tables: &[SHARED],
        body: remote::status,
    },
    Command {
        name: "pause",
        usage: "pause [flags]",
        about: "Pauses a run with an externally controlled scenario.",
        examples: "  squall pause",
        tables: &[SHARED],
        body: remote::pause,
    },
    Command {
        name: "resume",
        usage: "resume [flags]",
        about: "Starts a run that was begun with --paused, or resumes a paused one.",
        examples: "  squall run --paused script.js &\n  squall resume",
        tables: &[SHARED],
        body: remote::resume,
    },
    Command {
        name: "scale",
        usage: "scale [flags]",
        about: "Changes the VUs of an externally controlled scenario.",
        examples: "  squall scale --vus 20\n  squall scale --vus 50 --max 100",
        tables: &[("Flags", &[remote::SCALE]), SHARED],
        body: remote::scale,
    },
    Command {
        name: "stats",
        usage: "stats [flags]",
        about: "Prints what a run has measured so far.",
        examples: "  squall stats --address localhost:6565",
        tables: &[SHARED],
        body: remote::stats,
    },
    Command {
        name: "completion",
        usage: "completion bash|zsh|fish",
        about: "Prints a script that completes commands and flags in a shell.",
        examples: "  source <(squall completion bash)\n  squall completion fish | source",
        tables: &[SHARED],
        body: completion::run,
    },
    Command {
        name: "version",
        usage: "version [flags]",
        about: "Prints the version.",
        examples: "  squall version --json",
        tables: &[("Flags", &[VERSION]), SHARED],
        body: version::run,
    },
];

/// Runs the command the words name; the first word is the program's name.
pub(crate) fn dispatch(words: &[String]) -> ExitStatus {
    let (program, words) = words.split_first().map_or(("squall", words), |(p, w)| (p.as_str(), w));
    let name = Name::of(program);
    if name == Name::Locust {
        return locust::start(name, words);
    }
    let (command, rest) = split_command(words);
    match command {
        // Its words are Locust's.
        Some("locust") => locust::start(name, &rest),
        Some(word) => match COMMANDS.iter().find(|command| command.name == word) {
            Some(command) => start(name, command, &rest),
            None if word == "help" => print_help(name, rest.first().map(String::as_str)),
            None if elsewhere::knows(word) => start_elsewhere(name, word, &rest),
            None => tell(&Parsed::default(), Failure::usage(unknown(name, word))),
        },
        None if words.iter().any(|word| word == "--version") => {
            print(&version::line(name));
            ExitStatus::Success
        }
        None => match Parser::new(&[GLOBAL]).parse(words) {
            Ok(_) => print_help(name, None),
            Err(error) => tell(&Parsed::default(), error.into()),
        },
    }
}

/// A command of k6 that Squall does not have: flags of k6's that nobody here knows don't matter then.
fn start_elsewhere(name: Name, word: &str, words: &[String]) -> ExitStatus {
    let mut flags = Parsed::default();
    flags.args = words.iter().filter(|word| !word.starts_with('-')).cloned().collect();
    let session = Session::open(name, flags);
    match session.and_then(|session| elsewhere::run(word, &session)) {
        Ok(status) => status,
        Err(failure) => tell(&Parsed::default(), failure),
    }
}

/// k6's text for a word that is no command, with those it may have been meant for.
fn unknown(name: Name, word: &str) -> String {
    let mut text = format!("unknown command {word:?} for {:?}", name.word());
    let typed = word.to_lowercase();
    let is_near = |command: &&Command| {
        distance(&typed, command.name) <= 2 || command.name.starts_with(&typed)
    };
    let near: Vec<&Command> = COMMANDS.iter().filter(is_near).collect();
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?\n");
        for command in near {
            text.push_str(&format!("\t{}\n", command.name));
        }
    }
    text
}

/// How many letters have to be changed, added or removed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Finds the command's word: the first that is neither a flag nor a global flag's value.
fn split_command(words: &[String]) -> (Option<&str>, Vec<String>) {
    let mut i = 0;
    while let Some(word) = words.get(i) {
        if !word.starts_with('-') || word == "-" {
            let mut rest = words.to_vec();
            rest.remove(i);
            return (Some(word), rest);
        }
        let takes_next = |flag: &Flag| {
            flag.bare.is_none()
                && (word.strip_prefix("--") == Some(flag.long)
                    || flag.short.is_some_and(|s| *word == format!("-{s}")))
        };
        i += if GLOBAL.iter().any(takes_next) { 2 } else { 1 };
    }
    (None, words.to_vec())
}

fn start(name: Name, command: &Command, words: &[String]) -> ExitStatus {
    let tables: Vec<&[Flag]> =
        command.tables.iter().flat_map(|(_, tables)| tables.iter().copied()).collect();
    let flags = match Parser::new(&tables).parse(words) {
        Ok(flags) => flags,
        Err(error) => return tell(&Parsed::default(), error.into()),
    };
    if flags.help {
        return print_help(name, Some(command.name));
    }
    let session = match Session::open(name, flags.clone()) {
        Ok(session) => session,
        Err(failure) => return tell(&flags, failure),
    };
    let result = (command.body)(&session);
    let status = result.unwrap_or_else(|failure| {
        report_failure(&session.log, &failure);
        failure.status
    });
    session.log.flush();
    status
}

fn report_failure(log: &crate::log::Logger, failure: &Failure) {
    if !failure.message.is_empty() {
        log.log(crate::log::Level::Error, &failure.message, &failure.fields);
    }
}

/// Tells a failure that came before there was a session.
#[allow(clippy::needless_pass_by_value)] // it is the last use of the failure
fn tell(flags: &Parsed, failure: Failure) -> ExitStatus {
    let log = plain_log(flags);
    report_failure(&log, &failure);
    log.flush();
    failure.status
}

fn print(text: &str) {
    Terminal::new(Abilities { stdout_tty: false, stderr_tty: false, color: false }).out(text);
}

fn print_help(name: Name, command: Option<&str>) -> ExitStatus {
    let program = name.word();
    let Some(command) = COMMANDS.iter().find(|c| Some(c.name) == command) else {
        let mut text = format!(
            "Squall makes load: it runs k6 scripts on an engine with one thread per core.\n\n\
             Usage:\n  {program} COMMAND [flags]\n\nCommands:\n"
        );
        for command in COMMANDS {
            text.push_str(&format!("  {:<13}{}\n", command.name, command.about));
        }
        text.push_str(&format!(
            "\nFlags:\n  -h, --help      show help\n      --version   show the version\n\n\
             `{program} COMMAND --help` says more about a command.\n"
        ));
        print(&text);
        return ExitStatus::Success;
    };
    let examples = command.examples.replace("squall ", &format!("{program} "));
    print(&format!(
        "{}\n\nUsage:\n  {program} {}\n\nExamples:\n{examples}\n{}",
        command.about,
        command.usage,
        help::flags(command.tables),
    ));
    ExitStatus::Success
}
