//! The progress block: one line for the run, one for each scenario, as k6 draws them (its reference, C.10).
//!
//! Pure: state in, text out. Who draws it and how often is the observer's business.

use std::fmt::Write as _;
use std::time::Duration;

/// Longest scenario name shown in full.
const NAME_MAX: usize = 30;
/// Shortest column of names: the word `Init` fits.
const NAME_MIN: usize = 4;
/// Characters between the brackets of a bar when there is room.
const BAR: usize = 38;
/// Characters between the brackets when there is none.
const BAR_MIN: usize = 3;

/// What the whole run is doing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Headline {
    /// Before or beside iterations: `Init [ 100% ] 2/2 VUs initialized`, `Run [ 100% ] setup()`.
    Bar {
        /// Name before the bar.
        name: &'static str,
        /// 0 to 1.
        fraction: f64,
        /// Text behind it.
        text: String,
    },
    /// The line of counts.
    Counts(Counts),
}

/// Counts of the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counts {
    /// The run stands still.
    pub(crate) paused: bool,
    /// Time on the run's clock.
    pub(crate) elapsed: Duration,
    /// The plan's longest duration; decides how wide the time is.
    pub(crate) planned: Duration,
    /// VUs that run iterations.
    pub(crate) active: u64,
    /// VUs that exist.
    pub(crate) initialized: u64,
    /// VUs that may ever exist; decides how wide the counts are.
    pub(crate) possible: u64,
    /// Iterations done.
    pub(crate) complete: u64,
    /// Iterations cut off.
    pub(crate) interrupted: u64,
}

/// What a scenario is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its `startTime` is not reached.
    Waiting,
    /// Starting iterations.
    Running,
    /// Only letting iterations finish.
    Graceful,
    /// Over.
    Done,
    /// Cut off.
    Interrupted,
}

/// One scenario's line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The scenario's name.
    pub(crate) name: String,
    /// What it is doing.
    pub(crate) phase: Phase,
    /// How far it is, 0 to 1.
    pub(crate) fraction: f64,
    /// Texts behind the bar.
    pub(crate) columns: Vec<String>,
}

/// The block for streams that are not terminals: an empty line, then plain lines.
pub(crate) fn plain(headline: &Headline, rows: &[Row]) -> String {
    let layout = Layout::new(headline, rows);
    let mut text = String::from("\n");
    match headline {
        Headline::Counts(counts) => {
            let _ = writeln!(text, "{}", counts.line());
        }
        Headline::Bar { name, fraction, text: behind } => {
            let row = layout.row(name, " ", &percent(*fraction), std::slice::from_ref(behind));
            let _ = writeln!(text, "{row}");
        }
    }
    for row in rows {
        let mark = mark(row);
        let _ =
            writeln!(text, "{}", layout.row(&row.name, mark, &percent(row.fraction), &row.columns));
    }
    text
}

/// The block for a terminal `columns` wide; ends by moving the cursor back to its start unless it is the last.
pub(crate) fn tty(headline: &Headline, rows: &[Row], columns: usize, color: bool) -> String {
    let layout = Layout::new(headline, rows);
    let longest = rows
        .iter()
        .map(|row| layout.row(&row.name, " ", &" ".repeat(BAR), &row.columns).chars().count())
        .max()
        .unwrap_or(0);
    let width = BAR.saturating_sub(longest.saturating_sub(columns)).max(BAR_MIN);
    let mut lines = vec![String::new()];
    lines.push(match headline {
        Headline::Counts(counts) => counts.line(),
        Headline::Bar { name, fraction, text } => {
            layout.row(name, " ", &bar(*fraction, width, color), std::slice::from_ref(text))
        }
    });
    for row in rows {
        let mark = colored(mark(row), row, color);
        lines.push(layout.row(&row.name, &mark, &bar(row.fraction, width, color), &row.columns));
    }
    let mut text = String::new();
    let mut height = 0;
    for line in &lines {
        let _ = writeln!(text, "{line}\x1b[K");
        height += 1 + visible(line).saturating_sub(1) / columns.max(1);
    }
    let _ = write!(text, "\r\x1b[J\x1b[{height}A");
    text
}

