//! The probe of a namespace: tasks that watch, and a look that takes in what they saw.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use observe::clock::Clock;
use observe::{Looking, Observation, Probe, ProbeError, Source};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::access::{Access, Cluster};
use crate::api::{
    AUTOSCALERS, AUTOSCALERS_V1, ApiError, Ask, DEPLOYMENTS, EVENTS, POD_METRICS, PODS, Resource,
};
use crate::logs::{LogWord, Logs};
use crate::object::autoscaler::Autoscaler;
use crate::object::deployment::Deployment;
use crate::object::event::KubeEvent;
use crate::object::pod::Pod;
use crate::object::usage::PodMetricsList;
use crate::picture::autoscalers::Autoscalers;
use crate::picture::deployments::Deployments;
use crate::picture::notes::Notes;
use crate::picture::pods::Pods;
use crate::picture::{Picture, Seen};
use crate::selection::{Named, Selection};
use crate::watch::{Told, Wanted, watch};

/// What tasks have seen and the next look has not taken in. They wait when it is full.
const QUEUE: usize = 4_096;
/// How often the metrics-server is asked. It measures every 15 s or so; answers that say nothing new cost little.
const USAGE_EVERY: Duration = Duration::from_secs(2);
/// The same while it is not there.
const USAGE_RETRY: Duration = Duration::from_secs(30);
/// The first look chooses the cluster and finds out what to watch: some requests.
const PATIENCE: Duration = Duration::from_secs(20);
/// The server's clock is known well enough.
const CLOCK_GOOD: Duration = Duration::from_millis(10);
/// Readings at the turn of a second, one after another, halve the uncertainty each.
const CLOCK_READINGS: usize = 10;
const CLOCK_EVERY: Duration = Duration::from_secs(60);
/// `Date` has whole seconds.
const DATE: Duration = Duration::from_secs(1);

/// Parts that can be in trouble alone. If all of the first three are, the probe as a whole is.
const AUTOSCALING: &str = "autoscalers";
const DEPLOYING: &str = "deployments";
const RUNNING: &str = "pods";
const TELLING: &str = "events";
const USING: &str = "CPU and memory";
const LOGGING: &str = "logs";

/// What the tasks tell.
enum Word {
    Autoscalers(Told<Autoscaler>),
    Deployments(Told<Deployment>),
    Pods(usize, Told<Pod>),
    Notes(Told<KubeEvent>),
    Usage(Result<PodMetricsList, ApiError>, u64),
    Log(LogWord),
}

/// Watches autoscalers, deployments, pods and events of a namespace, and asks what the pods use.
///
/// Nothing waits on the network in a look but the first: what keeps a part from being seen is told as that part's
/// trouble, and the others go on.
pub struct KubernetesProbe {
    plan: plan::probe::Kubernetes,
    logs: Logs,
    picture: Picture,
    clock: Clock,
    troubles: BTreeMap<&'static str, String>,
    live: Option<Live>,
}

impl std::fmt::Debug for KubernetesProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubernetesProbe").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// What there is once the first look succeeded.
struct Live {
    cluster: Cluster,
    words: Receiver<Word>,
    tell: Sender<Word>,
    /// Dropped, they end.
    _tasks: JoinSet<()>,
}

impl KubernetesProbe {
    /// A probe of what the plan names. Nothing is connected before the first look.
    ///
    /// # Errors
    /// A pattern of a log is no regular expression.
    pub fn new(plan: plan::probe::Kubernetes) -> Result<Self, ProbeError> {
        let logs = Logs::new(&plan.logs)?;
        Ok(Self {
            plan,
            logs,
            picture: Picture::default(),
            clock: Clock::default(),
            troubles: BTreeMap::new(),
            live: None,
        })
    }

