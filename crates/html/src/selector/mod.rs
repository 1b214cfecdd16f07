//! CSS selectors in cascadia's dialect, and how they match.
//!
//! Besides CSS's own there are `:contains()`, `:containsOwn()`, `:matches()`, `:matchesOwn()`, `:has()`, `:haschild()`,
//! `:input`, `[a!=b]` and `[a#=regex]`. A selector matches any kind of node: `:contains(x)` finds text nodes too.

mod parse;
mod pseudo;

use regex_lite::Regex;

use crate::tree::{Document, NodeId};

/// A parsed selector, a list of alternatives.
#[derive(Debug)]
pub struct Selector(Vec<Complex>);

/// Compounds from the one the element must match to the outermost ancestor or sibling.
#[derive(Debug)]
struct Complex {
    subject: Compound,
    /// How each further compound relates to the one before it.
    others: Vec<(Combinator, Compound)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Combinator {
    Descendant,
    Child,
    NextSibling,
    LaterSibling,
}

/// Conditions on one node; without any, on any element.
#[derive(Debug, Default)]
struct Compound(Vec<Simple>);

#[derive(Debug)]
enum Simple {
    Tag(String),
    Id(String),
    Class(String),
    Attribute { key: String, test: Test, ignores_case: bool },
    Not(Selector),
    Has(Selector),
    HasChild(Selector),
    Contains { text: String, own: bool },
    Matches { regex: Regex, own: bool },
    Nth { a: i64, b: i64, last: bool, of_type: bool },
    Only { of_type: bool },
    Input,
    Empty,
    Root,
    Link,
    Lang(String),
    Enabled,
    Disabled,
    Checked,
    Never,
}

/// What an attribute's value must be.
#[derive(Debug)]
enum Test {
    Present,
    Equals(String),
    Differs(String),
    Includes(String),
    Dash(String),
    Prefix(String),
    Suffix(String),
    Substring(String),
    Regex(Regex),
}

/// How a complex selector ended, so that it is not tried where it can't match: without that, a selector of many
/// descendants would take exponential time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Matched,
    /// Another earlier sibling may match.
    TrySibling,
    /// Another ancestor may match.
    TryAncestor,
    Never,
}

impl Selector {
    /// Parses a selector.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text)
    }

    /// The node matches.
    pub fn matches(&self, document: &Document, id: NodeId) -> bool {
        self.0.iter().any(|complex| complex.matches(document, id))
    }
}

impl Complex {
    fn matches(&self, document: &Document, id: NodeId) -> bool {
        self.subject.matches(document, id) && outer(document, id, &self.others) == Outcome::Matched
    }
}

/// Whether what surrounds `id` fits `others`.
fn outer(document: &Document, id: NodeId, others: &[(Combinator, Compound)]) -> Outcome {
    let Some(((combinator, compound), rest)) = others.split_first() else {
        return Outcome::Matched;
    };
    let is_sibling = matches!(combinator, Combinator::NextSibling | Combinator::LaterSibling);
    let mut at = id;
    loop {
        let candidate = match combinator {
            Combinator::Descendant | Combinator::Child => document.parent(at),
            Combinator::LaterSibling => document.previous(at),
            Combinator::NextSibling => previous_but_text(document, at),
        };
        let Some(candidate) = candidate else {
            return if is_sibling { Outcome::TryAncestor } else { Outcome::Never };
        };
        at = candidate;
        let outcome = if compound.matches(document, at) {
            outer(document, at, rest)
        } else {
            Outcome::TrySibling
        };
        match (outcome, combinator) {
            (Outcome::Matched | Outcome::Never, _) | (_, Combinator::NextSibling) => {
                return outcome;
            }
            (_, Combinator::Child) => return Outcome::TryAncestor,
            (Outcome::TryAncestor, Combinator::LaterSibling) => return outcome,
            _ => {}
        }
    }
}

fn previous_but_text(document: &Document, id: NodeId) -> Option<NodeId> {
    use crate::Kind::{Comment, Text};
    let mut at = document.previous(id)?;
    while matches!(document.kind(at), Text | Comment) {
        at = document.previous(at)?;
    }
    Some(at)
}

impl Compound {
    fn matches(&self, document: &Document, id: NodeId) -> bool {
        if self.0.is_empty() {
            return document.is_element(id);
        }
        self.0.iter().all(|simple| simple.matches(document, id))
    }
}

