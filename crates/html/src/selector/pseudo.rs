//! What pseudo-classes ask of a node.

use super::{any, has};
use crate::tree::{Document, Kind, NodeId};

/// The text of an element or text node; `own` is what is directly in it.
pub(super) fn text(document: &Document, id: NodeId, own: bool) -> String {
    let mut out = String::new();
    if own {
        for child in document.children(id) {
            if document.kind(child) == Kind::Text {
                out.push_str(document.own_text(child));
            }
        }
    } else if matches!(document.kind(id), Kind::Text | Kind::Element) {
        document.text_into(id, &mut out);
    }
    out
}

/// The place among the elements of the same parent, from 1, from the front or the back.
pub(super) fn place(document: &Document, id: NodeId, last: bool, of_type: bool) -> Option<i64> {
    if !document.is_element(id) {
        return None;
    }
    document.parent(id)?;
    let step = |at: &NodeId| if last { document.next(*at) } else { document.previous(*at) };
    let before = std::iter::successors(step(&id), step);
    let counted = before.filter(|other| {
        document.is_element(*other) && (!of_type || document.name(*other) == document.name(id))
    });
    Some(counted.count() as i64 + 1)
}

pub(super) fn is_empty(document: &Document, id: NodeId) -> bool {
    document.is_element(id)
        && document.children(id).all(|child| match document.kind(child) {
            Kind::Element => false,
            Kind::Text => document.own_text(child).trim().is_empty(),
            _ => true,
        })
}

pub(super) fn is_in_language(document: &Document, id: NodeId, lang: &str) -> bool {
    std::iter::once(id).chain(document.ancestors(id)).any(|node| {
        any(document, node, "lang", |value| {
            value.strip_prefix(lang).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    })
}

pub(super) fn is_enabled(document: &Document, id: NodeId) -> bool {
    match document.name(id) {
        "a" | "area" | "link" => has(document, id, "href"),
        "optgroup" | "menuitem" | "fieldset" => !has(document, id, "disabled"),
        "button" | "input" | "select" | "textarea" | "option" => {
            !has(document, id, "disabled") && !is_in_disabled_fieldset(document, id)
        }
        _ => false,
    }
}

pub(super) fn is_disabled(document: &Document, id: NodeId) -> bool {
    match document.name(id) {
        "optgroup" | "menuitem" | "fieldset" => has(document, id, "disabled"),
        "button" | "input" | "select" | "textarea" | "option" => {
            has(document, id, "disabled") || is_in_disabled_fieldset(document, id)
        }
        _ => false,
    }
}

/// What is in the first legend of a disabled fieldset is not disabled.
fn is_in_disabled_fieldset(document: &Document, id: NodeId) -> bool {
    let mut at = id;
    while let Some(parent) = document.parent(at) {
        if document.name(parent) == "fieldset" && has(document, parent, "disabled") {
            let before = |node: &NodeId| document.previous(*node);
            let mut earlier = std::iter::successors(before(&at), before);
            if document.name(at) != "legend"
                || earlier.any(|sibling| document.name(sibling) == "legend")
            {
                return true;
            }
        }
        at = parent;
    }
    false
}

pub(super) fn is_checked(document: &Document, id: NodeId) -> bool {
    match document.name(id) {
        "input" | "menuitem" => {
            has(document, id, "checked")
                && any(document, id, "type", |kind| {
                    kind.eq_ignore_ascii_case("checkbox") || kind.eq_ignore_ascii_case("radio")
                })
        }
        "option" => has(document, id, "selected"),
        _ => false,
    }
}
