//! Counters of others, which start anew when their process does.

/// What a counter grew by since it was first seen, through restarts of whoever counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    last: Option<u64>,
    sum: u64,
}

impl Growth {
    /// Takes the counter's value now and gives the growth so far.
    pub fn add(&mut self, now: u64) -> u64 {
        let more = match self.last {
            None => 0,
            Some(last) => now.checked_sub(last).unwrap_or(now),
        };
        self.sum = self.sum.saturating_add(more);
        self.last = Some(now);
        self.sum
    }

    /// The growth so far.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Whoever counts is another one now, who starts at 0.
    pub fn restart(&mut self) {
        self.last = self.last.and(Some(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_goes_on_through_restarts() {
        let mut growth = Growth::default();
        let sums: Vec<u64> = [100, 110, 110, 5, 7].map(|now| growth.add(now)).to_vec();
        assert_eq!(sums, [0, 10, 10, 15, 17]);
        growth.restart();
        assert_eq!(growth.add(9), 26);
        let mut fresh = Growth::default();
        fresh.restart();
        assert_eq!((fresh.add(50), fresh.sum()), (0, 0));
    }
}
