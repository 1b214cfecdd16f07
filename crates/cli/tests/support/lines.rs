//! Comparing two runs line by line.

use std::fmt;

/// One line that only one of two runs has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) aspect: &'static str,
    /// True when the other run has it and the recording doesn't.
    pub(crate) is_added: bool,
    pub(crate) line: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_added { '+' } else { '-' };
        write!(f, "{} {sign} {}", self.aspect, self.line)
    }
}

/// The shortest edit script, by the longest common subsequence.
pub(crate) fn line_differences(
    aspect: &'static str,
    old: &[String],
    new: &[String],
) -> Vec<Difference> {
    let mut longest = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (i, before) in old.iter().enumerate().rev() {
        for (j, after) in new.iter().enumerate().rev() {
            longest[i][j] = if before == after {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            out.push(Difference { aspect, is_added: false, line: old[i].clone() });
            i += 1;
        } else {
            out.push(Difference { aspect, is_added: true, line: new[j].clone() });
            j += 1;
        }
    }
    out
}

#[test]
fn differing_lines_come_out_and_equal_ones_do_not() {
    let lines = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    let got = line_differences("log", &lines("a b c d"), &lines("a x c d e"));
    let got: Vec<String> = got.iter().map(ToString::to_string).collect();
    assert_eq!(got, ["log - b", "log + x", "log + e"]);
    assert!(line_differences("log", &lines("a b"), &lines("a b")).is_empty());
}
