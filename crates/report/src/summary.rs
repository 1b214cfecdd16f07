//! k6's end-of-test summary, compact and full.
//!
//! The text is a list of sections (thresholds, total results, then groups and scenarios), each a
//! title and blocks of lines with a blank line between; widths are those of a section, as k6 has
//! it by an oversight.

mod checks;
mod metric_blocks;
mod thresholds;

use crate::name;
use crate::number::TimeUnit;
use crate::paint::{Ink, Paint};
use crate::values::{Form, TrendStat};
pub(crate) use checks::merged as merged_checks;
pub(crate) use metric_blocks::is_in_blocks;
use metrics::{GroupTotal, MetricTotal, ScenarioTotal, Totals};

/// How much a summary shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryMode {
    /// Totals, without the phases of HTTP requests.
    Compact,
    /// All metrics, and each group and scenario for itself.
    Full,
}

/// What the summary's text depends on besides the numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryOptions {
    /// How much is shown.
    pub mode: SummaryMode,
    /// The statistics of trends, in order.
    pub trend_stats: Vec<TrendStat>,
    /// `--summary-time-unit`.
    pub time_unit: Option<TimeUnit>,
    /// Colours, for a terminal that is not told to do without.
    pub colours: bool,
    /// Clears each line to its end, as k6 does on every terminal, so that no remains of a progress
    /// bar show.
    pub clear_lines: bool,
}

/// The whole text as k6 writes it to its standard output, blank lines around it included.
pub fn summary(totals: &Totals, options: &SummaryOptions) -> String {
    let page = Page {
        form: Form {
            trend_stats: &options.trend_stats,
            time_unit: options.time_unit,
            elapsed: totals.elapsed,
        },
        paint: Paint::current(options.colours),
        mode: options.mode,
    };
    let mut text = String::from("\n");
    for section in page.sections(totals) {
        text.push('\n');
        text.push_str(&section);
        text.push_str("\n\n");
    }
    text.push_str("\n\n");
    if options.clear_lines { text.replace('\n', "\x1b[0K\n") } else { text }
}

/// Lines that stand together; between blocks there is a blank line.
type Block = Vec<String>;

/// Everything that is the same for all parts of a summary.
struct Page<'a> {
    form: Form<'a>,
    paint: Paint,
    mode: SummaryMode,
}

impl Page<'_> {
    fn sections(&self, totals: &Totals) -> Vec<String> {
        let mut sections = Vec::new();
        let thresholds = self.threshold_blocks(&totals.metrics);
        if !thresholds.is_empty() {
            sections.push(self.section("THRESHOLDS", thresholds));
        }
        let mut blocks = self.run_check_blocks(totals);
        blocks.extend(self.metric_blocks(&totals.metrics, 0));
        sections.push(self.section("TOTAL RESULTS", blocks));
        if self.mode == SummaryMode::Full {
            let (default, mut others): (Vec<_>, Vec<_>) =
                totals.scenarios.iter().partition(|scenario| scenario.name == "default");
            let groups = default.iter().flat_map(|scenario| &scenario.root_group.groups);
            sections.extend(groups.filter(|group| has_content(group)).map(|group| {
                let blocks = self.group_blocks(group, 0);
                self.section(&format!("GROUP: {}", group.name), blocks)
            }));
            others.sort_by(|a, b| name::compare(&a.name, &b.name));
            sections.extend(others.into_iter().map(|scenario| self.scenario(scenario)));
        }
        sections
    }

    fn section(&self, title: &str, blocks: Vec<Block>) -> String {
        let mut text = format!("  █ {} ", self.paint.on(Ink::Title, title));
        for block in blocks {
            text.push_str("\n\n");
            text.push_str(&block.join("\n"));
        }
        text
    }

    fn scenario(&self, scenario: &ScenarioTotal) -> String {
        // A scenario's checks are those of all its groups; a group's are its own.
        let checks = checks::merged(&scenario.root_group);
        let mut blocks = self.check_blocks(&checks, 0);
        blocks.extend(self.metric_blocks(&scenario.metrics, 0));
        for group in &scenario.root_group.groups {
            blocks.extend(self.nested_group(group, 0));
        }
        self.section(&format!("SCENARIO: {}", scenario.name), blocks)
    }

    /// The blocks of a group `depth` levels below its section, and of the groups in it.
    fn group_blocks(&self, group: &GroupTotal, depth: usize) -> Vec<Block> {
        let checks: Vec<_> = group.checks.iter().map(checks::Counts::of).collect();
        let mut blocks = self.check_blocks(&checks, depth);
        blocks.extend(self.metric_blocks(&group.metrics, depth));
        for inner in &group.groups {
            blocks.extend(self.nested_group(inner, depth));
        }
        blocks
    }

    /// The title and blocks of a group within a scenario or a group at `depth`.
    fn nested_group(&self, group: &GroupTotal, depth: usize) -> Vec<Block> {
        let title = self.paint.on(Ink::Title, &format!("GROUP: {}", group.name));
        let mut blocks = vec![vec![format!("{}↳ {title} ", indent(depth))]];
        blocks.extend(self.group_blocks(group, depth + 1));
        blocks
    }
}

/// Where lines start at `depth` levels below a section.
fn indent(depth: usize) -> String {
    " ".repeat(4 + 2 * depth)
}

/// Setup and teardown are groups only for the groups a script makes in them.
fn has_content(group: &GroupTotal) -> bool {
    !matches!(group.path.as_str(), "::setup" | "::teardown") || !group.groups.is_empty()
}

/// Whether k6 would list a metric: it has samples, or a threshold names it or a part of it. Ours
/// are beside k6's and only shown when a threshold asks for them.
pub fn is_listed(metric: &MetricTotal) -> bool {
    let named = !metric.thresholds.is_empty() || metric.submetrics.iter().any(is_listed_part);
    let ours = !metric.user_defined && metric.name.starts_with("squall_");
    named || (metric.has_samples && !ours)
}

/// The same for a submetric. k6 makes the one for expected responses by itself, and shows it only
/// once it has samples; the others exist because the options name them.
pub fn is_listed_part(part: &metrics::SubmetricTotal) -> bool {
    part.has_samples
        || !part.thresholds.is_empty()
        || part.name != "http_req_duration{expected_response:true}"
}
