//! The lines of an answer that comes bit by bit.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use kube::client::Body;

/// Reads lines; a line that is too long is cut, and the rest of it left out.
#[derive(Debug)]
pub(crate) struct Lines {
    body: Body,
    buf: BytesMut,
    /// How much of `buf` has no end of line in it.
    searched: usize,
    max: usize,
    /// The rest of a line that was cut is being left out.
    is_cutting: bool,
    is_over: bool,
}

impl Lines {
    /// The lines of a body, `max` bytes long at most.
    pub(crate) fn new(body: Body, max: usize) -> Self {
        Self { body, buf: BytesMut::new(), searched: 0, max, is_cutting: false, is_over: false }
    }

    /// The next line without its end, `None` after the last. A last line without an end is given too.
    ///
    /// # Errors
    /// The connection broke, in words.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            if let Some(at) = self.buf[self.searched..].iter().position(|b| *b == b'\n') {
                let end = self.searched + at;
                let mut line = self.buf.split_to(end + 1);
                self.searched = 0;
                if std::mem::take(&mut self.is_cutting) {
                    continue;
                }
                line.truncate(end.min(self.max));
                return Ok(Some(line.freeze()));
            }
            self.searched = self.buf.len();
            if self.buf.len() > self.max {
                let line = self.buf.split().freeze();
                self.searched = 0;
                if !std::mem::replace(&mut self.is_cutting, true) {
                    return Ok(Some(line.slice(..self.max)));
                }
                continue;
            }
            if self.is_over {
                let rest = self.buf.split();
                self.searched = 0;
                let is_line = !rest.is_empty() && !self.is_cutting;
                return Ok(is_line.then(|| rest.freeze()));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buf.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(crate::access::chain(&error)),
                None => self.is_over = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, max: usize) -> Vec<String> {
        let body = Body::from(text.as_bytes().to_vec());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut lines = Lines::new(body, max);
            let mut found = Vec::new();
            while let Some(line) = lines.next().await.unwrap() {
                found.push(String::from_utf8_lossy(&line).into_owned());
            }
            found
        })
    }

    #[test]
    fn lines_are_split_and_long_ones_cut() {
        assert_eq!(lines("a\nbc\n\nd", 10), ["a", "bc", "", "d"]);
        assert_eq!(lines("", 10), Vec::<String>::new());
        assert_eq!(lines("12345\nab\n", 3), ["123", "ab"]);
        assert_eq!(lines("12345", 3), ["123"]);
    }
}
