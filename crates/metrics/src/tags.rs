//! Tag sets of one shard: interned strings, interned (key, value) pairs, interned sets of pairs.
//!
//! A tag set is a sorted run of pair ids in one flat arena, so that a set of nine tags costs about fifty bytes.
//! Asking again for an extension that was asked before is one hash and one comparison.

use std::cmp::Ordering;
use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::index::{Index, hash_of};

/// A tag set of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagSetId(pub u32);

impl TagSetId {
    /// The set without tags, the same in every shard.
    pub const EMPTY: Self = Self(0);
}

/// The tag that marks a series other series were folded into; its value names the tags left out.
pub const OVERFLOW_TAG: &str = "__overflow__";

/// Extensions remembered; beyond it the memory of them starts anew (the tag sets stay).
const MAX_EXTENSIONS: usize = 1 << 17;
/// Bytes of tag keys and values a shard keeps; beyond it new tag sets are folded.
const MAX_SYMBOL_BYTES: usize = 64 << 20;
/// Tags of one set; k6 has about fourteen system tags. Further ones are left out.
pub(crate) const MAX_TAGS: usize = 256;

/// Interned strings in one buffer.
#[derive(Debug, Default)]
struct Symbols {
    text: String,
    ends: Vec<u32>,
    index: Index,
}

impl Symbols {
    fn get(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] as usize };
        &self.text[start..self.ends[id] as usize]
    }

    /// Like `get(id) == text`, without looking for the ends of characters.
    fn is(&self, id: u32, text: &str) -> bool {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] as usize };
        is_same(&self.text.as_bytes()[start..self.ends[id] as usize], text.as_bytes())
    }

    fn find(&self, text: &str) -> Option<u32> {
        self.index.find(hash_of(text), |id| self.is(id, text))
    }

    fn intern(&mut self, text: &str) -> u32 {
        let hash = hash_of(text);
        if let Some(id) = self.index.find(hash, |id| self.is(id, text)) {
            return id;
        }
        let id = self.ends.len() as u32;
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
        let (buffer, ends) = (&self.text, &self.ends);
        self.index.insert(hash, id, |id| {
            let id = id as usize;
            let start = if id == 0 { 0 } else { ends[id - 1] as usize };
            hash_of(&buffer[start..ends[id] as usize])
        });
        id
    }
}

/// A tag key and how many values it has been seen with.
#[derive(Debug)]
struct Key {
    symbol: u32,
    values: u32,
    /// Left out of folded tag sets.
    is_wide: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Pair {
    key: u32,
    value: u32,
}

/// An extension that was asked for: the base, the symbols given, the result.
#[derive(Debug)]
struct Extension {
    hash: u64,
    base: u32,
    start: u32,
    len: u32,
    result: u32,
}

#[derive(Debug, Default)]
pub(crate) struct TagTable {
    symbols: Symbols,
    keys: Vec<Key>,
    pairs: Vec<Pair>,
    pair_index: Index,
    set_pairs: Vec<u32>,
    set_ends: Vec<u32>,
    set_index: Index,
    extensions: Vec<Extension>,
    extension_symbols: Vec<u32>,
    extension_index: Index,
    max_sets: usize,
    /// Sets made by folding; they come on top of `max_sets`.
    folded_sets: usize,
    max_folded_sets: usize,
    is_folding: bool,
    scratch: Vec<u32>,
}

/// What [`TagTable::extend`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extended {
    /// The tag set asked for.
    Whole(TagSetId),
    /// There is no room for it: a set without the tags that have the most values. The hash is of what was asked for.
    Folded(TagSetId, u64),
}

impl TagTable {
    pub(crate) fn new(max_sets: usize) -> Self {
        let mut table = Self { max_sets: max_sets.max(1), ..Self::default() };
        table.max_folded_sets = (max_sets / 100).clamp(64, 1_000);
        table.intern_set(&[]);
        table
    }

