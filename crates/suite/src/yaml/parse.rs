//! From text to a tree.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::{Fault, Key, MAX_DEPTH, MAX_VALUES, Node, Place, Value};

/// Reads a file of one document.
///
/// # Errors
/// The first thing that is no YAML, or more of it than there may be.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Fault {
            place: place(*error.marker()),
            message: format!("this is no YAML: {}", error.info()),
        })?;
        builder.take(event, span)?;
    }
    builder
        .root
        .ok_or_else(|| Fault { place: Place::START, message: "the file is empty".to_owned() })
}

fn place(marker: granit_parser::Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}

/// A list or a map that is not at its end yet.
struct Open {
    place: Place,
    anchor: usize,
    what: Filling,
}

enum Filling {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key> },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    n_values: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let place = place(span.start);
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let lead = match style {
                    ScalarStyle::Plain => Some(0),
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Some(1),
                    ScalarStyle::Literal | ScalarStyle::Folded => None,
                };
                let is_plain = style == ScalarStyle::Plain;
                // The parser gives `~` for what is not there.
                let text = text.into_owned();
                self.put(Node { place, value: Value::Text { text, is_plain, lead } }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(Open { place, anchor, what: Filling::List(Vec::new()) })
            }
            Event::MappingStart(_, anchor, _) => {
                let what = Filling::Map { entries: Vec::new(), key: None };
                self.begin(Open { place, anchor, what })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    self.n_values = self.n_values.saturating_add(count(&node));
                    self.put(Node { place, ..node }, 0)
                }
                None => Err(Fault { place, message: "an alias to what is not there".to_owned() }),
            },
            Event::DocumentStart(..) if self.root.is_some() => Err(Fault {
                place,
                message: "a second document begins here: a plan is one".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("values lie deeper than {MAX_DEPTH} in each other");
            return Err(Fault { place: open.place, message });
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.what {
            Filling::List(items) => Value::List(items),
            Filling::Map { entries, .. } => Value::Map(entries),
        };
        self.put(Node { place: open.place, value }, open.anchor)
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.n_values += 1;
        if self.n_values > MAX_VALUES {
            let message = format!("the file has more than {MAX_VALUES} values");
            return Err(Fault { place: node.place, message });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            None => self.root = Some(node),
            Some(Filling::List(items)) => items.push(node),
            Some(Filling::Map { entries, key }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(new_key(node, entries)?),
            },
        }
        Ok(())
    }
}

fn new_key(node: Node, entries: &[(Key, Node)]) -> Result<Key, Fault> {
    let place = node.place;
    let Value::Text { text, .. } = node.value else {
        return Err(Fault { place, message: "a key is a text".to_owned() });
    };
    match entries.iter().find(|(key, _)| key.text == text) {
        Some((first, _)) => {
            let message = format!("`{text}` is there twice: first in line {}", first.place.line);
            Err(Fault { place, message })
        }
        None => Ok(Key { text, place }),
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Text { .. } => 1,
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| count(node)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scalar;
    use super::*;
    use plan::suite::Path;

    #[test]
    fn every_value_knows_its_place() {
        let tree = parse("a: 1\nlist:\n  - x\n  - \"y: z\"\nmap:\n  k: |\n    text\n").unwrap();
        let at = |path: &Path, column| {
            let place = tree.place_of(path, column);
            (place.line, place.column)
        };
        let root = Path::root();
        assert_eq!(at(&root.key("a"), None), (1, 4));
        assert_eq!(at(&root.key("list"), None), (2, 1));
        assert_eq!(at(&root.key("list").index(1), None), (4, 5));
        assert_eq!(at(&root.key("list").index(1), Some(4)), (4, 9));
        // A block has the place of its first line.
        assert_eq!(at(&root.key("map").key("k"), Some(2)).0, 7);
        assert_eq!(at(&root.key("map").key("gone"), None), (5, 1));
    }

    #[test]
    fn what_is_no_plan_is_refused_in_its_place() {
        for (text, place, words) in [
            ("", (1, 1), "empty"),
            ("a: 1\nb: 2\na: 3\n", (3, 1), "twice: first in line 1"),
            ("a: [1, 2\nb: 3\n", (2, 1), "no YAML"),
            ("a: *b\n", (1, 4), ""),
            ("a: 1\n---\nb: 2\n", (2, 1), "second document"),
            ("? [a]\n: 1\n", (1, 3), "a key is a text"),
        ] {
            let fault = parse(text).unwrap_err();
            assert_eq!(fault.place.line, place.0, "{text:?}: {fault:?}");
            assert!(fault.message.contains(words), "{text:?}: {fault:?}");
        }
    }

    #[test]
    fn aliases_do_not_grow_without_bound() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..8 {
            let before = n - 1;
            let items = vec![format!("*a{before}"); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{items}]\n"));
        }
        assert!(parse(&text).unwrap_err().message.contains("more than 100000 values"));
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(parse(&format!("a: {deep}")).unwrap_err().message.contains("deeper than 64"));
    }

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        for (text, scalar) in [
            ("5", Scalar::Whole(5)),
            ("-7", Scalar::Whole(-7)),
            ("0.5", Scalar::Number(0.5)),
            ("1e3", Scalar::Number(1000.0)),
            ("true", Scalar::Truth(true)),
            ("yes", Scalar::Text),
            ("5m", Scalar::Text),
            ("1.2.3", Scalar::Text),
            ("null", Scalar::Nothing),
            ("nan", Scalar::Text),
        ] {
            assert_eq!(Scalar::of(text), scalar, "{text}");
        }
    }
}
