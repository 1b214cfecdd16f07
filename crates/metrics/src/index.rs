//! A hash index over things stored elsewhere: it holds only their `u32` ids, four bytes each, so that hundreds of
//! thousands of tag sets and series stay cheap. Equality and re-hashing ask the owner.

use std::hash::{BuildHasher, Hash};

use rustc_hash::FxBuildHasher;

const EMPTY: u32 = u32::MAX;

/// Open addressing with linear probing; at most 3/4 full. Nothing is ever removed but everything at once.
#[derive(Debug, Default)]
pub(crate) struct Index {
    slots: Vec<u32>,
    len: usize,
}

impl Index {
    /// The id whose owner says it equals what was hashed.
    pub(crate) fn find(&self, hash: u64, mut is_equal: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = start(hash, mask);
        loop {
            match self.slots[at] {
                EMPTY => return None,
                id if is_equal(id) => return Some(id),
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// Adds an id that is not in the index. `hash_of` re-hashes ids when the table grows.
    pub(crate) fn insert(&mut self, hash: u64, id: u32, mut hash_of: impl FnMut(u32) -> u64) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            let grown = vec![EMPTY; (self.slots.len() * 2).max(16)];
            let old = std::mem::replace(&mut self.slots, grown);
            for id in old.into_iter().filter(|id| *id != EMPTY) {
                self.place(hash_of(id), id);
            }
        }
        self.place(hash, id);
        self.len += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.len = 0;
    }

    fn place(&mut self, hash: u64, id: u32) {
        let mask = self.slots.len() - 1;
        let mut at = start(hash, mask);
        while self.slots[at] != EMPTY {
            at = (at + 1) & mask;
        }
        self.slots[at] = id;
    }
}

fn start(hash: u64, mask: usize) -> usize {
    // The hasher's best bits are the high ones; fold them down.
    (hash ^ (hash >> 32)) as usize & mask
}

/// One hash function for all tables of the crate: not keyed, so that runs are reproducible.
pub(crate) fn hash_of<T: Hash>(value: T) -> u64 {
    FxBuildHasher.hash_one(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_inserted_id_is_found_and_nothing_else() {
        let mut index = Index::default();
        let things: Vec<u64> = (0..5_000).map(|i| i * i).collect();
        for (i, thing) in things.iter().enumerate() {
            let find = index.find(hash_of(thing), |id| things[id as usize] == *thing);
            assert_eq!(find, None);
            index.insert(hash_of(thing), i as u32, |id| hash_of(things[id as usize]));
        }
        for (i, thing) in things.iter().enumerate() {
            assert_eq!(
                index.find(hash_of(thing), |id| things[id as usize] == *thing),
                Some(i as u32)
            );
        }
        assert_eq!(index.find(hash_of(3u64), |id| things[id as usize] == 3), None);
    }
}
