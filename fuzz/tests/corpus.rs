//! The corpus and damaged copies of it, without libFuzzer.

use std::path::Path;

/// Copies of each file of the corpus that are damaged and tried.
const COPIES: u64 = 4000;

/// xorshift64 (Marsaglia 2003).
fn random(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state % below.max(1) as u64) as usize
}

fn damage(bytes: &mut Vec<u8>, state: &mut u64) {
    for _ in 0..=random(state, 3) {
        let at = random(state, bytes.len());
        match random(state, 5) {
            _ if bytes.is_empty() => bytes.push(random(state, 256) as u8),
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << random(state, 8),
            2 => bytes[at] = [0, 0xff, 0x7f, b'9', b'-', b'"'][random(state, 6)],
            3 => {
                let end = (at + 1 + random(state, 16)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random(state, bytes.len());
                bytes.splice(to..to, part);
            }
            _ => drop(bytes.remove(at)),
        }
    }
}

#[test]
fn the_corpus_and_damaged_copies_of_it_break_nothing() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, check) in squall_fuzz::FORMATS {
        let mut files: Vec<_> = std::fs::read_dir(corpus.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name}");
        let mut state = 0x5eed;
        for file in files {
            let whole = std::fs::read(&file).unwrap();
            check(&whole);
            for _ in 0..COPIES {
                let mut bytes = whole.clone();
                damage(&mut bytes, &mut state);
                check(&bytes);
            }
        }
    }
}
