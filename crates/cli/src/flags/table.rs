//! Every flag of every command. The k6 ones have k6's names, letters and kinds; their options are resolved in `options`.

use super::{Flag, Kind};
use crate::run::observing::OBSERVE;

/// Flags that set a key of k6's options.
pub(crate) const OPTIONS: &[Flag] = &[
    Flag::new("vus", Kind::Int, "int", "number of virtual users (default 1)").short('u'),
    Flag::new("duration", Kind::Duration, "duration", "how long to run").short('d'),
    Flag::new("iterations", Kind::Int, "int", "iterations in total, shared by all VUs").short('i'),
    Flag::new("stage", Kind::Csv, "stage", "add a stage, as `duration:target`; repeatable")
        .short('s'),
    Flag::new(
        "execution-segment",
        Kind::Text,
        "string",
        "run only this part of the test: 10%, 1/3, 0.2:2/3",
    ),
    Flag::new("execution-segment-sequence", Kind::Text, "string", "how all parts divide the test"),
    Flag::new("paused", Kind::Bool, "", "start paused").short('p'),
    Flag::new("no-setup", Kind::Bool, "", "don't run setup()"),
    Flag::new("no-teardown", Kind::Bool, "", "don't run teardown()"),
    Flag::new("max-redirects", Kind::Int, "int", "follow at most that many redirects (default 10)"),
    Flag::new("batch", Kind::Int, "int", "requests of a batch in flight at once (default 20)"),
    Flag::new("batch-per-host", Kind::Int, "int", "the same for one host (default 6)"),
    Flag::new("rps", Kind::Int, "int", "requests per second of the whole run, at most"),
    Flag::new("user-agent", Kind::Text, "string", "User-Agent of HTTP requests"),
    Flag::new("http-debug", Kind::Text, "string", "log requests and responses; `full` with bodies")
        .bare("headers"),
    Flag::new("insecure-skip-tls-verify", Kind::Bool, "", "accept any TLS certificate"),
    Flag::new("no-connection-reuse", Kind::Bool, "", "a new connection for each request"),
    Flag::new(
        "no-vu-connection-reuse",
        Kind::Bool,
        "",
        "close a VU's connections after each iteration",
    ),
    Flag::new(
        "min-iteration-duration",
        Kind::Duration,
        "duration",
        "shorter iterations wait until this has passed",
    ),
    Flag::new("throw", Kind::Bool, "", "failed requests throw").short('w'),
    Flag::new("blacklist-ip", Kind::Csv, "ip range", "never connect to these addresses"),
    Flag::new(
        "block-hostnames",
        Kind::Csv,
        "pattern",
        "never connect to these hosts; `*` may start a pattern",
    ),
    Flag::new(
        "summary-trend-stats",
        Kind::Csv,
        "stats",
        "statistics of trends in the summary (default avg,min,med,max,p(90),p(95))",
    ),
    Flag::new(
        "summary-time-unit",
        Kind::Text,
        "string",
        "unit of times in the summary: s, ms or us",
    ),
    Flag::new("system-tags", Kind::Csv, "strings", "only these system tags"),
    Flag::new("tag", Kind::Array, "tag", "tag all samples, as `name=value`; repeatable"),
    Flag::new("console-output", Kind::Text, "file", "write what the script prints to this file"),
    Flag::new(
        "discard-response-bodies",
        Kind::Bool,
        "",
        "read response bodies but don't keep them",
    ),
    Flag::new("local-ips", Kind::Text, "string", "source addresses of VUs: IPs, ranges, CIDRs"),
    Flag::new(
        "dns",
        Kind::Text,
        "string",
        "name resolution (default ttl=5m,select=random,policy=preferIPv4)",
    ),
];

