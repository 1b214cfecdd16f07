//! The flags of `squall locust` that are ours. Everything else is Locust's, and its own parser reads it.

/// How response times are rounded where Locust writes integers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the millisecond.
    #[default]
    Milliseconds,
    /// To two digits, as Locust does.
    Locust,
}

/// Which columns CSV files have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CsvNames {
    /// Those of today's Locust.
    #[default]
    Current,
    /// And at the end those of years ago, which scripts still read.
    Both,
}

/// A wrong flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// A load that is often wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What `--preset` calls it.
    pub name: &'static str,
    /// Users.
    pub users: &'static str,
    /// Users a second.
    pub spawn_rate: &'static str,
    /// How long.
    pub run_time: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// The presets there are.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "smoke",
        users: "10",
        spawn_rate: "10",
        run_time: "1m",
        about: "does it work at all",
    },
    Preset {
        name: "light",
        users: "10",
        spawn_rate: "2",
        run_time: "2m",
        about: "a baseline: latency without pressure",
    },
    Preset {
        name: "medium",
        users: "100",
        spawn_rate: "10",
        run_time: "5m",
        about: "enough to make an autoscaler act",
    },
    Preset {
        name: "heavy",
        users: "500",
        spawn_rate: "50",
        run_time: "10m",
        about: "a stress test",
    },
];

/// Our flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// `--python PATH`.
    pub python: Option<String>,
    /// `--locust-rounding`.
    pub rounding: Rounding,
    /// `--csv-names`.
    pub csv_names: CsvNames,
    /// `--no-record`.
    pub no_record: bool,
    /// `--record PATH`.
    pub record: Option<String>,
    /// `--list-presets`.
    pub list_presets: bool,
    /// What is to be made of the run when it is over (`--criterion`, `--baseline`, `--strict`, `--report`, `--template`):
    /// flags without their dashes, and their values.
    pub after: Vec<(&'static str, String)>,
    /// `--observe KIND=SPEC`, each time it was given.
    pub observe: Vec<String>,
    /// `--k8s-forward` and, where it is given, what says which cluster: flags without their dashes, and their values.
    pub cluster: Vec<(&'static str, String)>,
    /// `--missed-slots`.
    pub missed_slots: bool,
}

/// Flags that are ours only beside `--k8s-forward`: a Locust file may have its own of these names.
const CLUSTER: [(&str, &str); 4] = [
    ("--namespace", "namespace"),
    ("-n", "namespace"),
    ("--kubeconfig", "kubeconfig"),
    ("--context", "context"),
];

/// Flags about what is made of a run's record.
const AFTER: [(&str, &str); 4] = [
    ("--criterion", "criterion"),
    ("--baseline", "baseline"),
    ("--report", "report"),
    ("--template", "template"),
];

impl Own {
    /// Takes our flags out of a command line; what is left is Locust's. `has_record`: whether the run will leave a record;
    /// without one, flags that are about it are left to Locust, whose users may have flags of these names.
    ///
    /// # Errors
    /// A flag without its value, or with one it can't have.
    pub fn take(words: &[String], has_record: bool) -> Result<(Self, Vec<String>), UsageError> {
        let mut own = Self::default();
        let mut rest = Vec::with_capacity(words.len());
        let mut preset = Vec::new();
        let forwards = |word: &String| word.split('=').next() == Some("--k8s-forward");
        let has_forwards = words.iter().any(forwards);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (flag, attached) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let mut value = || {
                attached
                    .clone()
                    .or_else(|| words.next().cloned())
                    .ok_or_else(|| UsageError(format!("flag needs an argument: {flag}")))
            };
            match flag {
                "--python" => own.python = Some(value()?),
                "--csv-names" => own.csv_names = csv_names(&value()?)?,
                "--preset" => preset = self::preset(&value()?)?,
                "--locust-rounding" => own.rounding = Rounding::Locust,
                "--no-record" => own.no_record = true,
                "--list-presets" => own.list_presets = true,
                "--missed-slots" => own.missed_slots = true,
                "--k8s-forward" => own.cluster.push(("k8s-forward", value()?)),
                "--record" if has_record => own.record = Some(value()?),
                "--observe" if has_record => own.observe.push(value()?),
                "--strict" if has_record => own.after.push(("strict", "true".to_owned())),
                _ => {
                    let among = |flags: &[(&str, &'static str)]| {
                        flags.iter().find(|(known, _)| *known == flag).map(|(_, name)| *name)
                    };
                    if let Some(name) = among(&AFTER).filter(|_| has_record) {
                        own.after.push((name, value()?));
                    } else if let Some(name) = among(&CLUSTER).filter(|_| has_forwards) {
                        own.cluster.push((name, value()?));
                    } else {
                        rest.push(word.clone());
                    }
                }
            }
        }
        // Before the user's, which win.
        preset.append(&mut rest);
        Ok((own, preset))
    }
}

fn csv_names(value: &str) -> Result<CsvNames, UsageError> {
    match value {
        "locust" => Ok(CsvNames::Current),
        "both" => Ok(CsvNames::Both),
        other => Err(UsageError(format!("--csv-names {other:?} is neither `locust` nor `both`"))),
    }
}

fn preset(name: &str) -> Result<Vec<String>, UsageError> {
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        let text = format!("--preset {name:?} is none of {}", names.join(", "));
        return Err(UsageError(text));
    };
    let words =
        ["--users", preset.users, "--spawn-rate", preset.spawn_rate, "--run-time", preset.run_time];
    Ok(words.map(str::to_owned).to_vec())
}