impl Simple {
    fn matches(&self, document: &Document, id: NodeId) -> bool {
        match self {
            Simple::Tag(tag) => document.is_element(id) && document.name(id) == tag,
            Simple::Id(wanted) => any(document, id, "id", |value| value == wanted),
            Simple::Class(class) => {
                any(document, id, "class", |value| includes(value, class, false))
            }
            Simple::Attribute { key, test, ignores_case } => {
                test.holds(document, id, key, *ignores_case)
            }
            Simple::Not(selector) => document.is_element(id) && !selector.matches(document, id),
            Simple::Has(selector) => {
                document.is_element(id)
                    && document.subtree(id).skip(1).any(|node| selector.matches(document, node))
            }
            Simple::HasChild(selector) => {
                document.is_element(id)
                    && document.children(id).any(|node| selector.matches(document, node))
            }
            Simple::Contains { text, own } => {
                pseudo::text(document, id, *own).to_lowercase().contains(text.as_str())
            }
            Simple::Matches { regex, own } => regex.is_match(&pseudo::text(document, id, *own)),
            Simple::Nth { a, b, last, of_type } => pseudo::place(document, id, *last, *of_type)
                .is_some_and(|place| is_nth(*a, *b, place)),
            Simple::Only { of_type } => {
                pseudo::place(document, id, false, *of_type) == Some(1)
                    && pseudo::place(document, id, true, *of_type) == Some(1)
            }
            Simple::Input => {
                document.is_element(id)
                    && matches!(document.name(id), "input" | "select" | "textarea" | "button")
            }
            Simple::Empty => pseudo::is_empty(document, id),
            Simple::Root => document.is_element(id) && document.parent(id) == Some(Document::ROOT),
            Simple::Link => {
                matches!(document.name(id), "a" | "area" | "link") && has(document, id, "href")
            }
            Simple::Lang(lang) => pseudo::is_in_language(document, id, lang),
            Simple::Enabled => pseudo::is_enabled(document, id),
            Simple::Disabled => pseudo::is_disabled(document, id),
            Simple::Checked => pseudo::is_checked(document, id),
            Simple::Never => false,
        }
    }
}

/// Whether `place`, which counts from 1, is `a × n + b` for an n ≥ 0.
fn is_nth(a: i64, b: i64, place: i64) -> bool {
    let offset = place.saturating_sub(b);
    if a == 0 { offset == 0 } else { offset % a == 0 && offset / a >= 0 }
}

/// An attribute called `key` has a value that passes.
fn any(document: &Document, id: NodeId, key: &str, test: impl Fn(&str) -> bool) -> bool {
    document.attributes(id).iter().any(|a| a.name() == key && test(&a.value))
}

fn has(document: &Document, id: NodeId, key: &str) -> bool {
    document.attribute(id, key).is_some()
}

fn equals(value: &str, wanted: &str, ignores_case: bool) -> bool {
    value == wanted || (ignores_case && value.to_lowercase() == wanted.to_lowercase())
}

/// One of the words of `value` is `wanted`.
fn includes(value: &str, wanted: &str, ignores_case: bool) -> bool {
    let mut words = value.split([' ', '\t', '\r', '\n', '\x0c']);
    // What follows a final space is no word, not even an empty one.
    words.any(|word| !(word.is_empty() && wanted.is_empty()) && equals(word, wanted, ignores_case))
}