    /// The tags of a set, sorted by key.
    pub(crate) fn pairs(
        &self,
        set: TagSetId,
    ) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.pair_ids(set).iter().map(|pair| self.pair_text(*pair))
    }

    pub(crate) fn get(&self, set: TagSetId, key: &str) -> Option<&str> {
        self.pairs(set).find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// Key and value symbols of a set, for writing dictionaries.
    pub(crate) fn symbols_of(&self, set: TagSetId) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.pair_ids(set).iter().map(|pair| {
            let Pair { key, value } = self.pairs[*pair as usize];
            (self.keys[key as usize].symbol, value)
        })
    }

    pub(crate) fn symbol(&self, id: u32) -> &str {
        self.symbols.get(id)
    }

    /// The key with the most values and how many there are; of several the last in alphabetical order, so that `url`
    /// is named rather than the `name` that repeats it.
    pub(crate) fn widest_key(&self) -> Option<(&str, u32)> {
        self.keys
            .iter()
            .map(|key| (self.symbols.get(key.symbol), key.values))
            .max_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(b.0)))
    }

    /// Makes no further whole tag sets.
    pub(crate) fn start_folding(&mut self) {
        if self.is_folding {
            return;
        }
        self.is_folding = true;
        let most = self.keys.iter().map(|key| key.values).max().unwrap_or(0);
        for key in &mut self.keys {
            key.is_wide = key.values > 1 && key.values.saturating_mul(2) >= most;
        }
    }

    /// `base` with `pairs` laid over it; of equal keys the later wins.
    pub(crate) fn extend(&mut self, base: TagSetId, pairs: &[(&str, &str)]) -> Extended {
        if pairs.is_empty() {
            return Extended::Whole(base);
        }
        let hash = hash_extension(base, pairs);
        let known = self.extension_index.find(hash, |id| self.is_extension(id, hash, base, pairs));
        if let Some(id) = known {
            return Extended::Whole(TagSetId(self.extensions[id as usize].result));
        }
        if !self.is_folding
            && (self.set_ends.len() >= self.max_sets || self.symbols.text.len() >= MAX_SYMBOL_BYTES)
        {
            self.start_folding();
        }
        if self.is_folding {
            return match self.find_whole(base, pairs) {
                Some(set) => Extended::Whole(set),
                None => Extended::Folded(self.fold_pairs(base, pairs), hash),
            };
        }
        let mut set = std::mem::take(&mut self.scratch);
        set.clear();
        set.extend_from_slice(self.pair_ids(base));
        for (key, value) in pairs {
            let pair = self.intern_pair(key, value);
            self.overlay(&mut set, pair);
        }
        let result = self.intern_set(&set);
        self.scratch = set;
        self.remember(hash, base, pairs, result);
        Extended::Whole(result)
    }

    /// The set that stands for `set` once there is no room for its series.
    pub(crate) fn fold(&mut self, set: TagSetId) -> TagSetId {
        self.start_folding();
        let mut kept = std::mem::take(&mut self.scratch);
        kept.clear();
        kept.extend(self.pair_ids(set).iter().filter(|pair| !self.is_wide(**pair)));
        let folded = self.intern_folded(&mut kept);
        self.scratch = kept;
        folded
    }

    fn fold_pairs(&mut self, base: TagSetId, pairs: &[(&str, &str)]) -> TagSetId {
        let mut kept = std::mem::take(&mut self.scratch);
        kept.clear();
        kept.extend(self.pair_ids(base).iter().filter(|pair| !self.is_wide(**pair)));
        for (key, value) in pairs {
            let is_wide = self.keys.iter().any(|k| k.is_wide && self.symbols.get(k.symbol) == *key);
            // A value never seen of a key with few values is interned only while folded sets may still be made.
            if !is_wide
                && (self.folded_sets < self.max_folded_sets || self.find_pair(key, value).is_some())
            {
                let pair = self.intern_pair(key, value);
                self.overlay(&mut kept, pair);
            }
        }
        let folded = self.intern_folded(&mut kept);
        self.scratch = kept;
        folded
    }

    fn intern_folded(&mut self, kept: &mut Vec<u32>) -> TagSetId {
        let marker = self.marker();
        self.overlay(kept, marker);
        if let Some(id) = self.find_set(kept) {
            return id;
        }
        if self.folded_sets >= self.max_folded_sets {
            kept.clear();
            kept.push(marker);
            if let Some(id) = self.find_set(kept) {
                return id;
            }
        }
        self.folded_sets += 1;
        self.intern_set(kept)
    }

    /// The set that stands for any other when even folded sets are too many.
    pub(crate) fn last_resort(&mut self) -> TagSetId {
        self.start_folding();
        let marker = self.marker();
        self.intern_set(&[marker])
    }

    fn marker(&mut self) -> u32 {
        let mut names: Vec<&str> = self
            .keys
            .iter()
            .filter(|key| key.is_wide)
            .map(|key| self.symbols.get(key.symbol))
            .collect();
        names.sort_unstable();
        let names = names.join(",");
        self.intern_pair(OVERFLOW_TAG, &names)
    }

    fn is_wide(&self, pair: u32) -> bool {
        self.keys[self.pairs[pair as usize].key as usize].is_wide
    }

    fn find_whole(&mut self, base: TagSetId, pairs: &[(&str, &str)]) -> Option<TagSetId> {
        let mut set = std::mem::take(&mut self.scratch);
        set.clear();
        set.extend_from_slice(self.pair_ids(base));
        let mut is_known = true;
        for (key, value) in pairs {
            match self.find_pair(key, value) {
                Some(pair) => self.overlay(&mut set, pair),
                None => {
                    is_known = false;
                    break;
                }
            }
        }
        let found = if is_known { self.find_set(&set) } else { None };
        self.scratch = set;
        found
    }

    /// Puts a pair into a set sorted by key, replacing the pair of the same key.
    fn overlay(&self, set: &mut Vec<u32>, pair: u32) {
        let Pair { key, .. } = self.pairs[pair as usize];
        let name = self.symbols.get(self.keys[key as usize].symbol);
        let found = set.binary_search_by(|other| {
            let other = self.pairs[*other as usize].key;
            if other == key {
                return Ordering::Equal;
            }
            self.symbols.get(self.keys[other as usize].symbol).cmp(name)
        });
        match found {
            Ok(at) => set[at] = pair,
            Err(at) if set.len() < MAX_TAGS => set.insert(at, pair),
            Err(_) => {}
        }
    }

    fn pair_ids(&self, set: TagSetId) -> &[u32] {
        let id = set.0 as usize;
        let start = if id == 0 { 0 } else { self.set_ends[id - 1] as usize };
        &self.set_pairs[start..self.set_ends[id] as usize]
    }

    fn pair_text(&self, pair: u32) -> (&str, &str) {
        let Pair { key, value } = self.pairs[pair as usize];
        (self.symbols.get(self.keys[key as usize].symbol), self.symbols.get(value))
    }

    fn find_pair(&self, key: &str, value: &str) -> Option<u32> {
        let key = self.symbols.find(key)?;
        let value = self.symbols.find(value)?;
        let is_equal = |id: u32| {
            let pair = self.pairs[id as usize];
            self.keys[pair.key as usize].symbol == key && pair.value == value
        };
        self.pair_index.find(hash_of((key, value)), is_equal)
    }

    fn intern_pair(&mut self, key: &str, value: &str) -> u32 {
        let key = self.symbols.intern(key);
        let value = self.symbols.intern(value);
        let hash = hash_of((key, value));
        let Self { pairs, keys, pair_index, .. } = self;
        let is_equal = |id: u32| {
            let pair = pairs[id as usize];
            keys[pair.key as usize].symbol == key && pair.value == value
        };
        if let Some(id) = pair_index.find(hash, is_equal) {
            return id;
        }
        let key = match keys.iter().position(|k| k.symbol == key) {
            Some(at) => at,
            None => {
                keys.push(Key { symbol: key, values: 0, is_wide: false });
                keys.len() - 1
            }
        };
        keys[key].values += 1;
        let id = pairs.len() as u32;
        pairs.push(Pair { key: key as u32, value });
        pair_index.insert(hash, id, |id| {
            let pair = pairs[id as usize];
            hash_of((keys[pair.key as usize].symbol, pair.value))
        });
        id
    }

    fn find_set(&self, set: &[u32]) -> Option<TagSetId> {
        self.set_index.find(hash_of(set), |id| self.pair_ids(TagSetId(id)) == set).map(TagSetId)
    }

    fn intern_set(&mut self, set: &[u32]) -> TagSetId {
        if let Some(id) = self.find_set(set) {
            return id;
        }
        let id = self.set_ends.len() as u32;
        self.set_pairs.extend_from_slice(set);
        self.set_ends.push(self.set_pairs.len() as u32);
        let (all, ends) = (&self.set_pairs, &self.set_ends);
        self.set_index.insert(hash_of(set), id, |id| {
            let id = id as usize;
            let start = if id == 0 { 0 } else { ends[id - 1] as usize };
            hash_of(&all[start..ends[id] as usize])
        });
        TagSetId(id)
    }

    fn is_extension(&self, id: u32, hash: u64, base: TagSetId, pairs: &[(&str, &str)]) -> bool {
        let extension = &self.extensions[id as usize];
        if extension.hash != hash
            || extension.base != base.0
            || extension.len as usize != pairs.len() * 2
        {
            return false;
        }
        let start = extension.start as usize;
        let symbols = &self.extension_symbols[start..start + extension.len as usize];
        symbols.chunks_exact(2).zip(pairs).all(|(symbol, (key, value))| {
            self.symbols.is(symbol[1], value) && self.symbols.is(symbol[0], key)
        })
    }

    fn remember(&mut self, hash: u64, base: TagSetId, pairs: &[(&str, &str)], result: TagSetId) {
        if self.extensions.len() >= MAX_EXTENSIONS {
            self.extensions.clear();
            self.extension_symbols.clear();
            self.extension_index.clear();
        }
        let start = self.extension_symbols.len() as u32;
        for (key, value) in pairs {
            let (key, value) = (self.symbols.intern(key), self.symbols.intern(value));
            self.extension_symbols.extend([key, value]);
        }
        let id = self.extensions.len() as u32;
        self.extensions.push(Extension {
            hash,
            base: base.0,
            start,
            len: pairs.len() as u32 * 2,
            result: result.0,
        });
        let extensions = &self.extensions;
        self.extension_index.insert(hash, id, |id| extensions[id as usize].hash);
    }
}