    async fn start(&self) -> Result<(Live, Picture), ProbeError> {
        let access = Access {
            kubeconfig: self.plan.kubeconfig.as_ref().map(PathBuf::from),
            context: self.plan.context.clone(),
            namespace: self.plan.namespace.clone(),
        };
        let cluster = Cluster::choose(&access).await.map_err(ProbeError::new)?;
        let is_new = cluster.serves("autoscaling/v2").await.map_err(ProbeError::new)?;
        let autoscalers = if is_new { AUTOSCALERS } else { AUTOSCALERS_V1 };
        let named = Named {
            autoscalers: &self.plan.hpa,
            deployments: &self.plan.deployments,
            selector: self.plan.selector.as_deref(),
        };
        let selection =
            Selection::find(&cluster, autoscalers, named).await.map_err(ProbeError::new)?;
        let picture = Picture {
            autoscalers: Autoscalers::of(&selection.autoscalers),
            deployments: Deployments::of(&selection.deployments),
            pods: Pods::of(&selection.pods),
            notes: Notes::of(selection.interest.clone()),
            ..Picture::default()
        };
        let (tell, words) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        spawn(&mut tasks, &cluster, autoscalers, &selection, &tell);
        Ok((Live { cluster, words, tell, _tasks: tasks }, picture))
    }

    /// Takes in what the tasks have told since the last look.
    fn take_in(&mut self, out: &mut Observation) {
        let Some(mut live) = self.live.take() else { return };
        for reading in live.cluster.take_readings() {
            let (asked, answered, server) = (reading.asked, reading.answered, reading.server);
            self.clock.read(asked, answered, server, DATE);
            out.clock_reading(asked, answered, server, DATE);
        }
        while let Ok(word) = live.words.try_recv() {
            self.hear(word, out);
        }
        self.live = Some(live);
    }

    fn hear(&mut self, word: Word, out: &mut Observation) {
        let clock = self.clock;
        let seen = |at| Seen { at, clock: &clock };
        let picture = &mut self.picture;
        match word {
            Word::Autoscalers(Told::Change(change, at)) => {
                picture.autoscalers.take(change, seen(at), out);
            }
            Word::Deployments(Told::Change(change, _)) => picture.deployments.take(change),
            Word::Pods(selector, Told::Change(change, at)) => {
                picture.pods.take(selector, change, &picture.usage, seen(at), out);
            }
            Word::Notes(Told::Change(change, at)) => picture.notes.take(change, seen(at), out),
            Word::Usage(Ok(list), at) => {
                picture.usage.take(&list, &picture.pods, seen(at), out);
                self.troubles.remove(USING);
            }
            Word::Usage(Err(error), _) => {
                self.troubles.insert(USING, without_metrics(&error));
            }
            Word::Log(LogWord::Hit(hit)) => hit.tell(out),
            Word::Autoscalers(Told::Trouble(error)) => self.trouble(AUTOSCALING, &error),
            Word::Deployments(Told::Trouble(error)) => self.trouble(DEPLOYING, &error),
            Word::Pods(_, Told::Trouble(error)) => self.trouble(RUNNING, &error),
            Word::Notes(Told::Trouble(error)) => self.trouble(TELLING, &error),
            Word::Log(LogWord::Trouble(error)) => self.trouble(LOGGING, &error),
            Word::Autoscalers(Told::Fine) => drop(self.troubles.remove(AUTOSCALING)),
            Word::Deployments(Told::Fine) => drop(self.troubles.remove(DEPLOYING)),
            Word::Pods(_, Told::Fine) => drop(self.troubles.remove(RUNNING)),
            Word::Notes(Told::Fine) => drop(self.troubles.remove(TELLING)),
            Word::Log(LogWord::Fine) => drop(self.troubles.remove(LOGGING)),
        }
    }

    fn trouble(&mut self, part: &'static str, error: &ApiError) {
        self.troubles.insert(part, error.to_string());
    }

    /// What holds now.
    fn show(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let Some(live) = &self.live else { return Ok(()) };
        self.picture.gauges(live.cluster.namespace(), out);
        self.logs.follow(&live.cluster, &self.picture.pods, &live.tell, Word::Log);
        self.logs.counts(out);
        let main = [AUTOSCALING, DEPLOYING, RUNNING];
        if main.iter().all(|part| self.troubles.contains_key(part))
            && let Some(reason) = self.troubles.get(RUNNING)
        {
            return Err(ProbeError::new(reason));
        }
        for (part, reason) in &self.troubles {
            out.trouble(part, reason);
        }
        Ok(())
    }
}

