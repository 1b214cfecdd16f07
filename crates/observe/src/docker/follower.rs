//! Readings of one container, taken in the background.
//!
//! Engines of today answer at once; those of years ago (20.10 among them) measure all containers once a second and let
//! each question wait for the next time. So the next reading is always asked for already, and a look takes what has come.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::api::{self, Stats};
use crate::clock::Clock;
use crate::http::Http;
use crate::observation::Observation;
use crate::probe::Source;

/// A task that reads one container until it stops running.
pub(super) struct Follower {
    latest: Arc<Mutex<Option<Stats>>>,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    /// Starts reading the container, once in `interval`.
    pub(super) fn start(mut http: Http, id: String, interval: Duration) -> Self {
        let latest = Arc::new(Mutex::new(None));
        let into = Arc::clone(&latest);
        let task = tokio::task::spawn_local(async move {
            // Of the answers only the readings matter here.
            let mut aside = Observation::new("", Source::Docker, 0, Clock::default());
            loop {
                let asked = rt::now();
                match api::stats(&mut http, &mut aside, &id).await {
                    Ok(Some(stats)) => {
                        *into.lock().unwrap_or_else(PoisonError::into_inner) = Some(stats);
                    }
                    // It does not run any more, or the engine is gone, which the look tells.
                    Ok(None) | Err(_) => return,
                }
                let pause = interval.mul_f64(0.9).saturating_sub(rt::now().since(asked));
                tokio::time::sleep(pause).await;
            }
        });
        Self { latest, task }
    }

    /// The reading since the last time, if there is one.
    pub(super) fn take(&self) -> Option<Stats> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether no further reading will come.
    pub(super) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Whether a reading has come.
    #[cfg(test)]
    pub(super) fn has_one(&self) -> bool {
        self.latest.lock().unwrap().is_some()
    }
}
