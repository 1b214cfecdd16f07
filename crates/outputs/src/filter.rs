//! Which metrics an output gets: `TYPE@PATTERN+PATTERN=…`.

use metrics::MetricInfo;

/// Patterns of metric names. Without any, all metrics pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Filter {
    /// Reads patterns joined by `+`; `*` stands for any characters, `?` for one, and a leading `-` takes away.
    /// `None` when there is no pattern, or a character that no pattern has.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut filter = Self::default();
        for pattern in text.split('+') {
            let (list, pattern) = match pattern.strip_prefix('-') {
                Some(pattern) => (&mut filter.unwanted, pattern),
                None => (&mut filter.wanted, pattern),
            };
            let is_pattern = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '*' | '?');
            if pattern.is_empty() || !pattern.chars().all(is_pattern) {
                return None;
            }
            list.push(pattern.to_owned());
        }
        Some(filter)
    }

    /// Whether it lets everything pass.
    pub(crate) fn is_open(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    /// Whether a metric passes.
    pub(crate) fn passes(&self, metric: &str) -> bool {
        let any =
            |patterns: &[String]| patterns.iter().any(|p| matches(p.as_bytes(), metric.as_bytes()));
        (self.wanted.is_empty() || any(&self.wanted)) && !any(&self.unwanted)
    }

    /// Whether a sample's metric passes.
    pub(crate) fn takes(&self, metric: &MetricInfo) -> bool {
        self.is_open() || self.passes(&metric.name)
    }
}

/// Glob matching in linear memory: the last `*` is where a mismatch goes on from.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match &mut retry {
                Some((star, from)) => {
                    *from += 1;
                    (p, n) = (*star + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_choose_metrics_by_name() {
        for (patterns, metric, passes) in [
            ("http_*", "http_reqs", true),
            ("http_*", "vus", false),
            ("http_*+vus", "vus", true),
            ("-http_req_blocked", "http_reqs", true),
            ("-http_req_blocked", "http_req_blocked", false),
            ("http_*+-*_blocked", "http_req_blocked", false),
            ("http_*+-*_blocked", "http_req_waiting", true),
            ("*_re?s", "http_reqs", true),
            ("*", "x1", true),
            ("a*b*c", "a_b_bc", true),
            ("a*b*c", "a_b_b", false),
        ] {
            let filter = Filter::parse(patterns).unwrap();
            assert_eq!(filter.passes(metric), passes, "{patterns} {metric}");
        }
        for text in ["", "+", "a+", "a b", "-", "http://x"] {
            assert_eq!(Filter::parse(text), None, "{text}");
        }
        assert!(Filter::default().is_open() && Filter::default().passes("any"));
    }
}
