//! Form controls: their form, their labels, what they would send.

use std::rc::Rc;

use html::{Selection, Selector, Stop};

use super::{ElementObject, links, tables};
use crate::html::forms;
use crate::js::{Ctx, JsResult, Val};

fn parse(text: &str) -> Option<Selector> {
    Selector::parse(text).ok()
}

/// The elements around that match.
fn around(this: &ElementObject, selector: &str) -> Rc<Selection> {
    let selector = parse(selector);
    this.selection.parents(Stop::At(None), Some(selector.as_ref()))
}

/// What a selector finds in the whole page.
fn in_page(this: &ElementObject, selector: &str) -> Rc<Selection> {
    this.selection.parents(Stop::At(None), None).eq(-1).find(parse(selector).as_ref())
}

/// The form around, or the one that the `form` attribute names.
fn owner(this: &ElementObject) -> Option<Rc<Selection>> {
    let around = this.selection.closest(Stop::At(parse("form").as_ref()));
    if !around.nodes().is_empty() {
        return Some(around);
    }
    let id = this.attribute("form");
    if id.is_empty() {
        return None;
    }
    let named = in_page(this, &format!("#{id}"));
    (!named.nodes().is_empty()).then_some(named)
}

fn first_of(cx: Ctx, this: &ElementObject, found: Option<&Rc<Selection>>) -> JsResult<Val> {
    match found {
        Some(found) => this.first_of(cx, found),
        None => Ok(Val::undefined(cx)),
    }
}

pub(super) fn form(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    first_of(cx, this, owner(this).as_ref())
}

/// The label around and those that name the control.
pub(super) fn labels(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let around = this.selection.closest(Stop::At(parse("label").as_ref()));
    let id = this.attribute("id");
    if id.is_empty() {
        return this.all_of(cx, &around);
    }
    let named = in_page(this, &format!("label[for=\"{id}\"]"));
    this.all_of(cx, &around.add(named.nodes()))
}

/// The control's own `form…` attribute, else its form's.
fn own_or_form(this: &ElementObject, name: &str) -> Option<String> {
    if let Some(own) = this.selection.attribute(&format!("form{name}")) {
        return Some(own.to_owned());
    }
    owner(this)?.attribute(name).map(str::to_owned)
}

pub(super) fn form_action(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let action = own_or_form(this, "action").unwrap_or_default();
    if this.url.is_empty() {
        return cx.string(&action);
    }
    if action.is_empty() {
        return cx.string(&this.url);
    }
    match links::join(&this.url, &action) {
        Some(url) => cx.string(url.as_str()),
        None => cx.string(&action),
    }
}

pub(super) fn form_enctype(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    cx.string(match own_or_form(this, "enctype").as_deref() {
        Some("multipart/form-data") => "multipart/form-data",
        Some("text/plain") => "text/plain",
        _ => "application/x-www-form-urlencoded",
    })
}

pub(super) fn form_method(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    // A form's own method counts in small letters only.
    let is_post = match this.selection.node_name() {
        "form" => this.attribute("method") == "post",
        _ => own_or_form(this, "method").is_some_and(|m| m.to_lowercase() == "post"),
    };
    cx.string(if is_post { "post" } else { "get" })
}

pub(super) fn form_no_validate(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.boolean(own_or_form(this, "novalidate").is_some()))
}

pub(super) fn form_target(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    cx.string(&own_or_form(this, "target").unwrap_or_default())
}

pub(super) fn text(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    cx.string(&this.selection.text())
}

pub(super) fn nothing(cx: Ctx, _this: &ElementObject) -> JsResult<Val> {
    Ok(Val::undefined(cx))
}

pub(super) fn value(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    cx.string(&forms::value_or_html(this.selection.document(), Some(this.node())))
}

/// The datalist of an input that can have one.
pub(super) fn list(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let id = this.attribute("list");
    let kind = this.attribute("type");
    if id.is_empty() || matches!(kind, "hidden" | "checkbox" | "radio" | "file" | "button") {
        return Ok(Val::undefined(cx));
    }
    this.first_of(cx, &in_page(this, &format!("datalist[id=\"{id}\"]")))
}

/// What a label is for.
pub(super) fn control(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    match this.selection.attribute("for") {
        Some(id) => this.first_of(cx, &in_page(this, &format!("#{id}"))),
        None => Ok(Val::undefined(cx)),
    }
}

/// Images that use a map; k6 looks for the map's id only.
pub(super) fn images(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    match this.selection.attribute("id") {
        Some(id) => {
            let selector = format!("img[usemap=\"#{id}\"],object[usemap=\"#{id}\"]");
            this.all_of(cx, &in_page(this, &selector))
        }
        None => cx.array(),
    }
}

pub(super) fn option_disabled(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let disabled = this.selection.attribute("disabled").is_some()
        || around(this, "optgroup").attribute("disabled").is_some();
    Ok(cx.boolean(disabled))
}

pub(super) fn option_form(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let form = around(this, "form");
    if !form.nodes().is_empty() {
        return this.first_of(cx, &form);
    }
    match around(this, "select").attribute("form") {
        Some(id) => this.first_of(cx, &in_page(this, &format!("form#{id}"))),
        None => Ok(Val::undefined(cx)),
    }
}

pub(super) fn option_index(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(tables::place(this, "select,datalist", "option").unwrap_or(0.0)))
}

pub(super) fn option_label(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    match this.selection.attribute("label") {
        Some(label) => cx.string(label),
        None => text(cx, this),
    }
}

/// An attribute's number as Go reads it, if it is not negative.
fn number(this: &ElementObject, name: &str) -> Option<f64> {
    this.selection.attribute(name)?.parse().ok().filter(|number| *number >= 0.0)
}

fn maximum(this: &ElementObject) -> f64 {
    number(this, "max").unwrap_or(1.0)
}

pub(super) fn progress_max(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(maximum(this)))
}

pub(super) fn progress_value(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(number(this, "value").map_or(0.0, |value| value / maximum(this))))
}

pub(super) fn progress_position(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(number(this, "value").map_or(-1.0, |value| value / maximum(this))))
}

pub(super) fn selected_index(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let chosen = this.find("option[selected]");
    let index = chosen.first_node().and_then(|id| this.find("option").index_of(id));
    Ok(cx.number(index.map_or(-1.0, |index| index as f64)))
}

pub(super) fn select_size(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(if this.selection.attribute("multiple").is_some() { 4.0 } else { 1.0 }))
}

pub(super) fn select_type(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let is_multiple = this.selection.attribute("multiple").is_some();
    cx.string(if is_multiple { "select-multiple" } else { "select" })
}

pub(super) fn select_value(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let chosen = this.find("option[selected]");
    cx.string(&forms::value_or_html(chosen.document(), chosen.first_node()))
}

pub(super) fn style_type(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    match this.attribute("type") {
        "" => cx.string("text/css"),
        kind => cx.string(kind),
    }
}

/// k6 counts the attribute, which text areas don't have.
pub(super) fn textarea_length(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    Ok(cx.number(this.attribute("value").len() as f64))
}
