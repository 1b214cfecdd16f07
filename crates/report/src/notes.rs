//! What a reader of the totals must know that no figure shows.

use metrics::{Overflow, ThresholdResult, Totals};

/// One line for each thing that makes the totals incomplete, with its remedy; none for a run that
/// lost nothing.
pub fn notes(totals: &Totals) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(overflow) = &totals.overflow {
        notes.push(overflow_note(overflow));
    }
    let counts = [
        (totals.dropped_samples, "samples did not reach the outputs, which were too slow for them"),
        (totals.refused_nan, "values were not numbers and are not in any metric"),
        (totals.missing_snapshots, "snapshots of agents are missing: totals are too low"),
        (
            totals.left_out,
            "groups, checks or scenarios were beyond the summary's limits; only the totals contain them",
        ),
    ];
    for (count, what) in counts {
        if count > 0 {
            notes.push(format!("{count} {what}"));
        }
    }
    notes
}

/// Which tag made too many series, and what helps.
fn overflow_note(overflow: &Overflow) -> String {
    let mut text = format!(
        "there were more than {} time series; about {} were folded into their metric's overflow series",
        overflow.limit, overflow.folded_series
    );
    if let Some(tag) = &overflow.tag_to_blame {
        text.push_str(&format!(
            ". The tag `{tag}` has the most values ({} or more)",
            overflow.values_of_tag
        ));
        if matches!(tag.as_str(), "url" | "name") {
            text.push_str(": give requests of one kind one name, with { tags: { name: 'item' } }");
        }
    }
    text
}

/// One line for each threshold that nothing was measured for: it passed or failed on no data.
pub fn untested_thresholds(totals: &Totals) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |name: &str, thresholds: &[ThresholdResult]| {
        for ThresholdResult { source, ok, .. } in thresholds {
            let result = if *ok { "passes" } else { "fails" };
            notes.push(format!(
                "the threshold '{source}' on '{name}' had no data; it {result} on nothing, as in k6"
            ));
        }
    };
    for metric in &totals.metrics {
        if !metric.has_samples {
            note(&metric.name, &metric.thresholds);
        }
        for part in metric.submetrics.iter().filter(|part| !part.has_samples) {
            note(&part.name, &part.thresholds);
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{Aggregator, AggregatorConfig};
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
                "there were more than 100000 time series; about 12 were folded into their metric's overflow series. \
                 The tag `url` has the most values (99000 or more): give requests of one kind one name, with { tags: { \
                 name: 'item' } }",
                "7 samples did not reach the outputs, which were too slow for them",
            ]
        );
    }
}
