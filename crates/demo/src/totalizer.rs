//! The totalizer of the seed: a running total that grows by what the adder sends through its message queue.

use crate::answer::{Answer, write_number};
use rt::Nanos;
use std::collections::VecDeque;
use std::time::Duration;

/// The total. As long as nothing feeds it, it grows by one for each 100 ms since the start and one for each look at it,
/// so that it increases both for a client that polls and for one that waits; from the first sum on it grows by sums only.
pub(crate) struct Totalizer {
    started: Nanos,
    looks: u64,
    /// What stands there since the first sum came.
    total: Option<i64>,
    delay: Duration,
    pipeline: VecDeque<Batch>,
}

/// Sums on their way. They come within a thousandth of the delay of each other and arrive together, when the last of
/// them is due: however many are on their way, there are about a thousand batches.
struct Batch {
    opened: Nanos,
    due: Nanos,
    sum: i64,
}

impl Totalizer {
    pub(crate) fn new(started: Nanos, delay: Duration) -> Totalizer {
        Totalizer { started, looks: 0, total: None, delay, pipeline: VecDeque::new() }
    }

    /// Adds `sum`, which is there after the pipeline's delay.
    pub(crate) fn feed(&mut self, now: Nanos, sum: i64) {
        let own = self.own(now);
        let total = self.total.get_or_insert(own);
        if self.delay.is_zero() {
            *total = total.wrapping_add(sum);
            return;
        }
        self.arrive(now);
        let due = now + self.delay;
        match self.pipeline.back_mut() {
            Some(batch) if now < batch.opened + self.delay / 1000 => {
                (batch.due, batch.sum) = (due, batch.sum.wrapping_add(sum));
            }
            _ => self.pipeline.push_back(Batch { opened: now, due, sum }),
        }
    }

    fn arrive(&mut self, now: Nanos) {
        let Some(total) = &mut self.total else { return };
        while self.pipeline.front().is_some_and(|batch| batch.due <= now) {
            let sum = self.pipeline.pop_front().map_or(0, |batch| batch.sum);
            *total = total.wrapping_add(sum);
        }
    }

    /// What it has grown to by itself.
    fn own(&self, now: Nanos) -> i64 {
        let tenths = now.0.saturating_sub(self.started.0) / 100_000_000;
        (self.looks + tenths) as i64
    }

    /// Answers `GET /v1/results`.
    pub(crate) fn results(&mut self, now: Nanos, answer: &mut Answer) {
        self.looks += 1;
        self.arrive(now);
        let total = self.total.unwrap_or_else(|| self.own(now));
        answer.body.extend_from_slice(b"{\"result\":");
        if total < 0 {
            answer.body.push(b'-');
        }
        write_number(&mut answer.body, total.unsigned_abs());
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

    const MS: u64 = 1_000_000;

    fn look(totalizer: &mut Totalizer, now: u64) -> i64 {
        let mut answer = Answer::new();
        totalizer.results(Nanos(now), &mut answer);
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        body["result"].as_i64().unwrap()
    }

    #[test]
    fn the_total_grows_with_time_and_with_looks_while_nothing_feeds_it() {
        let mut totalizer = Totalizer::new(Nanos(7), Duration::ZERO);
        assert_eq!(look(&mut totalizer, 7), 1);
        assert_eq!(look(&mut totalizer, 7), 2);
        assert_eq!(look(&mut totalizer, 1_000_000_007), 13);
        assert_eq!(look(&mut totalizer, 0), 4, "a clock before the start counts as the start");
    }

    #[test]
    fn sums_arrive_after_the_delay_and_nothing_else_does() {
        let mut totalizer = Totalizer::new(Nanos(0), Duration::from_millis(50));
        assert_eq!(look(&mut totalizer, 0), 1);
        totalizer.feed(Nanos(0), 7);
        totalizer.feed(Nanos(MS), -20);
        assert_eq!(look(&mut totalizer, 50 * MS - 1), 1);
        assert_eq!(look(&mut totalizer, 50 * MS), 8);
        assert_eq!(look(&mut totalizer, 50 * MS), 8, "looks don't count any more");
        assert_eq!(look(&mut totalizer, 51 * MS), -12);
    }

    #[test]
    fn without_a_delay_sums_arrive_at_once() {
        let mut totalizer = Totalizer::new(Nanos(0), Duration::ZERO);
        totalizer.feed(Nanos(0), 7);
        assert_eq!(look(&mut totalizer, 0), 7);
    }

    #[test]
    fn any_number_of_sums_takes_little_room_and_none_arrives_early_or_is_lost() {
        let delay = 600_000 * MS;
        let mut totalizer = Totalizer::new(Nanos(0), Duration::from_nanos(delay));
        for n in 0..100_000 {
            totalizer.feed(Nanos(n * 6 * MS), 1);
        }
        assert!(totalizer.pipeline.len() <= 1001, "{}", totalizer.pipeline.len());
        assert!(look(&mut totalizer, delay + 300_000 * MS) <= 50_001);
        assert_eq!(look(&mut totalizer, delay + 600_000 * MS), 100_000);
    }
}
