//! `RAM needed`: what a large run will take, told while its VUs are being made, where it is much of what there is.

use engine::progress::{Phase, Progress};

use crate::machine;

/// VUs that are weighed before anything is said of all.
const SAMPLE: u64 = 100;

/// Weighs the first VUs of a run.
#[derive(Debug)]
pub(crate) struct Ram {
    vus: u64,
    before: Option<u64>,
}

impl Ram {
    /// Before the first VU is made; `vus` is how many there may be.
    pub(crate) fn new(vus: u64) -> Self {
        Self { vus, before: machine::resident_bytes() }
    }

    /// What is to be said, once it is known: nothing, or a line. `None` while it is not.
    pub(crate) fn look(&mut self, now: &Progress) -> Option<Option<String>> {
        if self.vus < 2 * SAMPLE {
            return Some(None);
        }
        if now.phase == Phase::Init && now.vus_initialized < SAMPLE {
            return None;
        }
        let made = now.vus_initialized.max(1);
        let weighed = || {
            let grown = machine::resident_bytes()?.saturating_sub(self.before?);
            Some((grown / made, machine::free_bytes()?.saturating_add(grown)))
        };
        Some(weighed().and_then(|(each, free)| line(self.vus, each, free)))
    }
}

/// The line for `vus` VUs of `each` bytes where `free` bytes were free before the first; none where that is plenty.
fn line(vus: u64, each: u64, free: u64) -> Option<String> {
    let needed = vus.saturating_mul(each);
    if needed <= free / 2 {
        return None;
    }
    let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
    let end = if needed > free {
        "; the system may end this run: use fewer VUs, or several machines"
    } else {
        ""
    };
    Some(format!(
        "RAM needed: about {:.1} GiB for {vus} VUs ({} KiB each, before their first iteration); {:.1} GiB are free{end}",
        gib(needed),
        each / 1024,
        gib(free)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_that_take_much_of_what_is_free_are_told() {
        let gib = 1u64 << 30;
        assert_eq!(line(1000, 100 << 10, gib), None);
        let much = line(30_000, 100 << 10, 4 * gib).unwrap();
        assert_eq!(
            much,
            "RAM needed: about 2.9 GiB for 30000 VUs (100 KiB each, before their first iteration); 4.0 GiB are free"
        );
        let more = line(100_000, 100 << 10, 4 * gib).unwrap();
        assert!(more.ends_with("the system may end this run: use fewer VUs, or several machines"));
    }
}