/// Flags that say how a script is loaded and reported.
pub(crate) const RUNTIME: &[Flag] = &[
    Flag::new(
        "include-system-env-vars",
        Kind::Bool,
        "",
        "the script sees the environment in __ENV (default true)",
    ),
    Flag::new(
        "compatibility-mode",
        Kind::Text,
        "string",
        "`extended` or `base` (default extended)",
    ),
    Flag::new("type", Kind::Text, "string", "what the file is: `js` or `archive`").short('t'),
    Flag::new("env", Kind::Array, "VAR=value", "set a variable of __ENV; repeatable").short('e'),
    Flag::new("no-thresholds", Kind::Bool, "", "don't evaluate thresholds"),
    Flag::new(
        "summary-mode",
        Kind::Text,
        "string",
        "`compact`, `full` or `disabled` (default compact)",
    ),
    Flag::new("no-summary", Kind::Bool, "", "k6 1's word for --summary-mode=disabled"),
    Flag::new("summary-export", Kind::Text, "file", "write the summary as JSON to this file"),
    Flag::new("new-machine-readable-summary", Kind::Bool, "", "the newer form of summary data"),
    Flag::new(
        "traces-output",
        Kind::Text,
        "string",
        "where traces go: `none` or `otel[=host:port]` (default none)",
    ),
];

/// The rest of k6's `run` flags.
pub(crate) const RUN: &[Flag] = &[
    Flag::new(
        "out",
        Kind::Array,
        "uri",
        "send samples to an output, e.g. `json=FILE[.gz]`; repeatable",
    )
    .short('o'),
    Flag::new("linger", Kind::Bool, "", "after the test wait for Ctrl-C").short('l'),
    Flag::new("no-usage-report", Kind::Bool, "", "accepted; Squall never reports usage"),
    Flag::new("features", Kind::Array, "string", "feature flags, comma-separated"),
];

/// Squall's own `run` flags.
pub(crate) const OURS: &[Flag] = &[
    Flag::new(
        "time-scale",
        Kind::Float,
        "factor",
        "multiply every duration of the script; rates and VUs stay",
    ),
    Flag::new(
        "cores",
        Kind::Int,
        "int",
        "cores that generate load (default: all the process may use)",
    ),
    Flag::new(
        "record",
        Kind::Text,
        "dir",
        "where to keep the run (default: the user's data folder)",
    ),
    Flag::new("no-record", Kind::Bool, "", "don't keep the run"),
    OBSERVE,
    Flag::new("env-file", Kind::Array, "file", "variables of __ENV, one `name=value` a line"),
    Flag::new(
        "fail-on",
        Kind::Csv,
        "causes",
        "end with code 111 on any of: exception, check, dropped",
    ),
    Flag::new(
        "with-summary",
        Kind::Bool,
        "",
        "print the summary even where handleSummary() returns something else",
    ),
    Flag::new(
        "max-body",
        Kind::Int,
        "MiB",
        "how much of a response's body may be kept (default 256)",
    ),
    Flag::new("http2-cleartext", Kind::Bool, "", "speak HTTP/2 to http:// URLs, without asking"),
    Flag::new(
        "coordinator",
        Kind::Text,
        "socket",
        "also send what is measured to the coordinator at this Unix socket",
    ),
    Flag::new(
        "agent",
        Kind::Int,
        "int",
        "number of this process among those of one coordinator (default 0)",
    ),
];

/// Squall's own flag about modules from the network.
pub(crate) const IMPORTS: &[Flag] = &[Flag::new(
    "import-lock",
    Kind::Text,
    "file",
    "hold modules from the network to the digests in this file (default: squall.lock beside the script)",
)];

/// Which cluster of Kubernetes is meant, and what of it is forwarded for the time of a run.
pub(crate) const KUBERNETES: &[Flag] = &[FORWARD, NAMESPACE.short('n'), KUBECONFIG, CONTEXT];

/// The same where `-n` is another flag's.
pub(crate) const KUBERNETES_LONG: &[Flag] = &[FORWARD, NAMESPACE, KUBECONFIG, CONTEXT];

/// `k8s`' own.
pub(crate) const K8S: &[Flag] = &[
    NAMESPACE.short('n'),
    KUBECONFIG,
    CONTEXT,
    Flag::new(
        "log",
        Kind::Text,
        "file",
        "log of a forward in the background (default logs/log_kpf.txt)",
    ),
    Flag::new(
        "wait",
        Kind::Duration,
        "duration",
        "how long to wait for a pod that is ready (default 30s)",
    ),
    // How a forward in the background is told where its state is kept.
    Flag::new("state", Kind::Text, "file", ""),
];

