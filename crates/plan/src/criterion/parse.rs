//! From the text of a criterion to data.

use super::cursor::Cursor;
use super::quantity::{Amount, Quantity};
use super::{
    Bound, Criterion, CriterionError, MAX_LENGTH, Scope, Selection, Statistic, Subject, check,
};
use crate::threshold::Operator;
use std::time::Duration;

/// Names that `active_together` takes.
const MAX_TOGETHER: usize = 100;
/// Tags that a selector takes.
const MAX_TAGS: usize = 32;

/// Operators, longer ones before those they begin with.
const OPERATORS: [(&str, Operator); 8] = [
    ("<=", Operator::LessOrEqual),
    ("≤", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("≥", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// Reads a criterion.
///
/// # Errors
/// What is wrong first, with its column.
pub fn parse(text: &str) -> Result<Criterion, CriterionError> {
    let trimmed = text.trim();
    let blanks = text.len() - text.trim_start().len();
    let shift = text[..blanks].chars().count();
    parse_trimmed(trimmed).map_err(|error| CriterionError { column: error.column + shift, ..error })
}

fn parse_trimmed(text: &str) -> Result<Criterion, CriterionError> {
    let mut cursor = Cursor::new(text);
    if text.is_empty() {
        return Err(cursor.error(0, "a criterion is missing, like p(95) < 500ms"));
    }
    if text.len() > MAX_LENGTH {
        return Err(cursor.error(0, format!("more than {MAX_LENGTH} bytes are no criterion")));
    }
    let subject = subject(&mut cursor)?;
    cursor.skip_blanks();
    let bound_at = cursor.at;
    let (bound, quantity) = bound(&mut cursor, &subject, None)?;
    check::bound(&cursor, bound_at, &subject, quantity, &bound)?;
    let subject = match subject {
        Subject::Goodput { .. } => goodput_rest(&mut cursor)?,
        subject => subject,
    };
    let mut clauses = Clauses::default();
    while !cursor.is_at_end() {
        clauses.read(&mut cursor, &subject, quantity, &bound)?;
    }
    let Clauses { marginal, phase, every } = clauses;
    let scope = Scope { phase, every };
    Ok(Criterion { text: text.to_owned(), subject, quantity, bound, marginal, scope })
}

/// What follows the bound.
#[derive(Default)]
struct Clauses {
    marginal: Option<Bound>,
    phase: Option<String>,
    every: Option<Duration>,
}

impl Clauses {
    fn read(
        &mut self,
        cursor: &mut Cursor<'_>,
        subject: &Subject,
        quantity: Quantity,
        bound_before: &Bound,
    ) -> Result<(), CriterionError> {
        cursor.skip_blanks();
        let at = cursor.at;
        let twice = |word: &str| format!("`{word}` is there twice");
        if cursor.eat_word("marginal") {
            if self.marginal.is_some() {
                return Err(cursor.error(at, twice("marginal")));
            }
            if matches!(subject, Subject::ActiveTogether(_)) {
                return Err(
                    cursor.error(at, "names are active together or not: nothing is marginal")
                );
            }
            cursor.skip_blanks();
            let bound_at = cursor.at;
            let (bound, _) = bound(cursor, subject, Some(quantity))?;
            if matches!(subject, Subject::Goodput { .. }) && cursor.eat_word("of") {
                require(cursor, "peak")?;
            }
            check::marginal(cursor, bound_at, bound_before, &bound)?;
            self.marginal = Some(bound);
        } else if cursor.eat_word("during") {
            if self.phase.is_some() {
                return Err(cursor.error(at, twice("during")));
            }
            check::may_be_during(cursor, at, subject)?;
            self.phase = Some(cursor.name("the name of a phase")?);
        } else if cursor.eat_word("every") {
            if self.every.is_some() {
                return Err(cursor.error(at, twice("every")));
            }
            check::may_be_every(cursor, at, subject, bound_before)?;
            self.every = Some(window(cursor)?);
        } else {
            return Err(cursor.expected("`marginal`, `during`, `every` or the end"));
        }
        Ok(())
    }
}

fn window(cursor: &mut Cursor<'_>) -> Result<Duration, CriterionError> {
    let amount = Amount::read(cursor)?;
    let at = amount.at;
    if matches!(amount.guess(false), Quantity::Number) {
        return Err(cursor.error(at, "a window needs a unit, like 10s"));
    }
    let seconds = amount.into_unit_of(Quantity::Seconds, cursor)?;
    if !(1.0..=86_400.0).contains(&seconds) {
        return Err(cursor.error(at, "a window lasts from 1s to 24h"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn require(cursor: &mut Cursor<'_>, word: &str) -> Result<(), CriterionError> {
    if cursor.eat_word(word) { Ok(()) } else { Err(cursor.expected(&format!("`{word}`"))) }
}

fn subject(cursor: &mut Cursor<'_>) -> Result<Subject, CriterionError> {
    cursor.skip_blanks();
    let at = cursor.at;
    let Some(word) = cursor.word() else {
        return Err(cursor.expected("what is measured, like p(95), error_rate or a series"));
    };
    if let Some(statistic) = statistic(cursor, word, at)? {
        return of_statistic(cursor, statistic, at);
    }
    Ok(match word {
        "error_rate" => Subject::ErrorRate(selection(cursor)?),
        "success_rate" => Subject::SuccessRate(selection(cursor)?),
        "throughput" | "rps" => Subject::Throughput(selection(cursor)?),
        "requests" => Subject::Requests(selection(cursor)?),
        "failures" => Subject::Failures(selection(cursor)?),
        "dropped" => Subject::Dropped,
        "checks" => Subject::Checks { name: check_name(cursor)? },
        "restarts" => Subject::Restarts,
        "oom_kills" => Subject::OomKills,
        "evictions" => Subject::Evictions,
        "promql" => Subject::PromQl { statistic: None, query: query(cursor)? },
        "active_together" => Subject::ActiveTogether(together(cursor)?),
        "recovery" => {
            require(cursor, "after")?;
            Subject::Recovery { after: cursor.name("the name of a phase")? }
        }
        // Its phase stands behind the bound.
        "goodput" => Subject::Goodput { after: String::new() },
        name => {
            check::series_name(cursor, at, name)?;
            Subject::Series { statistic: None, name: name.to_owned(), tags: tags(cursor)? }
        }
    })
}

/// The statistic that a word starts, if it does: `median`, `p(95)`, `p99.9`.
fn statistic(
    cursor: &mut Cursor<'_>,
    word: &str,
    at: usize,
) -> Result<Option<Statistic>, CriterionError> {
    Ok(Some(match word {
        "min" => Statistic::Min,
        "avg" | "mean" => Statistic::Avg,
        "med" | "median" => Statistic::Median,
        "max" => Statistic::Max,
        "last" => Statistic::Last,
        "p" => {
            if !cursor.eat("(") {
                return Err(cursor.expected("a percentile in parentheses, like p(95)"));
            }
            cursor.skip_blanks();
            let number_at = cursor.at;
            let percentile = cursor.number()?;
            if !cursor.eat(")") {
                return Err(cursor.expected("`)`"));
            }
            percentile_of(cursor, number_at, percentile)?
        }
        _ => {
            let Some(digits) = word.strip_prefix('p') else { return Ok(None) };
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Ok(None);
            }
            cursor.at = at + 1;
            let percentile = cursor.number()?;
            percentile_of(cursor, at + 1, percentile)?
        }
    }))
}

fn percentile_of(
    cursor: &Cursor<'_>,
    at: usize,
    percentile: f64,
) -> Result<Statistic, CriterionError> {
    if (0.0..=100.0).contains(&percentile) {
        return Ok(Statistic::Percentile(percentile));
    }
    Err(cursor.error(at, format!("a percentile is between 0 and 100, not {percentile}")))
}

/// A statistic of a series in parentheses, or of the requests' times.
fn of_statistic(
    cursor: &mut Cursor<'_>,
    statistic: Statistic,
    at: usize,
) -> Result<Subject, CriterionError> {
    if !cursor.eat("(") {
        if statistic == Statistic::Last {
            return Err(cursor.error(at, "`last` is for series: last(NAME)"));
        }
        return Ok(Subject::Latency { statistic, requests: selection(cursor)? });
    }
    let Some(name) = cursor.word() else {
        return Err(cursor.expected("the name of a series"));
    };
    let statistic = Some(statistic);
    let subject = if name == "promql" {
        Subject::PromQl { statistic, query: query(cursor)? }
    } else {
        Subject::Series { statistic, name: name.to_owned(), tags: tags(cursor)? }
    };
    if cursor.eat(")") { Ok(subject) } else { Err(cursor.expected("`)`")) }
}

fn query(cursor: &mut Cursor<'_>) -> Result<String, CriterionError> {
    let start = cursor.at;
    match cursor.quoted()? {
        Some(query) if !query.trim().is_empty() => Ok(query),
        Some(_) => Err(cursor.error(start, "the query is empty")),
        None => Err(cursor.expected("a query in quotes")),
    }
}

/// `{key:value, …}`, or nothing.
fn tags(cursor: &mut Cursor<'_>) -> Result<Vec<(String, String)>, CriterionError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    if !cursor.eat("{") {
        return Ok(tags);
    }
    while !cursor.eat("}") {
        if !tags.is_empty() && !cursor.eat(",") {
            return Err(cursor.expected("`,` or `}`"));
        }
        cursor.skip_blanks();
        let at = cursor.at;
        let key = cursor.name("the name of a tag")?;
        if tags.iter().any(|(known, _)| *known == key) {
            return Err(cursor.error(at, format!("the tag `{key}` is there twice")));
        }
        if tags.len() == MAX_TAGS {
            return Err(cursor.error(at, format!("more than {MAX_TAGS} tags")));
        }
        if !cursor.eat(":") && !cursor.eat("=") {
            return Err(cursor.expected(&format!("`:` and the value of the tag `{key}`")));
        }
        tags.push((key, cursor.tag_value()?));
    }
    Ok(tags)
}

fn selection(cursor: &mut Cursor<'_>) -> Result<Selection, CriterionError> {
    cursor.skip_blanks();
    let at = cursor.at;
    let mut selection = Selection::ALL;
    for (key, value) in tags(cursor)? {
        match key.as_str() {
            "name" => selection.name = Some(value),
            "method" => selection.method = Some(value),
            _ => {
                let text = format!("requests are selected by `name` and `method`, not by `{key}`");
                return Err(cursor.error(at, text));
            }
        }
    }
    Ok(selection)
}

fn check_name(cursor: &mut Cursor<'_>) -> Result<Option<String>, CriterionError> {
    cursor.skip_blanks();
    let at = cursor.at;
    let mut name = None;
    for (key, value) in tags(cursor)? {
        if key != "name" {
            return Err(cursor.error(at, format!("checks are selected by `name`, not by `{key}`")));
        }
        name = Some(value);
    }
    Ok(name)
}

fn together(cursor: &mut Cursor<'_>) -> Result<Vec<String>, CriterionError> {
    let mut names: Vec<String> = Vec::new();
    loop {
        cursor.skip_blanks();
        let at = cursor.at;
        let name = cursor.name("the name of a request")?;
        if names.contains(&name) {
            return Err(cursor.error(at, format!("`{name}` is there twice")));
        }
        if names.len() == MAX_TOGETHER {
            return Err(cursor.error(at, format!("more than {MAX_TOGETHER} names")));
        }
        names.push(name);
        if !cursor.eat(",") {
            break;
        }
    }
    if names.len() < 2 {
        return Err(cursor.expected("`,` and another name: one alone is not together"));
    }
    Ok(names)
}

/// A bound on a subject. `quantity` is given where it is known already.
fn bound(
    cursor: &mut Cursor<'_>,
    subject: &Subject,
    quantity: Option<Quantity>,
) -> Result<(Bound, Quantity), CriterionError> {
    if matches!(subject, Subject::ActiveTogether(_)) {
        return Ok((Bound::Together, Quantity::Number));
    }
    let known = quantity.or_else(|| check::quantity(subject));
    let is_prometheus = match subject {
        Subject::PromQl { .. } => true,
        Subject::Series { name, .. } => name.starts_with("prom_"),
        _ => false,
    };
    let amount = |cursor: &mut Cursor<'_>, known: Option<Quantity>| {
        let amount = Amount::read(cursor)?;
        let quantity = known.unwrap_or_else(|| amount.guess(is_prometheus));
        amount.into_unit_of(quantity, cursor).map(|value| (value, quantity))
    };
    cursor.skip_blanks();
    let at = cursor.at;
    if cursor.eat_word("in") {
        let (low, quantity) = amount(cursor, known)?;
        if !cursor.eat("..") {
            return Err(cursor.expected("`..` and the upper end, like 40..60"));
        }
        let (high, _) = amount(cursor, Some(quantity))?;
        return Ok((Bound::In { low, high }, quantity));
    }
    if cursor.eat_word("reaches") {
        check::may_move(cursor, at, subject)?;
        let (limit, quantity) = amount(cursor, known)?;
        return Ok((Bound::Reaches(limit), quantity));
    }
    if cursor.eat_word("from") {
        check::may_move(cursor, at, subject)?;
        let (from, quantity) = amount(cursor, known)?;
        require(cursor, "to")?;
        let (to, _) = amount(cursor, Some(quantity))?;
        return Ok((Bound::Scales { from, to }, quantity));
    }
    let Some((_, operator)) = OPERATORS.iter().find(|(text, _)| cursor.eat(text)) else {
        if cursor.rest().starts_with('=') {
            return Err(cursor.error(at, "equality is written `==`"));
        }
        return Err(cursor.expected("a comparison (<, <=, >, >=, ==, !=) or `in`"));
    };
    let (limit, quantity) = amount(cursor, known)?;
    Ok((Bound::Is { operator: *operator, limit }, quantity))
}

/// `of peak after NAME`.
fn goodput_rest(cursor: &mut Cursor<'_>) -> Result<Subject, CriterionError> {
    require(cursor, "of")?;
    require(cursor, "peak")?;
    require(cursor, "after")?;
    Ok(Subject::Goodput { after: cursor.name("the name of a phase")? })
}
