//! Lists and watches of one kind of object: one task for each, for as long as the probe lives.
//!
//! A list gives the objects and a version; a watch from there tells what changes. A watch that ends is continued from
//! the last version; one whose version the server has forgotten (`410 Gone`) begins with a list again, and so does one
//! that can't be understood. Whoever receives sees [`Change`]s that always add up to the objects there are.

use std::marker::PhantomData;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use crate::access::Cluster;
use crate::api::{ApiError, Ask, Resource, Status};
use crate::lines::Lines;

/// How long the server is asked to keep a watch open: short, so that a connection that died unnoticed is.
const WATCH_SECONDS: &str = "60";
/// A watch that says nothing for so long is given up; the server ends it before.
const SILENCE: Duration = Duration::from_secs(75);
/// The longest line of a watch, bytes. Objects are at most 1.5 MiB.
const MAX_LINE: usize = 8 << 20;
/// Objects of a page of a list.
const PAGE: &str = "500";
/// Most objects that are kept; a namespace with more is watched by a selector.
pub(crate) const MAX_OBJECTS: usize = 5_000;
/// Pauses after failures.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The pause after a failure that time does not heal.
const LASTING_PAUSE: Duration = Duration::from_secs(30);
/// The pause before a watch that ended by itself is continued.
const BREATH: Duration = Duration::from_millis(20);

/// What is watched, and what it is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) resource: Resource,
    /// Empty for all.
    pub(crate) labels: String,
    /// Empty for all.
    pub(crate) fields: String,
}

impl Wanted {
    fn query<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own =
            [("labelSelector", self.labels.as_str()), ("fieldSelector", self.fields.as_str())];
        own.into_iter().filter(|(_, text)| !text.is_empty()).chain(more.iter().copied()).collect()
    }
}

/// What became of the objects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change<T> {
    /// These are all there are.
    All(Vec<T>),
    /// This one is new or different.
    Applied(T),
    /// This one is gone; so it was last.
    Deleted(T),
}

/// What a watch tells, with the time it came, unix nanoseconds.
#[derive(Debug)]
pub(crate) enum Told<T> {
    Change(Change<T>, u64),
    /// It does not work, and is tried again.
    Trouble(ApiError),
    /// It works again.
    Fine,
}

#[derive(Deserialize)]
struct Page<T> {
    metadata: PageMetadata,
    // Missing or `null` where Go had no items.
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

/// A line of a watch; what the object is depends on the type.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    object: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[serde(default)]
    resource_version: String,
}

