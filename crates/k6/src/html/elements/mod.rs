//! What elements of a kind have besides: anchors their parts of a URL, controls their form, …
//!
//! Most properties read an attribute, so they are rows of a table ([`reflected`]); those that compute are functions
//! ([`links`], [`controls`], [`tables`]). A kind's prototype is made from the table when the first element of it is.

mod controls;
mod links;
mod reflected;
mod tables;

use std::ffi::CStr;

use html::Selector;

pub(super) use reflected::KINDS;
use reflected::PROPERTIES;

use super::ElementObject;
use super::element::this_element;
use crate::js::{Args, Ctx, JsResult, Raw, Val};
use crate::native_numbered;

/// A property that some elements have; k6 makes it a method without arguments.
struct Property {
    name: &'static CStr,
    source: Source,
    /// Names of the elements, with spaces between.
    elements: &'static str,
}

/// Where a property's value comes from.
enum Source {
    /// An attribute.
    Text(&'static str),
    /// An attribute resolved against the page's address.
    Url(&'static str),
    /// The same, or the page's address.
    UrlOrPage(&'static str),
    /// Whether an attribute is there.
    Flag(&'static str),
    /// An attribute's whole number, or another.
    Integer(&'static str, i32),
    Constant(&'static str),
    /// One of these words; the first where the attribute is none of them.
    Choice(&'static str, &'static [&'static str]),
    /// One of these words or `undefined`.
    Optional(&'static str, &'static [&'static str]),
    /// All elements below that match.
    Found(&'static str),
    /// How many these are.
    Count(&'static str),
    /// The first child that matches.
    Child(&'static str),
    Computed(fn(Ctx, &ElementObject) -> JsResult<Val>),
}

impl Property {
    fn is_of(&self, tag: &str) -> bool {
        self.elements.split(' ').any(|element| element == tag)
    }
}

/// The kind of the elements called `tag`.
pub(super) fn kind(tag: &str) -> Option<usize> {
    KINDS.iter().position(|(element, _)| *element == tag)
}

/// k6's name for it.
pub(super) fn type_name(kind: Option<usize>) -> &'static str {
    kind.map_or("Element", |kind| KINDS[kind].1)
}

/// Makes the prototype of a kind, which inherits from that of all elements.
pub(super) fn prototype(cx: Ctx, base: Raw, kind: usize) -> JsResult<Val> {
    let proto = cx.object_with(base)?;
    for (number, property) in (0..).zip(PROPERTIES) {
        if property.is_of(KINDS[kind].0) {
            let function =
                cx.numbered_function(property.name, 0, number, native_numbered!(call))?;
            proto.set_str(cx, property.name, function)?;
        }
    }
    Ok(proto)
}

fn call(cx: Ctx, this: Raw, _args: Args<'_>, number: i32) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    match usize::try_from(number).ok().and_then(|number| PROPERTIES.get(number)) {
        Some(property) => property.source.value(cx, this),
        None => Err(cx.throw_type("no such method")),
    }
}

impl Source {
    fn value(&self, cx: Ctx, this: &ElementObject) -> JsResult<Val> {
        match self {
            Source::Text(name) => cx.string(this.attribute(name)),
            Source::Url(name) => cx.string(&links::resolved(this, name, "")),
            Source::UrlOrPage(name) => cx.string(&links::resolved(this, name, &this.url)),
            Source::Flag(name) => Ok(cx.boolean(this.selection.attribute(name).is_some())),
            Source::Integer(name, default) => {
                Ok(cx.number(integer(this, name).map_or_else(|| f64::from(*default), |n| n as f64)))
            }
            Source::Constant(text) => cx.string(text),
            Source::Choice(name, words) => {
                let value = this.attribute(name);
                cx.string(if words.contains(&value) { value } else { words[0] })
            }
            Source::Optional(name, words) => {
                let value = this.attribute(name);
                if words.contains(&value) { cx.string(value) } else { Ok(Val::undefined(cx)) }
            }
            Source::Found(selector) => this.all_of(cx, &this.find(selector)),
            Source::Count(selector) => Ok(cx.number(this.find(selector).nodes().len() as f64)),
            Source::Child(selector) => {
                let selector = Selector::parse(selector).ok();
                this.first_of(cx, &this.selection.children(Some(selector.as_ref())))
            }
            Source::Computed(compute) => compute(cx, this),
        }
    }
}

/// An attribute's whole number, as Go reads one.
fn integer(this: &ElementObject, name: &str) -> Option<i64> {
    this.selection.attribute(name).and_then(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_has_a_property_once_and_every_property_an_element() {
        for (i, property) in PROPERTIES.iter().enumerate() {
            for element in property.elements.split(' ') {
                let shown = format!("{:?} of {element:?}", property.name);
                assert!(kind(element).is_some(), "{shown}: no such element");
                let rows =
                    PROPERTIES.iter().filter(|p| p.name == property.name && p.is_of(element));
                assert_eq!(rows.count(), 1, "{shown} stands twice");
            }
            let same = PROPERTIES[..i]
                .iter()
                .any(|p| p.elements == property.elements && p.name == property.name);
            assert!(!same, "{:?} stands twice", property.name);
        }
    }

    #[test]
    fn every_kind_has_a_property_and_one_name() {
        for (tag, name) in KINDS {
            assert!(PROPERTIES.iter().any(|property| property.is_of(tag)), "{tag}");
            assert_eq!(KINDS.iter().filter(|kind| kind.0 == *tag || kind.1 == *name).count(), 1);
        }
    }
}