/// Characters of a line a terminal shows: escapes take no room.
fn visible(line: &str) -> usize {
    let mut count = 0;
    let mut escape = false;
    for c in line.chars() {
        match (escape, c) {
            (false, '\x1b') => escape = true,
            (false, _) => count += 1,
            (true, c) if c.is_ascii_alphabetic() => escape = false,
            (true, _) => {}
        }
    }
    count
}

impl Counts {
    fn line(&self) -> String {
        let digits = self.possible.max(1).to_string().len();
        format!(
            "{} ({}), {:0digits$}/{:0digits$} VUs, {} complete and {} interrupted iterations",
            if self.paused { "paused" } else { "running" },
            fixed_duration(self.elapsed, self.planned),
            self.active,
            self.initialized,
            self.complete,
            self.interrupted,
        )
    }
}

struct Layout {
    name: usize,
    columns: Vec<usize>,
}

impl Layout {
    fn new(headline: &Headline, rows: &[Row]) -> Self {
        let longest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let mut columns: Vec<usize> = Vec::new();
        let mut widen = |texts: &[String]| {
            for (i, text) in texts.iter().enumerate() {
                let width = text.chars().count();
                match columns.get_mut(i) {
                    Some(known) => *known = width.max(*known),
                    None => columns.push(width),
                }
            }
        };
        for row in rows {
            widen(&row.columns);
        }
        if let Headline::Bar { text, .. } = headline {
            widen(std::slice::from_ref(text));
        }
        Self { name: longest.clamp(NAME_MIN, NAME_MAX), columns }
    }

    fn row(&self, name: &str, mark: &str, bar: &str, columns: &[String]) -> String {
        let mut line = format!("{:<width$} {mark} [{bar}]", shorten(name), width = self.name);
        let last = self.columns.len().saturating_sub(1);
        for (i, width) in self.columns.iter().enumerate() {
            let Some(text) = columns.get(i) else { break };
            if i == last {
                let _ = write!(line, " {text}");
            } else {
                let _ = write!(line, " {text:<width$} ", width = width);
            }
        }
        line
    }
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(NAME_MAX - 3).collect();
    short.push_str("...");
    short
}

fn mark(row: &Row) -> &'static str {
    match row.phase {
        Phase::Waiting => "•",
        Phase::Running => " ",
        Phase::Graceful => "↓",
        Phase::Done => "✓",
        Phase::Interrupted => "✗",
    }
}

fn colored(mark: &str, row: &Row, color: bool) -> String {
    match row.phase {
        Phase::Done if color => format!("\x1b[32m{mark}\x1b[0m"),
        Phase::Interrupted if color => format!("\x1b[31m{mark}\x1b[0m"),
        Phase::Waiting if color => format!("\x1b[2m{mark}\x1b[22m"),
        _ => mark.to_owned(),
    }
}

fn percent(fraction: f64) -> String {
    format!(" {:3.0}% ", fraction * 100.0)
}

fn bar(fraction: f64, width: usize, color: bool) -> String {
    // Widths are below 100 and fractions within 0 and 1, so the cast is exact enough and in range.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let filled = ((fraction.clamp(0.0, 1.0) * width as f64) as usize).min(width);
    let full = match filled {
        0 => String::new(),
        n if n == width => "=".repeat(n),
        n => format!("{}>", "=".repeat(n - 1)),
    };
    let empty = "-".repeat(width - filled);
    if color { format!("{full}\x1b[2m{empty}\x1b[22m") } else { format!("{full}{empty}") }
}

