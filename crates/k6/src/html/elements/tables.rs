//! Places within tables.

use html::{Selector, Stop};

use super::{ElementObject, integer};
use crate::js::{Ctx, JsResult, Val};

/// The place of the element among what `members` finds in the elements around it that match `holder`.
pub(super) fn place(this: &ElementObject, holder: &str, members: &str) -> Option<f64> {
    let parse = |text: &str| Selector::parse(text).ok();
    let holder = parse(holder);
    let holders = this.selection.parents(Stop::At(None), Some(holder.as_ref()));
    if holders.nodes().is_empty() {
        return None;
    }
    let index = holders.find(parse(members).as_ref()).index_of(this.node());
    Some(index.map_or(-1.0, |index| index as f64))
}

pub(super) fn cell_index(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(place(this, "tr", "th,td").unwrap_or(-1.0)))
}

pub(super) fn row_index(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(place(this, "table", "tr").unwrap_or(-1.0)))
}

pub(super) fn section_row_index(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(place(this, "thead,tbody,tfoot", "tr").unwrap_or(-1.0)))
}

pub(super) fn span(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(integer(this, "span").map_or(1.0, |span| span.max(1) as f64)))
}
