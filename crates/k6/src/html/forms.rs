//! Values of form controls, and forms as they are sent.

use std::rc::Rc;

use html::{Document, NodeId, Selection, Selector};

use super::{SelectionObject, strings};
use crate::js::{Args, Ctx, JsResult, Raw, Val};

/// What a control has.
pub(crate) enum Value {
    Text(String),
    /// Several chosen options.
    List(Vec<String>),
    None,
}

impl Value {
    pub(crate) fn to_js(&self, cx: Ctx) -> JsResult<Val> {
        match self {
            Value::Text(text) => cx.string(text),
            Value::List(items) => strings(cx, items.iter().map(String::as_str)),
            Value::None => Ok(Val::undefined(cx)),
        }
    }
}

fn parsed(selector: &str) -> Option<Selector> {
    Selector::parse(selector).ok()
}

/// The `value` attribute, else the markup inside.
pub(super) fn value_or_html(document: &Document, id: Option<NodeId>) -> String {
    let Some(id) = id else { return String::new() };
    match document.attribute(id, "value") {
        Some(value) => value.to_owned(),
        None => document.inner_html(id),
    }
}

/// The value of the first node.
pub(crate) fn value(selection: &Rc<Selection>) -> Value {
    let document = selection.document();
    let text = |text: &str| Value::Text(text.to_owned());
    match selection.node_name() {
        "input" => match selection.attribute("value") {
            Some(value) => text(value),
            None => match selection.attribute("type") {
                Some("radio" | "checkbox") => text("on"),
                _ => text(""),
            },
        },
        "button" => text(selection.attribute("value").unwrap_or_default()),
        "textarea" => Value::Text(selection.inner_html()),
        "option" => Value::Text(value_or_html(document, selection.first_node())),
        "select" => {
            let chosen = selection.eq(0).find(parsed("option[selected]").as_ref());
            if selection.attribute("multiple").is_some() {
                let of = |id: &NodeId| value_or_html(document, Some(*id));
                Value::List(chosen.nodes().iter().map(of).collect())
            } else {
                Value::Text(value_or_html(document, chosen.first_node()))
            }
        }
        _ => Value::None,
    }
}

pub(super) fn val(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    value(&cx.inner_of::<SelectionObject>(this)?.selection).to_js(cx)
}

/// Names and values that a form, or these controls, would send.
pub(crate) fn form_values(selection: &Rc<Selection>) -> Vec<(String, Value)> {
    let controls = parsed("input,select,textarea,keygen");
    let controls = if selection.is(parsed("form").as_ref()) {
        selection.find(controls.as_ref())
    } else {
        selection.filter(controls.as_ref())
    };
    let document = controls.document();
    let mut values = Vec::new();
    for id in controls.nodes() {
        let attribute = |name: &str| document.attribute(*id, name).unwrap_or_default();
        let (name, kind) = (attribute("name"), attribute("type"));
        let is_sent = match kind {
            "submit" | "button" | "reset" | "image" | "file" => false,
            "checkbox" | "radio" => attribute("checked") == "checked",
            _ => true,
        };
        if !name.is_empty() && attribute("disabled") != "disabled" && is_sent {
            values.push((name.to_owned(), value(&controls.of(vec![*id]))));
        }
    }
    values
}

pub(super) fn serialize_array(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let list = cx.array()?;
    let values = form_values(&cx.inner_of::<SelectionObject>(this)?.selection);
    for (i, (name, value)) in values.iter().enumerate() {
        let object = cx.object()?;
        object.set_str(cx, c"name", cx.string(name)?)?;
        object.set_str(cx, c"value", value.to_js(cx)?)?;
        list.set_idx(cx, i as u32, object)?;
    }
    Ok(list)
}

pub(super) fn serialize_object(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let object = cx.object()?;
    for (name, value) in form_values(&cx.inner_of::<SelectionObject>(this)?.selection) {
        object.set_key(cx, &name, value.to_js(cx)?)?;
    }
    Ok(object)
}

/// As a query: sorted by name, of equal names the last.
pub(super) fn serialize(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let mut pairs: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in form_values(&cx.inner_of::<SelectionObject>(this)?.selection) {
        let values = match value {
            Value::Text(text) => vec![text],
            Value::List(items) => items,
            Value::None => continue,
        };
        pairs.retain(|(known, _)| *known != name);
        pairs.push((name, values));
    }
    cx.string(&query(pairs))
}

/// Encodes names and their values as Go's `url.Values` does.
pub(crate) fn query(mut pairs: Vec<(String, Vec<String>)>) -> String {
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, values) in pairs {
        for value in values {
            out.append_pair(&name, &value);
        }
    }
    out.finish()
}