/// A duration to a tenth of a second, as wide as `longest` needs: `01.0s`, `1m01.0s`, `00m01.0s`, `0h00m01.0s`.
pub(crate) fn fixed_duration(duration: Duration, longest: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    let (s, m, h, d) = (seconds % 60, seconds / 60 % 60, seconds / 3600 % 24, seconds / 86_400);
    let units = longest.as_secs().max(u64::try_from(seconds).unwrap_or(u64::MAX));
    match units {
        0..10 => format!("{s}.{tenth}s"),
        10..60 => format!("{s:02}.{tenth}s"),
        60..600 => format!("{m}m{s:02}.{tenth}s"),
        600..3600 => format!("{m:02}m{s:02}.{tenth}s"),
        3600..36_000 => format!("{h}h{m:02}m{s:02}.{tenth}s"),
        36_000..86_400 => format!("{h:02}h{m:02}m{s:02}.{tenth}s"),
        _ => format!("{d}d{h:02}h{m:02}m{s:02}.{tenth}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, phase: Phase, fraction: f64, columns: &[&str]) -> Row {
        Row {
            name: name.into(),
            phase,
            fraction,
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        }
    }

    fn counts() -> Headline {
        Headline::Counts(Counts {
            paused: false,
            elapsed: Duration::from_millis(1000),
            planned: Duration::from_millis(630_500),
            active: 0,
            initialized: 3,
            possible: 12,
            complete: 2,
            interrupted: 0,
        })
    }

    #[test]
    fn plain_lines_align_as_in_k6() {
        let rows = [
            row("a", Phase::Running, 0.5, &["2 VUs", "1.0s/2s"]),
            row("bbbb", Phase::Done, 1.0, &["1 VUs", "00m00.6s/10m0s", "2/2 shared iters"]),
            row("a_long_scenario_name_that_is_cut", Phase::Waiting, 0.0, &["waiting", "0.5s"]),
        ];
        assert_eq!(
            plain(&counts(), &rows),
            "\nrunning (00m01.0s), 00/03 VUs, 2 complete and 0 interrupted iterations\n\
             a                                [  50% ] 2 VUs    1.0s/2s        \n\
             bbbb                           ✓ [ 100% ] 1 VUs    00m00.6s/10m0s  2/2 shared iters\n\
             a_long_scenario_name_that_i... • [   0% ] waiting  0.5s           \n"
        );
    }

    #[test]
    fn a_phase_before_the_iterations_shows_a_bar() {
        let headline = Headline::Bar { name: "Run", fraction: 1.0, text: "setup()".into() };
        let rows = [row("default", Phase::Running, 0.0, &[])];
        assert_eq!(plain(&headline, &rows), "\nRun       [ 100% ] setup()\ndefault   [   0% ]\n");
    }

    #[test]
    fn durations_are_as_wide_as_the_longest() {
        let at =
            |ms, longest| fixed_duration(Duration::from_millis(ms), Duration::from_secs(longest));
        assert_eq!(at(1040, 2), "1.0s");
        assert_eq!(at(1040, 20), "01.0s");
        assert_eq!(at(61_050, 120), "1m01.1s");
        assert_eq!(at(1000, 630), "00m01.0s");
        assert_eq!(at(1000, 3600), "0h00m01.0s");
        assert_eq!(at(90_000_000, 90_000), "1d01h00m00.0s");
    }

    #[test]
    fn a_block_on_a_terminal_shrinks_its_bars_to_fit_and_counts_its_lines() {
        let rows = [row("a", Phase::Running, 0.05, &["2 VUs", "0.1s/2s"])];
        let text = tty(&counts(), &rows, 80, true);
        assert!(text.starts_with("\x1b[K\nrunning (00m01.0s), 00/03 VUs"));
        assert!(
            text.contains("a      [>\x1b[2m-------------------------------------\x1b[22m] 2 VUs")
        );
        assert!(text.ends_with("\r\x1b[J\x1b[3A"));
        let narrow = tty(&counts(), &rows, 40, false);
        let line = narrow.lines().find(|l| l.starts_with("a ")).unwrap();
        assert_eq!(line.trim_end_matches("\x1b[K").chars().count(), 40);
    }
}