/// The list of presets as text.
pub fn presets_text() -> String {
    let mut text = String::from("Preset    Users  Spawn rate  Run time\n");
    for preset in PRESETS {
        text.push_str(&format!(
            "{:<8} {:>6} {:>11} {:>9}   {}\n",
            preset.name, preset.users, preset.spawn_rate, preset.run_time, preset.about
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(line: &str) -> Result<(Own, String), UsageError> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Own::take(&words, true).map(|(own, rest)| (own, rest.join(" ")))
    }

    #[test]
    fn our_flags_are_taken_out_and_locusts_stay() {
        let (own, rest) =
            take("-f a.py --python=/x --csv-names both -u 5 --locust-rounding A").unwrap();
        assert_eq!(rest, "-f a.py -u 5 A");
        assert_eq!(own.python.as_deref(), Some("/x"));
        assert_eq!((own.csv_names, own.rounding), (CsvNames::Both, Rounding::Locust));
        assert_eq!(take("-f a=b.py").unwrap(), (Own::default(), "-f a=b.py".to_owned()));
    }

    #[test]
    fn a_clusters_flags_are_ours_only_where_something_is_forwarded() {
        let (own, rest) = take("-f a.py --namespace x -n 5").unwrap();
        assert_eq!((own.cluster.len(), rest.as_str()), (0, "-f a.py --namespace x -n 5"));
        let (own, rest) =
            take("-f a.py -n shop --k8s-forward 8010:svc/api:80 --context=lab -u 5").unwrap();
        assert_eq!(rest, "-f a.py -u 5");
        let want = [("namespace", "shop"), ("k8s-forward", "8010:svc/api:80"), ("context", "lab")];
        assert_eq!(own.cluster, want.map(|(flag, value)| (flag, value.to_owned())));
    }

    #[test]
    fn flags_about_the_record_are_ours_only_where_there_is_one() {
        let line = "-f a.py --report html=r.html --strict --criterion=p(99)<1s -u 5";
        let (own, rest) = take(line).unwrap();
        assert_eq!(rest, "-f a.py -u 5");
        let want = [("report", "html=r.html"), ("strict", "true"), ("criterion", "p(99)<1s")];
        assert_eq!(own.after, want.map(|(flag, value)| (flag, value.to_owned())));
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(Own::take(&words, false).unwrap(), (Own::default(), words));
    }

    #[test]
    fn what_they_cannot_have_is_told() {
        for (line, text) in [
            ("--python", "flag needs an argument: --python"),
            ("--csv-names old", "--csv-names \"old\" is neither `locust` nor `both`"),
            ("--preset huge", "--preset \"huge\" is none of smoke, light, medium, heavy"),
        ] {
            assert_eq!(take(line).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn a_preset_gives_way_to_what_the_user_says() {
        let (_, rest) = take("-u 7 --preset medium").unwrap();
        assert_eq!(rest, "--users 100 --spawn-rate 10 --run-time 5m -u 7");
    }
}
