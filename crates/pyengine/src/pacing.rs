//! Slots of a pace that passed while their user waited.
//!
//! A user with `constant_pacing` or `constant_throughput` begins a task each `pace`. Where a task takes longer, its user can't
//! begin those that were due meanwhile, and Locust never makes up for them: what would have waited is not measured. The waits
//! of such slots are known all the same: one that was due `k` paces after the long task began could have begun when that task
//! ended, so it waited at least the task's time less `k` paces. That is a censored time, a lower bound.

/// Slots of one long task that are counted at most; of more, so many spread evenly over them.
pub const MAX_SLOTS: u64 = 100_000;

/// What a long task did to the pace of its user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overrun {
    /// What the task took, in any unit of time.
    pub run: f64,
    /// The pace, in the same.
    pub pace: f64,
    /// Slots that no task will take.
    pub missed: u64,
    /// How far the user is behind its plan beyond whole slots, less than one pace: to be given for its next overrun.
    pub lag: f64,
}

impl Overrun {
    /// A task that took `run` at this `pace`, of a user that was `lag` behind before.
    ///
    /// The next task begins at once and takes the last slot that has passed, so a task that takes a little longer than its
    /// pace misses nothing; it puts the plan off, and when it has been put off by a whole pace a slot is gone. So slots and
    /// tasks together are as many as the plan has.
    pub fn new(run: f64, pace: f64, lag: f64) -> Overrun {
        // Nothing can be missed of a plan without a pace, or by a task in time.
        if !(pace > 0.0 && run > pace && run.is_finite()) {
            return Overrun { run, pace, missed: 0, lag };
        }
        let behind = lag.clamp(0.0, pace) + run - pace;
        let missed = (behind / pace).floor();
        Overrun { run, pace, missed: missed as u64, lag: (behind - missed * pace).clamp(0.0, pace) }
    }

    /// How long each missed slot waited, the longest first: at most [`MAX_SLOTS`] of them.
    pub fn waits(self) -> impl Iterator<Item = f64> {
        let shown = self.missed.min(MAX_SLOTS);
        (1..=shown).map(move |n| {
            let k = if self.missed > MAX_SLOTS {
                ((n as f64 - 0.5) / shown as f64 * self.missed as f64).ceil()
            } else {
                n as f64
            };
            (self.run - k * self.pace).max(0.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(run: f64, pace: f64) -> Vec<f64> {
        Overrun::new(run, pace, 0.0).waits().collect()
    }

    #[test]
    fn a_slot_waits_from_when_it_was_due_until_its_user_is_free() {
        assert_eq!(waits(5.0, 1.0), [4.0, 3.0, 2.0, 1.0]);
        assert_eq!(waits(2.5, 1.0), [1.5]);
        // The slot at 1 is the next task's.
        assert_eq!(waits(1.9, 1.0), [0.0; 0]);
        assert_eq!(waits(0.5, 1.0), [0.0; 0]);
    }

    #[test]
    fn small_overruns_put_the_plan_off_until_a_slot_is_gone() {
        let mut lag = 0.0;
        let mut missed = 0;
        // A hundred tasks of 1.25 paces take the time of 125 slots.
        for _ in 0..100 {
            let overrun = Overrun::new(1.25, 1.0, lag);
            assert!(overrun.waits().all(|wait| (0.0..1.25).contains(&wait)));
            missed += overrun.missed;
            lag = overrun.lag;
        }
        assert_eq!((missed, lag), (25, 0.0));
    }

    #[test]
    fn what_is_no_pace_misses_nothing() {
        for (run, pace) in
            [(1.0, 0.0), (1.0, -1.0), (1.0, f64::NAN), (f64::NAN, 1.0), (f64::INFINITY, 1.0)]
        {
            assert_eq!(Overrun::new(run, pace, 0.25).missed, 0, "{run} {pace}");
            assert_eq!(Overrun::new(run, pace, 0.25).lag, 0.25);
        }
    }

    #[test]
    fn very_many_slots_are_thinned_and_their_distribution_stays() {
        let overrun = Overrun::new(60.0, 1.0 / 131_072.0, 0.0);
        assert_eq!(overrun.missed, 60 * 131_072 - 1);
        let waits: Vec<f64> = overrun.waits().collect();
        assert_eq!(waits.len() as u64, MAX_SLOTS);
        assert!(
            waits.is_sorted_by(|a, b| a >= b)
                && waits.iter().all(|wait| (0.0..60.0).contains(wait))
        );
        assert!((waits[waits.len() / 2] - 30.0).abs() < 0.01);
    }

    /// Ten users at ten a second for half a minute, and a target that answers nothing for five seconds of it: of the
    /// 3,000 slots those of the freeze waited from five seconds down to none.
    #[test]
    fn a_freeze_of_five_seconds_is_seen_by_every_slot_it_met() {
        let mut times: Vec<f64> = Vec::new();
        for user in 0..10 {
            let phase = 0.01 * f64::from(user);
            let frozen = 5.0 - phase;
            times.push(frozen);
            let overrun = Overrun::new(frozen, 0.1, 0.0);
            times.extend(overrun.waits());
            let n_quick = 300 - 1 - overrun.missed as usize;
            times.extend(std::iter::repeat_n(0.001, n_quick));
        }
        times.sort_by(f64::total_cmp);
        assert_eq!(times.len(), 3_000);
        let at = |part: f64| times[(3_000.0 * part) as usize];
        assert!((at(0.95) - 3.5).abs() < 0.03 * 3.5, "{}", at(0.95));
        assert!((at(0.99) - 4.7).abs() < 0.03 * 4.7, "{}", at(0.99));
        assert!(at(0.5) < 0.01);
    }
}
