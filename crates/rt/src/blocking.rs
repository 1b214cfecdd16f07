//! Work that would block a core (name resolution, files) on side threads.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Side threads at most. Name lookups wait for the network, not for a CPU.
const MAX_THREADS: usize = 16;
/// A side thread without work for this long ends.
const IDLE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

#[derive(Default)]
struct Pool {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

/// The pool, and the process it belongs to: a fork copies the memory but not the threads, so a child makes a pool of its
/// own. Side threads never take this lock, so no fork can copy it taken.
static POOL: Mutex<Option<(u32, &'static Pool)>> = Mutex::new(None);

fn pool() -> &'static Pool {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    match *pool {
        Some((of, pool)) if of == process => pool,
        _ => {
            let new: &'static Pool = Box::leak(Box::default());
            *pool = Some((process, new));
            new
        }
    }
}

struct Slot<T> {
    value: Option<std::thread::Result<T>>,
    waiter: Option<Waker>,
}

struct Blocking<T>(Arc<Mutex<Slot<T>>>);

impl<T> Future for Blocking<T> {
    type Output = T;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.value.take() {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => {
                slot.waiter = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Runs `work` on a side thread; the future is its result. Dropping the future lets the work finish unheard.
///
/// On a simulated core the work runs at once, on this thread.
///
/// # Panics
/// The future panics where the work did.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> {
    let slot = Arc::new(Mutex::new(Slot { value: None, waiter: None }));
    let out = slot.clone();
    let job: Job = Box::new(move || {
        let value = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        let waiter = {
            let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
            out.value = Some(value);
            out.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    });
    if crate::core::with_current(|core| core.is_some_and(crate::core::Inner::is_simulated)) {
        job();
    } else {
        submit(job);
    }
    Blocking(slot)
}

fn submit(job: Job) {
    let pool = pool();
    let mut queue = pool.queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.jobs.push_back(job);
    if queue.idle >= queue.jobs.len() || queue.threads >= MAX_THREADS {
        pool.arrived.notify_one();
        return;
    }
    let started = std::thread::Builder::new().name("squall-side".into()).spawn(|| serve(pool));
    if started.is_ok() {
        queue.threads += 1;
    } else if queue.threads == 0 {
        // No thread to be had: slow beats stuck.
        let job = queue.jobs.pop_back();
        drop(queue);
        if let Some(job) = job {
            job();
        }
    }
}

fn serve(pool: &'static Pool) {
    let mut queue = pool.queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(job) = queue.jobs.pop_front() {
            drop(queue);
            job();
            queue = pool.queue.lock().unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        queue.idle += 1;
        let (next, wait) =
            pool.arrived.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
        queue = next;
        queue.idle -= 1;
        if wait.timed_out() && queue.jobs.is_empty() {
            queue.threads -= 1;
            return;
        }
    }
}