const FORWARD: Flag = Flag::new(
    "k8s-forward",
    Kind::Array,
    "[LOCAL:]svc/NAME:PORT",
    "forward a port of a service (or pod/NAME, deployment/NAME) while the run lasts; its address is \
     SQUALL_FORWARD_<NAME>, and {NAME} in URLs; repeatable",
);
const NAMESPACE: Flag =
    Flag::new("namespace", Kind::Text, "name", "namespace in Kubernetes (default: the context's)");
const KUBECONFIG: Flag = Flag::new(
    "kubeconfig",
    Kind::Text,
    "file",
    "kubeconfig (default: KUBECONFIG, ~/.kube/config, or the pod this runs in)",
);
const CONTEXT: Flag = Flag::new(
    "context",
    Kind::Text,
    "name",
    "context of the kubeconfig (default: the current one)",
);

/// Flags every command takes.
pub(crate) const GLOBAL: &[Flag] = &[
    Flag::new("address", Kind::Text, "string", "address of the REST API").short('a'),
    Flag::new("config", Kind::Text, "file", "JSON file with options").short('c'),
    Flag::new("log-format", Kind::Text, "string", "`text`, `json` or `raw` (default text)"),
    Flag::new(
        "log-output",
        Kind::Text,
        "string",
        "`stderr`, `stdout`, `none` or `file=path[,level=L]` (default stderr)",
    ),
    Flag::new("no-color", Kind::Bool, "", "no colours"),
    Flag::new("profiling-enabled", Kind::Bool, "", "profiling endpoints of the REST API"),
    Flag::new("quiet", Kind::Bool, "", "no banner and no progress").short('q'),
    Flag::new("secret-source", Kind::Array, "string", "where k6/secrets finds secrets"),
    Flag::new("verbose", Kind::Bool, "", "log debug lines").short('v'),
];

/// `inspect`'s own.
pub(crate) const INSPECT: &[Flag] = &[Flag::new(
    "execution-requirements",
    Kind::Bool,
    "",
    "consolidated options with the test's duration and VUs",
)];

/// `version`'s own.
pub(crate) const VERSION: &[Flag] = &[Flag::new("json", Kind::Bool, "", "as JSON")];

/// `report`'s own.
pub(crate) const REPORT: &[Flag] = &[
    Flag::new("summary-mode", Kind::Text, "string", "`compact` or `full` (default compact)"),
    Flag::new(
        "summary-trend-stats",
        Kind::Csv,
        "stats",
        "statistics of trends (default: as in the run)",
    ),
    Flag::new("summary-time-unit", Kind::Text, "string", "unit of times: s, ms or us"),
    Flag::new("summary-export", Kind::Text, "file", "write the summary as JSON to this file"),
    Flag::new(
        "write",
        Kind::Bool,
        "",
        "the same as `--report all`: report.html, report.md, report.json and junit.xml in the run's folder",
    ),
    Flag::new(
        "criterion",
        Kind::Array,
        "criterion",
        "judge the run by this, e.g. `p(95) < 500ms marginal < 700ms`, instead of its own criteria; repeatable",
    ),
    Flag::new("strict", Kind::Bool, "", "end with code 99 where the verdict is MARGINAL"),
];

/// Of `report`, and of all that make load.
pub(crate) const REPORTS: &[Flag] = &[
    Flag::new(
        "report",
        Kind::Array,
        "kind",
        "also report as `html=FILE`, `md=FILE`, `json=FILE` (the whole report), `junit=FILE`, `markdown=FILE`, `github` (adds to the job's summary), or `all` (into the run's folder); repeatable",
    ),
    Flag::new(
        "template",
        Kind::Text,
        "file",
        "a template (Jinja's language) for `--report md=FILE`, or `results` or `approval`, which are built in",
    ),
];

/// `doctor`'s own.
pub(crate) const DOCTOR: &[Flag] =
    &[Flag::new("timeout", Kind::Duration, "duration", "how long to try the target (default 3s)")];