/// Compares short strings without a call: most tags are shorter than 16 bytes, and there are eighteen in a request.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        // The first and the last eight (four) bytes overlap where the string is shorter than both.
        8..=16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        4..=7 => a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk(),
        0..=3 => a.iter().eq(b),
        _ => a == b,
    }
}

/// Each string goes in with its length, so no separators are needed; this runs for every request.
fn hash_extension(base: TagSetId, pairs: &[(&str, &str)]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(base.0);
    for (key, value) in pairs {
        hasher.write(key.as_bytes());
        hasher.write(value.as_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(extended: Extended) -> TagSetId {
        match extended {
            Extended::Whole(set) => set,
            Extended::Folded(..) => panic!("folded"),
        }
    }

    fn tags(table: &TagTable, set: TagSetId) -> Vec<(String, String)> {
        table.pairs(set).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn the_empty_set_is_id_zero() {
        let mut table = TagTable::new(10);
        assert_eq!(whole(table.extend(TagSetId::EMPTY, &[])), TagSetId(0));
        assert_eq!(table.pairs(TagSetId::EMPTY).len(), 0);
    }

    #[test]
    fn same_tags_in_any_order_are_one_set() {
        let mut table = TagTable::new(10);
        let one = whole(table.extend(TagSetId::EMPTY, &[("b", "2"), ("a", "1")]));
        let base = whole(table.extend(TagSetId::EMPTY, &[("a", "0")]));
        let other = whole(table.extend(base, &[("a", "1"), ("b", "2")]));
        assert_eq!(one, other);
        assert_eq!(tags(&table, one), [("a".into(), "1".into()), ("b".into(), "2".into())]);
    }

    #[test]
    fn strings_of_every_length_differ_in_every_place() {
        for len in 0..40 {
            let text: Vec<u8> = (0..len).map(|i| b'a' + (i % 26) as u8).collect();
            assert!(is_same(&text, &text.clone()));
            assert!(!is_same(&text, &[text.as_slice(), b"x"].concat()));
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'!';
                assert!(!is_same(&text, &other), "{len} {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn extension_equals_a_map_laid_over_a_map(
            steps in proptest::collection::vec(
                proptest::collection::vec(("[a-d]", "[x-z]{0,2}"), 0..5), 1..20),
        ) {
            let mut table = TagTable::new(10_000);
            let mut sets = vec![(TagSetId::EMPTY, std::collections::BTreeMap::new())];
            for (i, step) in steps.iter().enumerate() {
                let (base, model) = sets[i / 2].clone();
                let pairs: Vec<(&str, &str)> = step.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                let set = whole(table.extend(base, &pairs));
                // Asked again, it is the same set.
                prop_assert_eq!(whole(table.extend(base, &pairs)), set);
                let mut model = model;
                model.extend(step.iter().cloned());
                prop_assert_eq!(tags(&table, set), model.clone().into_iter().collect::<Vec<_>>());
                for (other, other_model) in &sets {
                    prop_assert_eq!(*other == set, *other_model == model);
                }
                sets.push((set, model));
            }
        }
    }

    #[test]
    fn forgetting_extensions_keeps_the_tag_sets() {
        let n = MAX_EXTENSIONS + 1_000;
        let mut table = TagTable::new(2 * n);
        let mut ask = |i: usize| whole(table.extend(TagSetId::EMPTY, &[("i", &i.to_string())]));
        let first: Vec<TagSetId> = (0..n).map(&mut ask).collect();
        for i in [0, 1, MAX_EXTENSIONS - 1, MAX_EXTENSIONS, n - 1, 0, 1] {
            assert_eq!(ask(i), first[i]);
        }
        assert!(table.extensions.len() < MAX_EXTENSIONS);
        assert_eq!(table.set_ends.len(), n + 1);
    }

    #[test]
    fn a_full_table_folds_the_widest_tags_and_keeps_the_others() {
        let mut table = TagTable::new(50);
        let mut folded = std::collections::BTreeSet::new();
        let base = whole(table.extend(TagSetId::EMPTY, &[("scenario", "s")]));
        for i in 0..1_000 {
            let url = format!("/{i}");
            let status = if i % 2 == 0 { "200" } else { "500" };
            match table.extend(base, &[("url", &url), ("name", &url), ("status", status)]) {
                Extended::Whole(_) => assert!(i < 50, "{i}"),
                Extended::Folded(set, _) => {
                    folded.insert(set);
                }
            }
        }
        let folded: Vec<_> = folded.into_iter().map(|set| tags(&table, set)).collect();
        let expected = |status: &str| {
            vec![
                (OVERFLOW_TAG.to_owned(), "name,url".to_owned()),
                ("scenario".to_owned(), "s".to_owned()),
                ("status".to_owned(), status.to_owned()),
            ]
        };
        assert_eq!(folded, [expected("200"), expected("500")]);
        assert_eq!(table.widest_key().map(|(key, _)| key), Some("url"));
    }

    #[test]
    fn folded_sets_are_limited_too() {
        let mut table = TagTable::new(100);
        for i in 0..5_000 {
            let (a, b) = (format!("{}", i % 300), i.to_string());
            table.extend(TagSetId::EMPTY, &[("a", &a), ("b", &b), ("c", "x")]);
        }
        // Ten new values of a narrow key on every set: folding can't help, one last set takes them.
        for i in 0..5_000 {
            let d = format!("{i}");
            table.extend(TagSetId::EMPTY, &[("d", &d)]);
        }
        assert!(table.set_ends.len() <= 100 + 64 + 2, "{}", table.set_ends.len());
    }
}
