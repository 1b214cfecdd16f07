//! Likely causes of what a system under test says when it can't be loaded.

/// The likely cause, with what to do; `None` where the words are no known ones.
pub(crate) fn of(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    CAUSES.iter().find(|(words, _)| words.iter().any(|word| text.contains(word))).map(|(_, c)| *c)
}

const CAUSES: &[(&[&str], &str)] = &[
    (
        &["connection refused"],
        "nothing listens there: is the service started, the port right, the port-forward alive?",
    ),
    (&["lookup", "resolve", "name or service"], "the name is unknown here: check it and the DNS"),
    (
        &["status 401", "status 403", "unauthenticated"],
        "it wants a login: are the test users there?",
    ),
    (&["status 502", "status 503", "status 504", "unavailable"], "it is starting, or overloaded"),
    (&["certificate", "tls"], "its certificate is not trusted here: `insecure: true` takes any"),
    (
        &["timed out", "deadline", "timeout"],
        "it takes connections too slowly, or a firewall drops them",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_have_a_cause() {
        assert!(of("Connection refused").unwrap().contains("port-forward"));
        assert!(of("status 503").unwrap().contains("starting"));
        assert_eq!(of("status 404"), None);
    }
}
