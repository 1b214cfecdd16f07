//! A user's own form of the report: a template in Jinja's language with `report.json` as its context.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use plan::criterion::Quantity;

use crate::document::Document;
use crate::judge::moment;
use crate::quantity;

/// Templates that are built in: a name, what it makes, and the template.
pub const BUILT_IN: &[(&str, &str, &str)] = &[
    (
        "results",
        "P4-LOAD-TESTING-RESULTS.md: scenarios, baselines, bottlenecks, pass/fail assessment",
        include_str!("../../templates/P4-LOAD-TESTING-RESULTS.md.j2"),
    ),
    (
        "approval",
        "docs/load-testing-report.md: from executive summary to approval decision",
        include_str!("../../templates/load-testing-report.md.j2"),
    ),
];

/// The longest template that is read, bytes.
const MAX_BYTES: usize = 1 << 20;
/// Steps a template may take: an endless loop ends.
const FUEL: u64 = 50_000_000;

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Its text, or what it asks of the report.
    #[error("{name}:{line}: {message}")]
    At {
        /// The template.
        name: String,
        /// The line, from 1; 0 where it is not known.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It is too long.
    #[error("{name} has {size} bytes, a template at most {MAX_BYTES}")]
    TooLong {
        /// The template.
        name: String,
        /// Its size in bytes.
        size: usize,
    },
}

/// Fills a template. `name` is the file's: of one that ends in `.html` values are escaped.
///
/// Beside Jinja's own filters there are `ms`, `seconds`, `percent`, `count`, `rate`, `bytes` and `moment`, which write
/// numbers as the report does.
///
/// # Errors
/// What is wrong with it, with its line: a name the report does not have is an error, not an empty text.
pub fn render_template(
    name: &str,
    template: &str,
    document: &Document,
) -> Result<String, TemplateError> {
    if template.len() > MAX_BYTES {
        return Err(TemplateError::TooLong { name: name.to_owned(), size: template.len() });
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // As most who write templates of plain text have it: tags of their own line leave no line behind.
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().map_err(|error| failed_with(name, &error))?);
    environment.set_auto_escape_callback(|name| {
        let stem = name.trim_end_matches(".j2").trim_end_matches(".jinja");
        if stem.ends_with(".html") || stem.ends_with(".htm") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    let number = |unit: Quantity| {
        move |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| quantity::text(unit, v))
    };
    environment.add_filter("ms", number(Quantity::Milliseconds));
    environment.add_filter("seconds", number(Quantity::Seconds));
    environment.add_filter("percent", number(Quantity::Ratio));
    environment.add_filter("count", number(Quantity::Count));
    environment.add_filter("rate", number(Quantity::PerSecond));
    environment.add_filter("bytes", number(Quantity::Bytes));
    environment.add_filter("moment", |at_s: f64| moment(at_s));
    environment.add_filter("cell", |text: String| crate::ci::cell(&text));
    let failed = |error: minijinja::Error| failed_with(name, &error);
    environment.add_template(name, template).map_err(failed)?;
    let template = environment.get_template(name).map_err(failed)?;
    template.render(Value::from(Serde(document))).map_err(failed)
}

fn failed_with(name: &str, error: &minijinja::Error) -> TemplateError {
    let message = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it takes too long: an endless loop?".to_owned(),
        (kind, None) => kind.to_string(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
    };
    TemplateError::At { name: name.to_owned(), line: error.line().unwrap_or(0), message }
}
