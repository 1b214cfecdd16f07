//! Lines of the form `name....: values`, aligned over a section; both summaries are made of them.

use crate::paint::{Ink, Paint};

/// One metric's line, before alignment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// What is printed for the name: `http_reqs`, or `{ scenario:a }` when nested.
    pub(crate) name: String,
    /// Submetrics stand two columns further right, under their metric.
    pub(crate) nested: bool,
    pub(crate) cells: Cells,
}

/// The values of a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cells {
    /// `avg=1ms min=…`: statistic and value, the same statistics in every line.
    Trend(Vec<(String, String)>),
    /// One value, and up to two more: a rate, `x out of y`, or minimum and maximum.
    Single { value: String, extras: Vec<String> },
}

/// Columns a line of the section needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Widths {
    name: usize,
    value: usize,
    extras: Vec<usize>,
    trend: Vec<usize>,
}

/// The printed width in columns. Characters, not bytes; like k6 no wide characters.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

pub(crate) fn spaces(n: usize) -> String {
    " ".repeat(n)
}

impl Line {
    fn indent(&self) -> usize {
        if self.nested { 2 } else { 0 }
    }

    /// The line from its name on (the caller prints indentation and mark): at least three dots
    /// after the widest name of the section.
    pub(crate) fn render(&self, widths: &Widths, paint: &Paint) -> String {
        let used = self.indent() + width(&self.name);
        let dots = format!("{}:", ".".repeat(widths.name.saturating_sub(used) + 3));
        format!("{}{} {}", self.name, paint.on(Ink::Dots, &dots), self.cells.render(widths, paint))
    }

    /// The same with the nested indentation in front.
    pub(crate) fn render_indented(&self, widths: &Widths, paint: &Paint) -> String {
        format!("{}{}", spaces(self.indent()), self.render(widths, paint))
    }
}

impl Cells {
    fn render(&self, widths: &Widths, paint: &Paint) -> String {
        let padded = |ink: Ink, text: &str, to: Option<&usize>| {
            let fill = to.map_or(0, |to| to.saturating_sub(width(text)));
            format!("{}{}", paint.on(ink, text), spaces(fill))
        };
        match self {
            Cells::Trend(stats) => {
                let columns = stats.iter().enumerate().map(|(i, (stat, value))| {
                    format!("{stat}={}", padded(Ink::Value, value, widths.trend.get(i)))
                });
                columns.collect::<Vec<_>>().join(" ")
            }
            Cells::Single { value, extras } => {
                let mut columns = vec![padded(Ink::Value, value, Some(&widths.value))];
                for (i, extra) in extras.iter().enumerate() {
                    // A lone extra ends its line, so only pairs are padded.
                    let to = if extras.len() > 1 { widths.extras.get(i) } else { None };
                    columns.push(padded(Ink::Extra, extra, to));
                }
                columns.join(" ")
            }
        }
    }
}

impl Widths {
    /// What the widest of `lines` needs in each column.
    pub(crate) fn of<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Self {
        let mut widths = Widths::default();
        for line in lines {
            widths.name = widths.name.max(line.indent() + width(&line.name));
            match &line.cells {
                Cells::Trend(stats) => {
                    grow(&mut widths.trend, stats.iter().map(|(_, value)| value.as_str()));
                }
                Cells::Single { value, extras } => {
                    widths.value = widths.value.max(width(value));
                    grow(&mut widths.extras, extras.iter().map(String::as_str));
                }
            }
        }
        widths
    }
}

fn grow<'a>(widths: &mut Vec<usize>, texts: impl Iterator<Item = &'a str>) {
    for (i, text) in texts.enumerate() {
        if i == widths.len() {
            widths.push(0);
        }
        widths[i] = widths[i].max(width(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(name: &str, nested: bool, value: &str, extras: &[&str]) -> Line {
        let extras = extras.iter().map(|e| (*e).to_owned()).collect();
        let cells = Cells::Single { value: value.to_owned(), extras };
        Line { name: name.to_owned(), nested, cells }
    }

    #[test]
    fn pairs_of_extras_align_and_lone_ones_end_their_line() {
        let lines = [
            single("my_gauge", false, "2.5", &["min=1", "max=7"]),
            single("reqs", false, "10", &["7430.657108/s"]),
            single("{ a:b }", true, "100.00%", &["2 out of 2"]),
        ];
        let widths = Widths::of(&lines);
        let text: Vec<_> =
            lines.iter().map(|l| l.render_indented(&widths, &Paint::current(false))).collect();
        assert_eq!(
            text,
            [
                "my_gauge....: 2.5     min=1         max=7",
                "reqs........: 10      7430.657108/s",
                "  { a:b }...: 100.00% 2 out of 2",
            ]
        );
    }
}
