//! Several cases at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `work` on all cases, `n_at_once` at once, and gives the results in the order of the cases.
pub(crate) fn on_all<C: Sync, T: Send>(
    cases: &[C],
    n_at_once: usize,
    work: impl Fn(&C) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..n_at_once {
            scope.spawn(|| {
                while let Some((index, case)) = take(&next, cases) {
                    let result = work(case);
                    done.lock().unwrap().push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, C>(next: &AtomicUsize, cases: &'a [C]) -> Option<(usize, &'a C)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, cases.get(index)?))
}
