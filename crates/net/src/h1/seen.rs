//! Heads this thread has parsed lately. A server that is asked the same thing answers with the same head, but for the
//! second in `Date`: comparing a hundred bytes costs a tenth of parsing them.

use std::cell::RefCell;

use super::head::Head;

/// Heads that are remembered: a script's few hot URLs each have their own.
const ENTRIES: usize = 4;

/// Longer heads are parsed each time.
const MAX_REMEMBERED_BYTES: usize = 1024;

/// Heads and what they came to, oldest replaced first.
struct Seen {
    entries: [Option<(Vec<u8>, Head)>; ENTRIES],
    oldest: usize,
}

thread_local! {
    static SEEN: RefCell<Seen> =
        const { RefCell::new(Seen { entries: [const { None }; ENTRIES], oldest: 0 }) };
}

/// What a remembered head came to, if `bytes` begin with one. A head ends at its first empty line, so that what follows
/// it does not matter.
pub(super) fn recall(bytes: &[u8]) -> Option<Head> {
    SEEN.with_borrow(|seen| {
        let known = |(head, _): &&(Vec<u8>, Head)| bytes.starts_with(head);
        seen.entries.iter().flatten().find(known).map(|(_, judged)| *judged)
    })
}

/// Remembers that a head of `judged.len` bytes came to `judged`.
pub(super) fn remember(bytes: &[u8], judged: &Head) {
    let Some(head) = bytes.get(..judged.len).filter(|head| head.len() <= MAX_REMEMBERED_BYTES)
    else {
        return;
    };
    SEEN.with_borrow_mut(|seen| {
        let at = seen.oldest;
        seen.oldest = (at + 1) % ENTRIES;
        match &mut seen.entries[at] {
            Some((kept, what)) => {
                kept.clear();
                kept.extend_from_slice(head);
                *what = *judged;
            }
            empty => *empty = Some((head.to_vec(), *judged)),
        }
    });
}
