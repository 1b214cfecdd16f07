//! Answers of the resolver, kept for their time. A name is looked up once at a time, however many
//! wait for it, and the lookup goes on when those who wait give up.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use rt::Nanos;

use super::{Lookup, lookup_failed, no_such_host};
use crate::error::NetError;

/// Names remembered at most; beyond it all are forgotten, which costs lookups and nothing else.
const MAX_NAMES: usize = 10_000;

/// The addresses of a name.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) ips: Vec<IpAddr>,
    turns: AtomicU64,
}

impl Answer {
    /// Counts up.
    pub(super) fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }
}

type Outcome = Result<Arc<Answer>, NetError>;

/// A lookup under way.
#[derive(Debug, Default)]
struct Search {
    state: Mutex<(Option<Outcome>, Vec<Waker>)>,
}

impl Search {
    fn finish(&self, outcome: Outcome) {
        let wakers = {
            let mut state = locked(&self.state);
            state.0 = Some(outcome);
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn outcome(&self) -> Outcome {
        poll_fn(|cx| {
            let mut state = locked(&self.state);
            if let Some(outcome) = &state.0 {
                return Poll::Ready(outcome.clone());
            }
            if !state.1.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.1.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

#[derive(Debug)]
enum Entry {
    Known { answer: Arc<Answer>, until: Nanos },
    Searching(Arc<Search>),
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    names: Mutex<HashMap<Box<str>, Entry>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Found {
    Answer(Arc<Answer>),
    Wait(Arc<Search>),
    /// Nobody searches yet: this one is in the map, and the caller starts it.
    Start(Arc<Search>),
}

impl Cache {
    pub(super) async fn get(
        self: &Arc<Self>,
        host: &str,
        ttl: Duration,
        lookup: &Arc<Lookup>,
    ) -> Outcome {
        let now = rt::now();
        let search = match self.find(host, now) {
            Found::Answer(answer) => return Ok(answer),
            Found::Wait(search) => search,
            Found::Start(search) => {
                self.start(host, now + ttl, lookup.clone(), search.clone());
                search
            }
        };
        search.outcome().await
    }

    fn find(&self, host: &str, now: Nanos) -> Found {
        let mut names = locked(&self.names);
        match names.get(host) {
            Some(Entry::Known { answer, until }) if now < *until => {
                return Found::Answer(answer.clone());
            }
            Some(Entry::Searching(search)) => return Found::Wait(search.clone()),
            _ => {}
        }
        if names.len() >= MAX_NAMES {
            names.retain(|_, entry| matches!(entry, Entry::Searching(_)));
        }
        let search = Arc::new(Search::default());
        names.insert(host.into(), Entry::Searching(search.clone()));
        Found::Start(search)
    }

    /// Looks up on a side thread. Dropping the future of `rt::blocking` lets the work finish.
    fn start(self: &Arc<Self>, host: &str, until: Nanos, lookup: Arc<Lookup>, search: Arc<Search>) {
        let (cache, host): (_, Box<str>) = (self.clone(), host.into());
        drop(rt::blocking(move || {
            let outcome = match lookup(&host) {
                Ok(ips) if ips.is_empty() => Err(no_such_host(&host)),
                Ok(ips) => Ok(Arc::new(Answer { ips: unique(ips), turns: AtomicU64::new(0) })),
                Err(error) => Err(lookup_failed(&host, &error)),
            };
            let mut names = locked(&cache.names);
            match &outcome {
                Ok(answer) => {
                    let answer = answer.clone();
                    names.insert(host, Entry::Known { answer, until });
                }
                Err(_) => {
                    names.remove(&host);
                }
            }
            drop(names);
            search.finish(outcome);
        }));
    }
}

/// `getaddrinfo` lists an address once for each kind of socket.
fn unique(ips: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut kept: Vec<IpAddr> = Vec::with_capacity(ips.len());
    for ip in ips {
        if !kept.contains(&ip) {
            kept.push(ip);
        }
    }
    kept
}
