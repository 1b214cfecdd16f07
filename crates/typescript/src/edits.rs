//! Changes to a text that keep every other character where it is.

/// Stands for a byte that is not written; no UTF-8 text has it.
const GONE: u8 = 0xff;

/// A text being changed. Positions are byte offsets in the original.
#[derive(Debug)]
pub(crate) struct Edits {
    bytes: Vec<u8>,
    inserted: Vec<(usize, String)>,
    /// The stretch that was erased last.
    last: (usize, usize),
    changed: bool,
}

impl Edits {
    /// No change to `source` yet.
    pub(crate) fn new(source: &str) -> Self {
        let bytes = source.as_bytes().to_vec();
        Self { bytes, inserted: Vec::new(), last: (0, 0), changed: false }
    }

    /// Whether anything was changed.
    pub(crate) fn is_empty(&self) -> bool {
        !self.changed
    }

    /// The stretch that was erased last.
    pub(crate) fn last_erased(&self) -> (usize, usize) {
        self.last
    }

    /// Puts one space in the place of every character, but for line ends.
    pub(crate) fn erase(&mut self, from: usize, to: usize) {
        if from < to {
            self.wipe(from, to, b' ');
            self.last = (from, to);
        }
    }

    /// Takes characters out, but for line ends. What follows on their line moves.
    pub(crate) fn remove(&mut self, from: usize, to: usize) {
        self.wipe(from, to, GONE);
    }

    fn wipe(&mut self, from: usize, to: usize, with: u8) {
        self.changed = true;
        let to = to.min(self.bytes.len());
        let mut i = from;
        while i < to {
            match self.bytes[i] {
                b'\n' | b'\r' => {}
                // Line and paragraph separators end lines too.
                0xe2 if matches!(self.bytes.get(i + 1..i + 3), Some([0x80, 0xa8 | 0xa9])) => i += 2,
                // The rest of a character of several bytes: one space was enough.
                0x80..=0xbf => self.bytes[i] = GONE,
                _ => self.bytes[i] = with,
            }
            i += 1;
        }
    }

    /// Replaces one ASCII character.
    pub(crate) fn put(&mut self, at: usize, character: u8) {
        self.changed = true;
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte = character;
        }
    }

    /// Writes `text` before the character at `at`, behind what was inserted there before.
    pub(crate) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.changed = true;
        self.inserted.push((at, text.into()));
    }

    /// The changed text.
    pub(crate) fn finish(mut self) -> String {
        self.inserted.sort_by_key(|(at, _)| *at);
        let more: usize = self.inserted.iter().map(|(_, text)| text.len()).sum();
        let mut out = Vec::with_capacity(self.bytes.len() + more);
        let mut done = 0;
        for (at, text) in &self.inserted {
            let at = (*at).clamp(done, self.bytes.len());
            out.extend(self.bytes[done..at].iter().filter(|byte| **byte != GONE));
            out.extend_from_slice(text.as_bytes());
            done = at;
        }
        out.extend(self.bytes[done..].iter().filter(|byte| **byte != GONE));
        String::from_utf8_lossy(&out).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erasing_keeps_lines_and_columns() {
        let source = "a: ü\u{2028}é\r\nb";
        let mut edits = Edits::new(source);
        assert!(edits.is_empty());
        edits.erase(1, source.len() - 1);
        assert_eq!(edits.finish(), "a   \u{2028} \r\nb");
    }

    #[test]
    fn insertions_at_one_place_keep_their_order() {
        let mut edits = Edits::new("ab");
        edits.remove(0, 1);
        edits.insert(1, "1");
        edits.insert(2, "3");
        edits.insert(1, "2");
        assert_eq!(edits.finish(), "12b3");
    }
}
