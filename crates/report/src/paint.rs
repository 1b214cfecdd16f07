//! Terminal colours, in the two dialects k6 has used.

/// What a piece of text is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Section and block titles.
    Title,
    /// Passed checks and thresholds.
    Pass,
    /// Failed ones.
    Fail,
    /// A threshold's source.
    Source,
    /// A metric's main value.
    Value,
    /// The value's companions: rate, counts, minimum and maximum.
    Extra,
    /// The dots between name and value.
    Dots,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Plain,
    /// k6 1.0 and later.
    Current,
    /// k6 before 1.0 and the `textSummary` of its library.
    Legacy,
}

/// Wraps text in escape sequences, or leaves it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint(Dialect);

impl Paint {
    pub(crate) fn current(colours: bool) -> Self {
        Paint(if colours { Dialect::Current } else { Dialect::Plain })
    }

    pub(crate) fn legacy(colours: bool) -> Self {
        Paint(if colours { Dialect::Legacy } else { Dialect::Plain })
    }

    pub(crate) fn on(self, ink: Ink, text: &str) -> String {
        let code = match (self.0, ink) {
            (Dialect::Plain, _) | (Dialect::Legacy, Ink::Title | Ink::Source) => {
                return text.to_owned();
            }
            (Dialect::Current, Ink::Title) => "1",
            (Dialect::Current, Ink::Source) => "37",
            (Dialect::Current, Ink::Extra) => "2;36",
            (Dialect::Current, Ink::Dots) => "2;37",
            (Dialect::Legacy, Ink::Extra) => "36;2",
            (Dialect::Legacy, Ink::Dots) => "2",
            (_, Ink::Pass) => "32",
            (_, Ink::Fail) => "31",
            (_, Ink::Value) => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
