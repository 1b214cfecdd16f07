//! The totalizer of the seed: a running total that only grows.

use crate::answer::{Answer, write_number};
use rt::Nanos;

/// The total is what was added plus one for each 100 ms since the start plus one for each look at
/// it, so that it increases both for a client that polls and for one that waits.
pub(crate) struct Totalizer {
    started: Nanos,
    looks: u64,
}

impl Totalizer {
    pub(crate) fn new(started: Nanos) -> Totalizer {
        Totalizer { started, looks: 0 }
    }

    /// Answers `GET /v1/results`.
    pub(crate) fn results(&mut self, now: Nanos, answer: &mut Answer) {
        self.looks += 1;
        let tenths = now.0.saturating_sub(self.started.0) / 100_000_000;
        answer.body.extend_from_slice(b"{\"result\":");
        write_number(&mut answer.body, self.looks + tenths);
        answer.body.push(b'}');
    }

    /// Answers `GET /v1/healthcheck`.
    pub(crate) fn healthcheck(answer: &mut Answer) {
        answer.body.extend_from_slice(b"{\"status\":\"ok\"}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_grows_with_time_and_with_looks() {
        let mut totalizer = Totalizer::new(Nanos(7));
        let mut look = |now| {
            let mut answer = Answer::new();
            totalizer.results(Nanos(now), &mut answer);
            let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            body["result"].as_u64().unwrap()
        };
        assert_eq!(look(7), 1);
        assert_eq!(look(7), 2);
        assert_eq!(look(1_000_000_007), 13);
        assert_eq!(look(0), 4, "a clock before the start counts as the start");
    }
}
