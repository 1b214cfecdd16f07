//! Which known word an unknown one may have been meant for.

/// `unknown key \`usres\`: did you mean \`users\`?`, or the list of what there is.
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(word, known) {
        return format!("unknown {what} `{word}`: did you mean `{near}`?");
    }
    if known.is_empty() {
        return format!("unknown {what} `{word}`: there is none here");
    }
    format!("unknown {what} `{word}`: there are {}", known.join(", "))
}

/// The known word that is the fewest changes away, if that is near enough.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let most = (word.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|candidate| (distance(&word, &plain(candidate)), *candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be changed, added, removed, or exchanged with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let change = last[j] + usize::from(a[i] != b[j]);
            let mut least = change.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_recognised() {
        let known = ["users", "spawn-rate", "duration", "criteria"];
        for (word, near) in [
            ("usres", Some("users")),
            ("spawn_rate", Some("spawn-rate")),
            ("Durations", Some("duration")),
            ("criterias", Some("criteria")),
            ("preset", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, &known), near, "{word}");
        }
        assert_eq!(unknown("key", "zzz", &["a", "b"]), "unknown key `zzz`: there are a, b");
    }
}
