//! What elements of a kind have besides: anchors their parts of a URL, controls their form, …
//!
//! Most methods read an attribute, so they are lines of a table ([`table`]); those that compute are functions
//! ([`links`], [`controls`], [`tables`]). Prototypes are made from the table when the first element of a kind is.

mod controls;
mod links;
mod table;
mod tables;

use std::ffi::CStr;

use html::Selector;

pub(super) use table::KINDS;

use super::ElementObject;
use super::element::this_element;
use crate::js::{Args, Ctx, JsResult, Raw, Val};
use crate::native_numbered;

/// A kind of element.
pub(super) struct Kind {
    tag: &'static str,
    /// k6's name for it.
    type_name: &'static str,
    methods: &'static [&'static [Method]],
}

/// A method without arguments.
struct Method {
    name: &'static CStr,
    source: Source,
}

/// Where a method's value comes from.
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

/// More than any kind has.
const MAX_METHODS: usize = 128;

/// The kind of the elements called `tag`.
pub(super) fn kind(tag: &str) -> Option<usize> {
    KINDS.iter().position(|kind| kind.tag == tag)
}

pub(super) fn type_name(kind: Option<usize>) -> &'static str {
    kind.map_or("Element", |kind| KINDS[kind].type_name)
}

/// Makes the prototype of a kind, which inherits from that of all elements.
pub(super) fn prototype(cx: Ctx, base: Raw, kind: usize) -> JsResult<Val> {
    let proto = cx.object_with(base)?;
    for (i, method) in KINDS[kind].methods.iter().copied().flatten().enumerate() {
        let number = i32::try_from(kind * MAX_METHODS + i).unwrap_or(i32::MAX);
        let function = cx.numbered_function(method.name, 0, number, native_numbered!(call))?;
        proto.set_str(cx, method.name, function)?;
    }
    Ok(proto)
}

fn call(cx: Ctx, this: Raw, _args: Args<'_>, number: i32) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let kind = KINDS.get(number / MAX_METHODS);
    let method =
        kind.and_then(|kind| kind.methods.iter().copied().flatten().nth(number % MAX_METHODS));
    match method {
        Some(method) => method.source.value(cx, this),
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
    fn every_method_has_a_number_of_its_own() {
        for kind in KINDS {
            let names: Vec<_> = kind.methods.iter().copied().flatten().map(|m| m.name).collect();
            assert!(names.len() < MAX_METHODS, "{}", kind.tag);
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len(), "{}", kind.tag);
        }
    }
}