impl Test {
    fn holds(&self, document: &Document, id: NodeId, key: &str, ignores_case: bool) -> bool {
        let folded = |text: &str| if ignores_case { text.to_lowercase() } else { text.to_owned() };
        let within = |wanted: &str, found: fn(&str, &str) -> bool| {
            any(document, id, key, |value| {
                !value.trim().is_empty() && found(&folded(value), &folded(wanted))
            })
        };
        match self {
            Test::Present => has(document, id, key),
            Test::Equals(wanted) => any(document, id, key, |v| equals(v, wanted, ignores_case)),
            Test::Differs(wanted) => {
                document.is_element(id)
                    && !any(document, id, key, |v| equals(v, wanted, ignores_case))
            }
            Test::Includes(wanted) => any(document, id, key, |v| includes(v, wanted, ignores_case)),
            Test::Dash(wanted) => any(document, id, key, |value| {
                equals(value, wanted, ignores_case)
                    || value.split_at_checked(wanted.len()).is_some_and(|(start, rest)| {
                        rest.starts_with('-') && equals(start, wanted, ignores_case)
                    })
            }),
            Test::Prefix(wanted) => within(wanted, |value, wanted| value.starts_with(wanted)),
            Test::Suffix(wanted) => within(wanted, |value, wanted| value.ends_with(wanted)),
            Test::Substring(wanted) => within(wanted, |value, wanted| value.contains(wanted)),
            Test::Regex(regex) => any(document, id, key, |value| regex.is_match(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<div id=top class='a b'><p lang=en-GB>One <b>bold</b></p><p class=x>Two</p>\
        <ul><li>1<li>2<li class='odd last'>3<li>4</ul>\
        <form><fieldset disabled><input name=n1></fieldset><input name=n2 type=checkbox checked>\
        <select><option selected>s</select><textarea></textarea><button>go</button></form>\
        <a href=/x>link</a><a>none</a><i></i></div>";

    fn find(selector: &str) -> Result<Vec<String>, String> {
        let document = crate::parse(PAGE).unwrap();
        let selector = Selector::parse(selector)?;
        let found = document.subtree(Document::ROOT).filter(|id| selector.matches(&document, *id));
        Ok(found
            .map(|id| match document.is_element(id) {
                true => format!("{}:{}", document.name(id), document.text(id)),
                false => format!("#{}", document.text(id)),
            })
            .collect())
    }

    #[test]
    fn selectors_find_what_cascadia_finds() {
        for (selector, expect) in [
            ("p.x", &["p:Two"][..]),
            ("#top > p", &["p:One bold", "p:Two"]),
            ("P > B, i", &["b:bold", "i:"]),
            ("p + p", &["p:Two"]),
            ("p ~ i", &["i:"]),
            ("li:nth-child(2n+1)", &["li:1", "li:3"]),
            ("li:nth-child(-n + 2)", &["li:1", "li:2"]),
            ("li:nth-last-child(1)", &["li:4"]),
            ("li:first-child, li:last-of-type", &["li:1", "li:4"]),
            ("li:not(.odd):not(:first-child)", &["li:2", "li:4"]),
            ("ul:has(.odd) li.last", &["li:3"]),
            ("p:contains('one')", &["p:One bold"]),
            ("p:containsOwn(bold)", &[]),
            ("li:matches(^[34]$)", &["li:3", "li:4"]),
            ("[lang|=en]", &["p:One bold"]),
            ("b:lang(en)", &["b:bold"]),
            ("[class~=last]", &["li:3"]),
            ("[class^='odd'][class$='last'][class*='d l']", &["li:3"]),
            ("li[class!=zz].odd", &["li:3"]),
            ("[class='ODD LAST' i]", &["li:3"]),
            ("[href#=(^/x$)]", &["a:link"]),
            (":checked", &["input:", "option:s"]),
            ("input:disabled", &["input:"]),
            ("form > :enabled", &["input:", "select:s", "textarea:", "button:go"]),
            ("a:link", &["a:link"]),
            ("i:empty", &["i:"]),
            (":root > body > div > i", &["i:"]),
            ("form b", &[]),
            ("select > option:only-child", &["option:s"]),
            ("a:hover", &[]),
            ("\\70.x", &["p:Two"]),
        ] {
            assert_eq!(find(selector).unwrap(), expect, "{selector}");
        }
    }

    #[test]
    fn text_nodes_match_too() {
        let found = find(":contains(Two)").unwrap();
        assert_eq!((found.len(), found[4].as_str()), (5, "#Two"), "{found:?}");
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for selector in [
            "",
            "p,",
            "p >",
            "[a",
            "[a=1]",
            ":nope",
            "p:eq(1)",
            "p::before",
            "a{",
            "[a='x]",
            ":nth-child(x)",
            ":not(",
            "1",
            ":matches([)",
            "p:first",
        ] {
            assert!(find(selector).is_err(), "{selector}");
        }
    }

    #[test]
    fn nesting_and_length_are_limited() {
        assert!(Selector::parse(&(":not(".repeat(5000) + "a" + &")".repeat(5000))).is_err());
        assert!(Selector::parse(&"a ".repeat(5000)).is_err());
    }

    #[test]
    fn many_descendants_take_no_exponential_time() {
        let document = crate::parse(&"<div>".repeat(400)).unwrap();
        let selector = Selector::parse(&("div ".repeat(60) + "p")).unwrap();
        assert!(!document.subtree(Document::ROOT).any(|id| selector.matches(&document, id)));
        let selector = Selector::parse(&("p ".to_owned() + &"div ".repeat(60))).unwrap();
        assert!(!document.subtree(Document::ROOT).any(|id| selector.matches(&document, id)));
    }
}