/// Watches for ever: until the receiver is gone. `word` makes what is told fit the receiver's queue.
pub(crate) async fn watch<T: DeserializeOwned, W: Send>(
    cluster: Cluster,
    wanted: Wanted,
    tell: Sender<W>,
    word: impl Fn(Told<T>) -> W + Send + Sync,
) {
    let mut watch =
        Watch { cluster, wanted, tell, word, version: None, failures: 0, of: PhantomData };
    loop {
        let outcome = watch.turn().await;
        let pause = match outcome {
            Ok(()) => BREATH,
            Err(End::Closed) => return,
            Err(End::Failed(error)) => {
                watch.failures = watch.failures.saturating_add(1);
                let pause = watch.pause(&error);
                // A server that has forgotten is no trouble: a list begins anew, and at once if it was the first time.
                let is_trouble = !matches!(error, ApiError::Gone(_)) || watch.failures > 3;
                if is_trouble && watch.say(Told::Trouble(error)).await.is_err() {
                    return;
                }
                pause
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = watch.tell.closed() => return,
        }
    }
}

/// Why a turn ended.
enum End {
    /// Nobody listens any more.
    Closed,
    Failed(ApiError),
}

impl From<ApiError> for End {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

struct Watch<T, W, F> {
    cluster: Cluster,
    wanted: Wanted,
    tell: Sender<W>,
    word: F,
    /// Where to go on from; none before the first list.
    version: Option<String>,
    /// In a row.
    failures: u32,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned, W: Send, F: Fn(Told<T>) -> W + Send + Sync> Watch<T, W, F> {
    /// Lists if needed and watches until the watch ends.
    async fn turn(&mut self) -> Result<(), End> {
        let version = match self.version.take() {
            Some(version) => version,
            None => self.list().await?,
        };
        self.version = Some(version.clone());
        self.follow(&version).await
    }

    async fn list(&mut self) -> Result<String, End> {
        let ask = Ask::list(self.wanted.resource);
        let mut objects = Vec::new();
        let mut next = String::new();
        loop {
            let mut query = self.wanted.query(&[("limit", PAGE)]);
            if !next.is_empty() {
                query.push(("continue", &next));
            }
            let page: Page<T> = self.cluster.ask(&ask, &query).await?;
            objects.extend(page.items.unwrap_or_default());
            next = page.metadata.next;
            if next.is_empty() || objects.len() >= MAX_OBJECTS {
                objects.truncate(MAX_OBJECTS);
                self.give(Change::All(objects)).await?;
                return Ok(page.metadata.resource_version);
            }
        }
    }

    async fn follow(&mut self, version: &str) -> Result<(), End> {
        let ask = Ask::watch(self.wanted.resource);
        let query = self.wanted.query(&[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", WATCH_SECONDS),
            ("resourceVersion", version),
        ]);
        let answer = match self.cluster.begin(&ask, &query).await {
            Ok(answer) => answer,
            Err(error) => {
                if matches!(error, ApiError::Gone(_)) {
                    self.version = None;
                }
                return Err(error.into());
            }
        };
        let mut lines = Lines::new(answer.into_body(), MAX_LINE);
        if std::mem::take(&mut self.failures) > 0 {
            self.say(Told::Fine).await?;
        }
        loop {
            let line = tokio::select! {
                line = timeout(SILENCE, lines.next()) => line,
                () = self.tell.closed() => return Err(End::Closed),
            };
            match line {
                Ok(Ok(Some(line))) => self.take(&line).await?,
                // Ended, cut or silent: it goes on from the last version.
                Ok(Ok(None) | Err(_)) | Err(_) => return Ok(()),
            }
        }
    }

    async fn take(&mut self, line: &[u8]) -> Result<(), End> {
        let malformed = |error: serde_json::Error| {
            End::Failed(ApiError::Malformed {
                what: format!("watch {}", self.wanted.resource.dotted()),
                error: error.to_string(),
            })
        };
        let parsed: Line<'_> = match serde_json::from_slice(line) {
            Ok(parsed) => parsed,
            // The last line of a connection that was cut.
            Err(error) if error.is_eof() => return Ok(()),
            Err(error) => {
                self.version = None;
                return Err(malformed(error));
            }
        };
        let object = parsed.object.get();
        if parsed.kind == "ERROR" {
            let status: Status = serde_json::from_str(object).unwrap_or_default();
            self.version = None;
            return Err(End::Failed(match status.code {
                410 => ApiError::Gone(status.message),
                code => ApiError::Refused {
                    what: format!("watch {}", self.wanted.resource.dotted()),
                    code,
                    message: format!("{} ({})", status.message, status.reason),
                },
            }));
        }
        let versioned: Versioned = serde_json::from_str(object).map_err(malformed)?;
        let change = match parsed.kind.as_str() {
            "ADDED" | "MODIFIED" => {
                Some(Change::Applied(serde_json::from_str(object).map_err(malformed)?))
            }
            "DELETED" => Some(Change::Deleted(serde_json::from_str(object).map_err(malformed)?)),
            // A bookmark says how far the watch has come; what else there may be one day tells nothing about objects.
            _ => None,
        };
        if !versioned.metadata.resource_version.is_empty() {
            self.version = Some(versioned.metadata.resource_version);
        }
        match change {
            Some(change) => self.give(change).await,
            None => Ok(()),
        }
    }

    async fn give(&self, change: Change<T>) -> Result<(), End> {
        self.say(Told::Change(change, rt::unix_nanos())).await
    }

    async fn say(&self, told: Told<T>) -> Result<(), End> {
        self.tell.send((self.word)(told)).await.map_err(|_| End::Closed)
    }

    fn pause(&self, error: &ApiError) -> Duration {
        let after = self.failures.saturating_sub(1).min(8);
        let growing = FIRST_PAUSE.saturating_mul(1 << after).min(LONGEST_PAUSE);
        match error {
            ApiError::Gone(_) if self.failures <= 1 => BREATH,
            ApiError::Busy { retry_after: Some(wanted), .. } => {
                (*wanted).clamp(BREATH, LASTING_PAUSE)
            }
            error if error.is_lasting() => LASTING_PAUSE,
            _ => growing,
        }
    }
}
