//! Counts distinct things in bounded memory: exactly while few, estimated by the k smallest hashes beyond
//! (Bar-Yossef et al., "Counting distinct elements in a data stream", 2002; standard error about 1/√k).

use std::collections::BTreeSet;

/// Hashes kept: exact up to here, 1.6 % standard error beyond.
const KEPT: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Distinct {
    smallest: BTreeSet<u64>,
}

impl Distinct {
    pub(crate) fn insert(&mut self, hash: u64) {
        let hash = mix(hash);
        if self.smallest.len() < KEPT {
            self.smallest.insert(hash);
        } else if self.smallest.last().is_some_and(|largest| hash < *largest)
            && self.smallest.insert(hash)
        {
            self.smallest.pop_last();
        }
    }

    pub(crate) fn count(&self) -> u64 {
        match self.smallest.last() {
            Some(largest) if self.smallest.len() == KEPT => {
                let share = *largest as f64 / u64::MAX as f64;
                ((KEPT - 1) as f64 / share).round() as u64
            }
            _ => self.smallest.len() as u64,
        }
    }
}

/// The estimate wants evenly spread hashes; the tables' hash is not (finaliser of MurmurHash3).
fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_counted_exactly_and_many_within_five_percent() {
        for n in [0u64, 1, 90, 4_000, 20_000, 300_000] {
            let mut distinct = Distinct::default();
            for i in (0..n).chain(0..n / 2) {
                distinct.insert(i);
            }
            let count = distinct.count();
            if n < 4_096 {
                assert_eq!(count, n);
            } else {
                assert!(count.abs_diff(n) * 20 < n, "{count} for {n}");
            }
        }
    }
}
