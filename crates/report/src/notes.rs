//! What a reader of the totals must know that no figure shows.

use metrics::Totals;

/// One line for each thing that makes the totals incomplete, with its remedy; none for a run that
/// lost nothing.
pub fn notes(totals: &Totals) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(overflow) = &totals.overflow {
        let blame = match &overflow.tag_to_blame {
            Some(tag) if tag == "url" || tag == "name" => format!(
                "; tag `{tag}` alone has {} values or more: give requests of one kind one name \
                 (`tags: {{ name: … }}` or http.url``)",
                overflow.values_of_tag
            ),
            Some(tag) => {
                format!("; tag `{tag}` alone has {} values or more", overflow.values_of_tag)
            }
            None => String::new(),
        };
        notes.push(format!(
            "about {} time series beyond the limit of {} were counted as one{blame}",
            overflow.folded_series, overflow.limit
        ));
    }
    let counts = [
        (totals.dropped_samples, "samples did not reach the outputs, which were too slow for them"),
        (totals.refused_nan, "values were no numbers and were left out"),
        (totals.missing_snapshots, "snapshots of agents are missing: totals are too low"),
        (totals.left_out, "groups, checks or scenarios were too many to be listed"),
    ];
    for (count, what) in counts {
        if count > 0 {
            notes.push(format!("{count} {what}"));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{Aggregator, AggregatorConfig, Overflow};
    use std::time::Duration;

    #[test]
    fn only_losses_are_noted() {
        let config = AggregatorConfig { thresholds: Vec::new(), full: false, request_rows: false };
        let mut totals = Aggregator::new(config).unwrap().totals(Duration::ZERO);
        assert_eq!(notes(&totals), Vec::<String>::new());
        totals.dropped_samples = 7;
        totals.overflow = Some(Overflow {
            folded_series: 12,
            tag_to_blame: Some("url".into()),
            values_of_tag: 99_000,
            limit: 100_000,
        });
        assert_eq!(
            notes(&totals),
            [
                "about 12 time series beyond the limit of 100000 were counted as one; tag `url` \
                 alone has 99000 values or more: give requests of one kind one name \
                 (`tags: { name: … }` or http.url``)",
                "7 samples did not reach the outputs, which were too slow for them",
            ]
        );
    }
}
