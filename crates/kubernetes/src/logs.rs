//! Logs of containers, followed while their pods live, with patterns that are counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::Contains;
use observe::{Observation, ProbeError};
use plan::probe::{ContainerLog, redact};
use regex_lite::{Regex, RegexBuilder};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::access::Cluster;
use crate::api::{ApiError, Ask, PODS};
use crate::lines::Lines;
use crate::picture::pods::Pods;
use crate::stamp::{Stamp, rfc3339};

/// The longest line that is looked at, bytes.
const MAX_LINE: usize = 16 << 10;
/// Containers that are followed at one time.
const MAX_FOLLOWED: usize = 200;
/// Matches of a pattern that are told one by one; all are counted.
const MAX_TOLD: u64 = 100;
/// Of a line that matches so much is told, bytes.
const MAX_SHOWN: usize = 500;
/// Memory a compiled pattern may take.
const MAX_PATTERN: usize = 1 << 20;
/// Pauses before a log is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
const LASTING_PAUSE: Duration = Duration::from_secs(30);

/// A line that matched, or what keeps a log from being read.
#[derive(Debug)]
pub(crate) enum LogWord {
    Hit(Hit),
    Trouble(ApiError),
    Fine,
}

/// A line that matched.
#[derive(Debug)]
pub(crate) struct Hit {
    pod: String,
    container: String,
    pattern: String,
    /// When it was written by the clock of the container's node; when it came, by ours.
    stamp: Option<Stamp>,
    seen: u64,
    line: String,
}

#[derive(Debug)]
struct Pattern {
    name: String,
    regex: Regex,
    count: AtomicU64,
}

/// What is looked for in the logs of containers of one name.
#[derive(Debug)]
struct Plan {
    container: String,
    patterns: Vec<Pattern>,
}

/// All logs that are followed.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    plans: Vec<Arc<Plan>>,
    followed: BTreeMap<(String, String), JoinHandle<()>>,
    is_full: bool,
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.followed.values().for_each(JoinHandle::abort);
    }
}

impl Logs {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// One is no regular expression, or too large.
    pub(crate) fn new(logs: &[ContainerLog]) -> Result<Self, ProbeError> {
        let pattern = |(name, text): (&String, &String)| {
            let regex = RegexBuilder::new(text).size_limit(MAX_PATTERN).build();
            let regex = regex
                .map_err(|error| ProbeError::new(format!("pattern `{name}`: `{text}`: {error}")))?;
            Ok(Pattern { name: name.clone(), regex, count: AtomicU64::new(0) })
        };
        let plan = |log: &ContainerLog| {
            let patterns = log.patterns.iter().map(pattern).collect::<Result<_, ProbeError>>()?;
            Ok(Arc::new(Plan { container: log.container.clone(), patterns }))
        };
        let plans = logs.iter().map(plan).collect::<Result<_, ProbeError>>()?;
        Ok(Self { plans, followed: BTreeMap::new(), is_full: false })
    }

    /// Follows the logs of pods that are not followed yet: of those that were there before the run from now on, of others
    /// from their beginning.
    pub(crate) fn follow<W: Send + 'static>(
        &mut self,
        cluster: &Cluster,
        pods: &Pods,
        tell: &Sender<W>,
        word: fn(LogWord) -> W,
    ) {
        self.followed.retain(|_, task| !task.is_finished());
        for (pod, is_old, containers) in pods.running() {
            for plan in &self.plans {
                if !containers.contains(&plan.container.as_str()) {
                    continue;
                }
                let key = (pod.to_owned(), plan.container.clone());
                if self.followed.contains_key(&key) {
                    continue;
                }
                self.is_full = self.followed.len() >= MAX_FOLLOWED;
                if self.is_full {
                    return;
                }
                let follower = Follower {
                    cluster: cluster.clone(),
                    pod: pod.to_owned(),
                    plan: Arc::clone(plan),
                    tell: tell.clone(),
                    word,
                    from: if is_old { Start::Now } else { Start::Beginning },
                };
                self.followed.insert(key, tokio::spawn(follower.live()));
            }
        }
    }

    /// What holds now: how often each pattern matched in the run, over all pods.
    pub(crate) fn counts(&self, out: &mut Observation) {
        for plan in &self.plans {
            for pattern in &plan.patterns {
                let tags = [("log", plan.container.as_str()), ("pattern", pattern.name.as_str())];
                let count = pattern.count.load(Ordering::Relaxed);
                out.gauge("log_matches", &tags, count as f64, Contains::Default);
            }
        }
        if self.is_full {
            out.trouble(
                "logs",
                format!("more than {MAX_FOLLOWED} containers: only the logs of the first are read"),
            );
        }
    }
}

