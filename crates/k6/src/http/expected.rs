//! Which statuses count as expected: the callback behind `http_req_failed` and the `expected_response` tag.

/// A set of statuses and ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected(Vec<(i64, i64)>);

impl Expected {
    /// The statuses of these inclusive ranges.
    pub(super) fn new(ranges: Vec<(i64, i64)>) -> Self {
        Self(ranges)
    }

    /// k6's default, 200 to 399.
    pub(super) fn success() -> Self {
        Self(vec![(200, 399)])
    }

    /// Whether the status (0 for a failure) is expected.
    #[inline]
    pub(super) fn covers(&self, status: u16) -> bool {
        self.0.iter().any(|(min, max)| (*min..=*max).contains(&i64::from(status)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_statuses_and_ranges_are_covered() {
        let expected = Expected::new(vec![(404, 404), (500, 503)]);
        let hits: Vec<u16> = [0, 200, 404, 405, 499, 500, 503, 504]
            .into_iter()
            .filter(|s| expected.covers(*s))
            .collect();
        assert_eq!(hits, [404, 500, 503]);
        assert!(Expected::success().covers(399) && !Expected::success().covers(400));
    }
}
