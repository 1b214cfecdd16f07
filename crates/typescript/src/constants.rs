//! The values of enum members, as far as TypeScript takes them for constants.

use oxc_ast::ast::{Expression, TemplateLiteral};
use oxc_syntax::operator::{BinaryOperator, UnaryOperator};
use rustc_hash::FxHashMap;

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Constant {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl Constant {
    /// Its source.
    pub(crate) fn source(&self) -> String {
        match self {
            Self::Number(n) if n.is_nan() => "NaN".into(),
            Self::Number(n) if n.is_infinite() => {
                if *n > 0.0 { "Infinity" } else { "-Infinity" }.into()
            }
            Self::Number(n) => format!("{n}"),
            Self::Text(text) => quoted(text),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            number @ Self::Number(_) => number.source(),
        }
    }
}

/// A text as a literal of JavaScript.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c if c < ' ' => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Members of one enum, by name.
pub(crate) type Members = FxHashMap<String, Constant>;

/// What names stand for while an enum's member is evaluated.
pub(crate) struct Scope<'a> {
    /// The members of this enum so far.
    pub(crate) own: &'a Members,
    /// All enums so far, by name.
    pub(crate) enums: &'a FxHashMap<String, Members>,
}

impl Scope<'_> {
    /// The value of an expression; `None` where it is not constant.
    pub(crate) fn value(&self, expression: &Expression<'_>) -> Option<Constant> {
        match expression {
            Expression::NumericLiteral(number) => Some(Constant::Number(number.value)),
            Expression::StringLiteral(text) => Some(Constant::Text(text.value.to_string())),
            Expression::TemplateLiteral(template) => self.template(template),
            Expression::ParenthesizedExpression(inner) => self.value(&inner.expression),
            Expression::TSAsExpression(inner) => self.value(&inner.expression),
            Expression::TSSatisfiesExpression(inner) => self.value(&inner.expression),
            Expression::Identifier(id) => {
                match (self.own.get(id.name.as_str()), id.name.as_str()) {
                    (Some(value), _) => Some(value.clone()),
                    (None, "NaN") => Some(Constant::Number(f64::NAN)),
                    (None, "Infinity") => Some(Constant::Number(f64::INFINITY)),
                    _ => None,
                }
            }
            Expression::StaticMemberExpression(member) => match &member.object {
                Expression::Identifier(id) => self.member(&id.name, &member.property.name),
                _ => None,
            },
            Expression::ComputedMemberExpression(member) => {
                match (&member.object, &member.expression) {
                    (Expression::Identifier(id), Expression::StringLiteral(name)) => {
                        self.member(&id.name, &name.value)
                    }
                    _ => None,
                }
            }
            Expression::UnaryExpression(unary) => {
                let Constant::Number(n) = self.value(&unary.argument)? else { return None };
                Some(Constant::Number(match unary.operator {
                    UnaryOperator::UnaryPlus => n,
                    UnaryOperator::UnaryNegation => -n,
                    UnaryOperator::BitwiseNot => f64::from(!to_int32(n)),
                    _ => return None,
                }))
            }
            Expression::BinaryExpression(binary) => binary_value(
                binary.operator,
                &self.value(&binary.left)?,
                &self.value(&binary.right)?,
            ),
            _ => None,
        }
    }

    fn member(&self, of: &str, name: &str) -> Option<Constant> {
        self.enums.get(of).and_then(|members| members.get(name)).cloned()
    }

    fn template(&self, template: &TemplateLiteral<'_>) -> Option<Constant> {
        let mut text = String::new();
        for (i, quasi) in template.quasis.iter().enumerate() {
            text.push_str(quasi.value.cooked.as_ref()?);
            if let Some(expression) = template.expressions.get(i) {
                text.push_str(&self.value(expression)?.text());
            }
        }
        Some(Constant::Text(text))
    }
}

fn binary_value(operator: BinaryOperator, left: &Constant, right: &Constant) -> Option<Constant> {
    let (Constant::Number(a), Constant::Number(b)) = (left, right) else {
        return (operator == BinaryOperator::Addition)
            .then(|| Constant::Text(left.text() + &right.text()));
    };
    let (a, b) = (*a, *b);
    let shift = to_int32(b) as u32 & 31;
    Some(Constant::Number(match operator {
        BinaryOperator::Addition => a + b,
        BinaryOperator::Subtraction => a - b,
        BinaryOperator::Multiplication => a * b,
        BinaryOperator::Division => a / b,
        BinaryOperator::Remainder => a % b,
        BinaryOperator::Exponential => a.powf(b),
        BinaryOperator::ShiftLeft => f64::from(to_int32(a) << shift),
        BinaryOperator::ShiftRight => f64::from(to_int32(a) >> shift),
        BinaryOperator::ShiftRightZeroFill => f64::from(to_int32(a) as u32 >> shift),
        BinaryOperator::BitwiseOR => f64::from(to_int32(a) | to_int32(b)),
        BinaryOperator::BitwiseXOR => f64::from(to_int32(a) ^ to_int32(b)),
        BinaryOperator::BitwiseAnd => f64::from(to_int32(a) & to_int32(b)),
        _ => return None,
    }))
}

/// ECMAScript's `ToInt32`.
fn to_int32(n: f64) -> i32 {
    const TWO_32: f64 = 4_294_967_296.0;
    if n.is_finite() { (n.trunc().rem_euclid(TWO_32) as u64) as u32 as i32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_as_in_javascript() {
        for (n, expect) in [
            (1.9, 1),
            (-1.9, -1),
            (4_294_967_296.0, 0),
            (2_147_483_648.0, i32::MIN),
            (-2_147_483_649.0, i32::MAX),
            (f64::NAN, 0),
            (f64::NEG_INFINITY, 0),
        ] {
            assert_eq!(to_int32(n), expect, "{n}");
        }
        assert_eq!(Constant::Number(-0.5).source(), "-0.5");
        assert_eq!(Constant::Text("a\"\\\n\u{1}".into()).source(), r#""a\"\\\n\x01""#);
    }
}
