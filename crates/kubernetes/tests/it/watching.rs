//! Looking through the probe until something was seen.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use demo::cluster::ClusterHandle;
use kubernetes::{Access, KubernetesProbe};
use metrics::{Event, Table};
use observe::clock::Clock;
use observe::{Observation, Probe, Source};
use plan::probe::Kubernetes;
use tokio::runtime::{Builder, Runtime};

/// The longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

static FILES: AtomicU32 = AtomicU32::new(0);

/// A kubeconfig in a file.
pub(crate) struct Kubeconfig(pub(crate) PathBuf);

impl Kubeconfig {
    pub(crate) fn new(text: &str) -> Self {
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let name = format!("kubeconfig-{}-{number}.yaml", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn access(&self) -> Access {
        Access { kubeconfig: Some(self.0.clone()), ..Access::default() }
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A probe, and what it has seen.
pub(crate) struct Watching {
    runtime: Runtime,
    probe: KubernetesProbe,
    began: u64,
    clock: Clock,
    pub(crate) events: Vec<Event>,
    /// Every value of each series, by `metric{tag=value,…}`.
    pub(crate) series: BTreeMap<String, Vec<f64>>,
    pub(crate) tables: Vec<Table>,
    /// Of the last look.
    pub(crate) troubles: BTreeMap<String, String>,
    pub(crate) error: Option<String>,
    _kubeconfig: Kubeconfig,
}

impl Watching {
    pub(crate) fn new(cluster: &ClusterHandle, plan: Kubernetes) -> Self {
        Self::with(&cluster.kubeconfig(), plan)
    }

    pub(crate) fn with(kubeconfig: &str, plan: Kubernetes) -> Self {
        let kubeconfig = Kubeconfig::new(kubeconfig);
        let plan = Kubernetes {
            name: "cluster".to_owned(),
            kubeconfig: Some(kubeconfig.0.to_string_lossy().into_owned()),
            ..plan
        };
        Self {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            probe: KubernetesProbe::new(plan).unwrap(),
            began: rt::unix_nanos(),
            clock: Clock::default(),
            events: Vec::new(),
            series: BTreeMap::new(),
            tables: Vec::new(),
            troubles: BTreeMap::new(),
            error: None,
            _kubeconfig: kubeconfig,
        }
    }

    /// One look.
    pub(crate) fn look(&mut self) {
        let mut out = Observation::new("cluster", Source::Kubernetes, self.began, self.clock);
        let outcome = self.runtime.block_on(async {
            let outcome = self.probe.look(&mut out).await;
            // The tasks go on meanwhile.
            tokio::time::sleep(PAUSE).await;
            outcome
        });
        self.error = outcome.err().map(|error| error.to_string());
        self.keep(&out);
    }

    pub(crate) fn finish(&mut self) {
        let mut out = Observation::new("cluster", Source::Kubernetes, self.began, self.clock);
        self.runtime.block_on(self.probe.finish(&mut out)).unwrap();
        self.keep(&out);
    }

    fn keep(&mut self, out: &Observation) {
        self.events.extend(out.events().iter().cloned());
        self.tables.extend(out.tables().iter().cloned());
        self.troubles = out.troubles().iter().cloned().collect();
        for sample in out.samples() {
            let tags: Vec<String> =
                sample.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let name = format!("{}{{{}}}", sample.metric, tags.join(","));
            self.series.entry(name).or_default().push(sample.value);
        }
    }

    /// Looks until `seen` says so.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, seen: impl Fn(&Self) -> bool) {
        let end = rt::now() + PATIENCE;
        loop {
            self.look();
            if seen(self) {
                return;
            }
            if rt::now() >= end {
                let (error, troubles, events) = (&self.error, &self.troubles, &self.events);
                let ends = self.series.iter().map(|(name, values)| (name, values.last()));
                let ends: Vec<_> = ends.collect();
                panic!(
                    "not seen: {what}\nerror: {error:?}\ntroubles: {troubles:?}\nevents: {events:#?}\nlast values: {ends:#?}"
                );
            }
        }
    }

    /// Whether a series has had this value.
    pub(crate) fn had(&self, series: &str, value: f64) -> bool {
        self.series.get(series).is_some_and(|values| values.contains(&value))
    }

    /// Whether it has it now.
    pub(crate) fn has(&self, series: &str, value: f64) -> bool {
        self.series.get(series).and_then(|values| values.last()) == Some(&value)
    }

    /// The highest value of all series of a metric.
    pub(crate) fn most(&self, metric: &str) -> Option<f64> {
        let own = self.series.iter().filter(|(name, _)| name.starts_with(&format!("{metric}{{")));
        own.flat_map(|(_, values)| values.iter().copied()).max_by(f64::total_cmp)
    }

    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.kind == kind)
    }

    pub(crate) fn count(&self, kind: &str) -> usize {
        self.of_kind(kind).count()
    }

    pub(crate) fn began(&self) -> u64 {
        self.began
    }
}