impl Hit {
    /// Tells of it.
    pub(crate) fn tell(&self, out: &mut Observation) {
        let written = self.stamp.map(|stamp| out.ours(stamp.unix_ns).min(self.seen));
        let subject = format!("{}/{}", self.pod, self.container);
        let mut event = out.new_event("log-match", &subject, &redact::text(&self.line));
        event.unix_ns = written.unwrap_or(self.seen);
        out.event(event.with("pattern", &self.pattern).with("log", &self.container));
    }
}

/// Where a log is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// What is in it already does not count.
    Now,
    Beginning,
    /// After the line of this time, by the clock of the container's node.
    After(u64),
}

/// Follows one log.
struct Follower<W> {
    cluster: Cluster,
    pod: String,
    plan: Arc<Plan>,
    tell: Sender<W>,
    word: fn(LogWord) -> W,
    from: Start,
}

impl<W: Send> Follower<W> {
    /// Until the pod is gone or nobody listens.
    async fn live(mut self) {
        let mut is_told = false;
        loop {
            let pause = match self.turn(&mut is_told).await {
                Ok(()) => PAUSE,
                Err(ApiError::NotFound { .. }) => return,
                // Its containers have not started.
                Err(ApiError::Refused { code: 400, .. }) => PAUSE,
                Err(error) => {
                    let pause = if error.is_lasting() { LASTING_PAUSE } else { PAUSE };
                    is_told = true;
                    if self.tell.send((self.word)(LogWord::Trouble(error))).await.is_err() {
                        return;
                    }
                    pause
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.tell.closed() => return,
            }
        }
    }

    /// Reads until the log ends: the container restarted or was stopped, or the connection broke.
    async fn turn(&mut self, is_told: &mut bool) -> Result<(), ApiError> {
        let pod = self.pod.clone();
        let ask = Ask { sub: "log", ..Ask::get(PODS, &pod) };
        let since;
        let mut query = vec![
            ("container", self.plan.container.as_str()),
            ("follow", "true"),
            ("timestamps", "true"),
        ];
        match self.from {
            Start::Now => query.push(("tailLines", "0")),
            Start::Beginning => {}
            Start::After(unix_ns) => {
                since = rfc3339(unix_ns);
                query.push(("sinceTime", since.as_str()));
            }
        }
        let answer = self.cluster.begin(&ask, &query).await?;
        if std::mem::take(is_told) && self.tell.send((self.word)(LogWord::Fine)).await.is_err() {
            return Ok(());
        }
        // Of this answer only what was looked at before it was asked for is old: lines may share their time.
        let seen_to = match self.from {
            Start::After(unix_ns) => Some(unix_ns),
            Start::Now | Start::Beginning => None,
        };
        let mut lines = Lines::new(answer.into_body(), MAX_LINE);
        loop {
            match lines.next().await {
                Ok(Some(line)) => {
                    if self.line(&line, seen_to).await.is_err() {
                        return Ok(());
                    }
                }
                Ok(None) => {
                    // The container has ended; the next one's log is another.
                    if self.from == Start::Now {
                        self.from = Start::Beginning;
                    }
                    return Ok(());
                }
                Err(_) => return Ok(()),
            }
        }
    }

    /// Looks at a line.
    async fn line(&mut self, line: &[u8], seen_to: Option<u64>) -> Result<(), ()> {
        let text = String::from_utf8_lossy(line);
        let (stamp, text) = match text.split_once(' ') {
            Some((first, rest)) => match Stamp::parse(first) {
                Some(stamp) => (Some(stamp), rest),
                None => (None, &*text),
            },
            None => (None, &*text),
        };
        if let Some(stamp) = stamp {
            // What was looked at before the log was asked for again: the server cuts at whole seconds.
            if seen_to.is_some_and(|last| stamp.unix_ns <= last) {
                return Ok(());
            }
            self.from = Start::After(stamp.unix_ns);
        }
        for pattern in &self.plan.patterns {
            if !pattern.regex.is_match(text) {
                continue;
            }
            if pattern.count.fetch_add(1, Ordering::Relaxed) >= MAX_TOLD {
                continue;
            }
            let mut end = text.len().min(MAX_SHOWN);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            let hit = Hit {
                pod: self.pod.clone(),
                container: self.plan.container.clone(),
                pattern: pattern.name.clone(),
                stamp,
                seen: rt::unix_nanos(),
                line: text[..end].to_owned(),
            };
            self.tell.send((self.word)(LogWord::Hit(hit))).await.map_err(|_| ())?;
        }
        Ok(())
    }
}
