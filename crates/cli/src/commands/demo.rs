//! `squall demo`: the bundled target and a simulated cluster, an example script against them, watched, judged and
//! reported, and what to try next. One command on a fresh machine.

use std::path::PathBuf;

use demo::cluster::{ClusterConfig, ClusterHandle, StoryPlan};
use demo::{Target, TargetConfig, TargetHandle};
use report::judge::Verdict;

use super::demo_target::{CLUSTER_LEAD, start_cluster};
use super::{examples, run as run_command};
use crate::environment;
use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::flags::table::{GLOBAL, KUBERNETES, OPTIONS, OURS, REPORTS, RUN, RUNTIME};
use crate::flags::{Flag, Kind, Parser};
use crate::run::closing::FLAGS as JUDGING;
use crate::run::source::Source;
use crate::session::Session;

/// `demo`'s own flags.
pub(crate) const FLAGS: &[Flag] = &[
    Flag::new("time-scale", Kind::Float, "factor", "shorten or lengthen the half minute"),
    Flag::new(
        "record",
        Kind::Text,
        "dir",
        "where to keep the run (default: the user's data folder)",
    ),
    Flag::new("no-record", Kind::Bool, "", "don't keep the run"),
    Flag::new(
        "example",
        Kind::Text,
        "name",
        "write the scripts of an example into DIR instead (sumflow, alphapulse)",
    ),
];

/// The script; the same file lies in the crate's `examples` folder.
const SCRIPT: &str = include_str!("../../examples/demo.js");

/// What must hold of the demo's run.
const CRITERIA: [&str; 4] = [
    "error_rate < 1%",
    "p(95) < 100ms marginal < 200ms",
    "k8s_hpa_replicas_current from 2 to 10",
    // One container of the recording was killed for its memory.
    "oom_kills == 0 marginal <= 1",
];
/// How many times faster than it was recorded the cluster's minute is played, so that it fits into the demo.
const CLUSTER_SPEED: f64 = 3.0;

/// The simulated cluster, and a kubeconfig for it that goes with it.
struct Watched {
    _cluster: ClusterHandle,
    kubeconfig: PathBuf,
}

impl Watched {
    fn start(target: &TargetHandle, time_scale: f64) -> Result<Self, Failure> {
        // A factor that is none is refused with the run's other flags.
        let time_scale = if time_scale.is_normal() { time_scale.clamp(0.01, 100.0) } else { 1.0 };
        let story =
            StoryPlan { speed: CLUSTER_SPEED / time_scale, lead: CLUSTER_LEAD.mul_f64(time_scale) };
        let config = ClusterConfig { story: Some(story), ..ClusterConfig::on_free_port() };
        let cluster = start_cluster(config, target)?;
        let name = format!("squall-demo-{}.yaml", std::process::id());
        let kubeconfig = environment::temporary_folder().join(name);
        std::fs::write(&kubeconfig, cluster.kubeconfig()).map_err(|error| {
            Failure::usage(format!("can't write {}: {error}", kubeconfig.display()))
        })?;
        Ok(Self { _cluster: cluster, kubeconfig })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}

/// Runs the demo.
pub(crate) fn run(session: &Session) -> CommandResult {
    if let Some(name) = session.flags.text("example") {
        let folder = match session.flags.args.as_slice() {
            [] => ".",
            [folder] => folder,
            [_, extra, ..] => {
                let text = format!("--example takes one folder, got {extra:?} as well");
                return Err(Failure::usage(text));
            }
        };
        return examples::lay_out(session, name, folder);
    }
    let target = Target::start(TargetConfig::on_free_port())
        .map_err(|error| Failure::usage(format!("can't start the demo target: {error}")))?;
    let time_scale = session.flags.float("time-scale").unwrap_or(1.0);
    let watched = Watched::start(&target, time_scale)?;
    let mut words = vec!["--env".to_owned(), format!("TARGET={}", target.url()), "demo.js".into()];
    words.extend(["--kubeconfig".into(), watched.kubeconfig.to_string_lossy().into_owned()]);
    words.extend(["--observe".to_owned(), "k8s=default/web".to_owned()]);
    if !session.flags.is_on("no-record") {
        words.extend(["--report".to_owned(), "all".to_owned()]);
        words.extend(
            CRITERIA.iter().flat_map(|text| ["--criterion".to_owned(), (*text).to_owned()]),
        );
    }
    for flag in ["time-scale", "record"] {
        if let Some(value) = session.flags.text(flag) {
            words.extend([format!("--{flag}"), value.to_owned()]);
        }
    }
    for flag in ["no-record", "quiet", "verbose", "no-color"] {
        if session.flags.is_on(flag) {
            words.push(format!("--{flag}"));
        }
    }
    let flags = Parser::new(&[OPTIONS, RUNTIME, RUN, OURS, REPORTS, JUDGING, KUBERNETES, GLOBAL])
        .parse(&words)?;
    let source = Source::embedded("demo.js", SCRIPT);
    if !session.quiet() {
        session.terminal.out(&format!(
            "\n  The bundled target listens on {}; the script demo.js loads it for half a minute. Beside it a\n  \
             simulated Kubernetes cluster replays how an autoscaler once went from 2 to 10 pods; squall watches it.\n",
            target.url()
        ));
    }
    let status = run_command::run_source(&session.with_flags(flags), source)?;
    let served = target.served();
    session.terminal.out(&format!(
        "\n  The target itself counted {} requests over {} connections.\n\n  Next:\n    \
         squall demo-target                        the same target, until Ctrl-C\n    \
         squall run script.js                      your own k6 script\n    \
         squall locust -f locustfile.py            your own Locust file\n    \
         squall burst http://127.0.0.1:8000/ …     load without a script\n    \
         squall suite run plan.yaml                several of them, one verdict\n    \
         squall doctor                             is this machine fit for load?\n",
        served.completed, served.connections_used
    ));
    target.stop();
    // A machine too busy for the verdict has shown what there is to see all the same.
    let inconclusive = ExitStatus::Code(Verdict::Inconclusive.exit_code(false));
    Ok(if status == inconclusive { ExitStatus::Success } else { status })
}
