//! Metric names with tag selectors: `http_reqs{scenario:a}`.

use crate::collation;
use std::cmp::Ordering;

/// Splits a name into the metric and the text between the braces, if it is a submetric's.
pub(crate) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('{') {
        Some((parent, rest)) => (parent, Some(rest.strip_suffix('}').unwrap_or(rest))),
        None => (name, None),
    }
}

/// k6's order: by metric, then the metric before its submetrics, then by selector.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let ((a_parent, a_suffix), (b_parent, b_suffix)) = (split(a), split(b));
    collation::compare(a_parent, b_parent).then_with(|| match (a_suffix, b_suffix) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(a), Some(b)) => collation::compare(a, b),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submetrics_follow_their_metric() {
        let mut names = ["b", "a_z", "a{z:1}", "a{b:2}", "a", "b{a:1}"];
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(names, ["a", "a{b:2}", "a{z:1}", "a_z", "b", "b{a:1}"]);
    }

    #[test]
    fn selectors_are_split_off_at_the_first_brace() {
        assert_eq!(split("a"), ("a", None));
        assert_eq!(split("a{b:c}"), ("a", Some("b:c")));
        assert_eq!(split("a{b:{c}}"), ("a", Some("b:{c}")));
        assert_eq!(split("a{"), ("a", Some("")));
    }
}