impl Probe for KubernetesProbe {
    fn name(&self) -> &str {
        &self.plan.name
    }

    fn source(&self) -> Source {
        Source::Kubernetes
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(async move {
            if self.live.is_none() {
                let (live, picture) = self.start().await?;
                self.picture = picture;
                self.live = Some(live);
            }
            self.take_in(out);
            self.show(out)
        })
    }

    fn finish<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(async move {
            self.take_in(out);
            let shown = self.show(out);
            self.picture.tables(out);
            self.live = None;
            shown
        })
    }
}

fn without_metrics(error: &ApiError) -> String {
    match error {
        ApiError::NotFound { .. } => "there is no metrics-server in this cluster \
             (https://github.com/kubernetes-sigs/metrics-server); everything else is watched"
            .to_owned(),
        ApiError::Busy { message, .. } => format!("the metrics-server is not ready ({message})"),
        other => other.to_string(),
    }
}

fn spawn(
    tasks: &mut JoinSet<()>,
    cluster: &Cluster,
    autoscalers: Resource,
    selection: &Selection,
    tell: &Sender<Word>,
) {
    let wanted = |resource, labels: &str, names: &[String]| Wanted {
        resource,
        labels: labels.to_owned(),
        fields: match names {
            [only] => format!("metadata.name={only}"),
            // Of several all are watched, and the others passed over.
            _ => String::new(),
        },
    };
    let of = wanted(autoscalers, "", &selection.autoscalers);
    tasks.spawn(watch(cluster.clone(), of, tell.clone(), Word::Autoscalers));
    let of = wanted(DEPLOYMENTS, "", &selection.deployments);
    tasks.spawn(watch(cluster.clone(), of, tell.clone(), Word::Deployments));
    for (number, selector) in selection.pods.iter().enumerate() {
        let of = wanted(PODS, selector, &[]);
        let word = move |told| Word::Pods(number, told);
        tasks.spawn(watch(cluster.clone(), of, tell.clone(), word));
    }
    tasks.spawn(watch(cluster.clone(), wanted(EVENTS, "", &[]), tell.clone(), Word::Notes));
    let selector = match &selection.pods[..] {
        [only] => only.clone(),
        _ => String::new(),
    };
    tasks.spawn(ask_usage(cluster.clone(), selector, tell.clone()));
    tasks.spawn(read_clock(cluster.clone()));
}

/// Asks the metrics-server again and again.
async fn ask_usage(cluster: Cluster, selector: String, tell: Sender<Word>) {
    loop {
        let query = [("labelSelector", selector.as_str())];
        let query = if selector.is_empty() { &query[..0] } else { &query[..] };
        let answer = cluster.ask(&Ask::list(POD_METRICS), query).await;
        let pause = match &answer {
            Err(error) if error.is_lasting() => USAGE_RETRY,
            _ => USAGE_EVERY,
        };
        if tell.send(Word::Usage(answer, rt::unix_nanos())).await.is_err() {
            return;
        }
        sleep(pause).await;
    }
}

/// Reads the server's clock. It shows whole seconds: asked when it should turn to the next one, the answer says on which
/// side of the turn it was, and halves what is uncertain.
async fn read_clock(cluster: Cluster) {
    let mut clock = Clock::default();
    loop {
        for _ in 0..CLOCK_READINGS {
            let Ok(Some(reading)) = cluster.ask_clock().await else { break };
            clock.read(reading.asked, reading.answered, reading.server, DATE);
            let trip = Duration::from_nanos(reading.answered.saturating_sub(reading.asked));
            if clock.uncertainty().is_some_and(|uncertainty| uncertainty <= trip.max(CLOCK_GOOD)) {
                break;
            }
            let theirs = clock.theirs(rt::unix_nanos());
            let second = u64::try_from(DATE.as_nanos()).unwrap_or(u64::MAX);
            let to_turn = Duration::from_nanos(second - theirs % second);
            sleep(to_turn.saturating_sub(trip / 2)).await;
        }
        sleep(CLOCK_EVERY).await;
    }
}
