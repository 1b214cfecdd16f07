//! The first section: every threshold with the value it was compared to.

use super::{Block, Page, indent};
use crate::name;
use crate::number;
use crate::paint::Ink;
use crate::values::share;
use metrics::{Contains, MetricTotal, Sink, ThresholdResult};
use plan::threshold::Aggregation;

impl Page<'_> {
    pub(super) fn threshold_blocks(&self, metrics: &[MetricTotal]) -> Vec<Block> {
        let mut metrics: Vec<&MetricTotal> = metrics.iter().collect();
        metrics.sort_by(|a, b| name::compare(&a.name, &b.name));
        let mut blocks = Vec::new();
        for metric in metrics {
            let whole_listed = !metric.thresholds.is_empty();
            if whole_listed {
                blocks.push(self.thresholds(
                    &metric.name,
                    metric.contains,
                    &metric.sink,
                    &metric.thresholds,
                    0,
                ));
            }
            let mut parts: Vec<_> =
                metric.submetrics.iter().filter(|part| !part.thresholds.is_empty()).collect();
            parts.sort_by(|a, b| name::compare(&a.name, &b.name));
            for part in parts {
                // Below its metric a submetric is named by its selector alone.
                let (title, depth) = if whole_listed {
                    (format!("{{{}}}", part.suffix), 1)
                } else {
                    (part.name.clone(), 0)
                };
                blocks.push(self.thresholds(
                    &title,
                    metric.contains,
                    &part.sink,
                    &part.thresholds,
                    depth,
                ));
            }
        }
        blocks
    }

    fn thresholds(
        &self,
        title: &str,
        contains: Contains,
        sink: &Sink,
        results: &[ThresholdResult],
        depth: usize,
    ) -> Block {
        let mut block = vec![format!("{}{title}", indent(depth))];
        for result in results {
            let source = result.source.trim();
            // k6 prints what stands before the first operator character, so for `!=` one too many.
            let what = source.split(['=', '>', '<']).next().unwrap_or_default().trim();
            let value = self.compared(sink, contains, result.aggregation);
            let mark = if result.ok {
                self.paint.on(Ink::Pass, "✓")
            } else {
                self.paint.on(Ink::Fail, "✗")
            };
            block.push(format!(
                "{}{mark} {} {}={}",
                indent(depth),
                self.paint.on(Ink::Source, &format!("'{source}'")),
                self.paint.on(Ink::Source, what),
                self.paint.on(Ink::Value, &value),
            ));
        }
        block
    }

    fn compared(&self, sink: &Sink, contains: Contains, aggregation: Aggregation) -> String {
        match (sink, aggregation) {
            (Sink::Rate { trues, total }, _) => number::rate(share(*trues, *total)),
            (Sink::Counter { sum }, Aggregation::Rate) => self.form.per_second(*sum, contains),
            _ => self.form.human(self.form.value(sink, aggregation), contains),
        }
    }
}
