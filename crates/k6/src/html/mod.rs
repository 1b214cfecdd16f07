//! `k6/html`: selections and elements of parsed pages, as scripts see them.
//!
//! Trees, selectors and the steps between sets of nodes are the crate `html`'s; here they become objects. A document lives
//! as long as an object of the script leads to it. Start reading at [`selection`], then [`element`] and the table of
//! what each element has in [`elements`].

mod data;
mod element;
mod elements;
mod forms;
mod selection;

use std::rc::Rc;

use html::{NodeId, Selection};

use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, func};
use crate::module::go_value::go_type;
use crate::native;

pub(crate) use forms::{Value, form_values, query, value};

/// A `Selection` of scripts.
pub(crate) struct SelectionObject {
    pub selection: Rc<Selection>,
    /// Where the page came from; empty for `parseHTML`.
    pub url: Rc<str>,
    /// It is what k6 hands to the functions of `filter`, `is` and `not`: the bare object of its library, whose `attr`
    /// gives the value and whether it is there.
    pub bare: bool,
}

impl Class for SelectionObject {
    const ID: u32 = FIRST_CLASS_ID + 80;
    const NAME: &'static std::ffi::CStr = c"Selection";
}

/// An `Element` of scripts: a selection of one node.
struct ElementObject {
    selection: Rc<Selection>,
    url: Rc<str>,
    /// What kind it is: an index of [`elements::KINDS`], where there is one.
    kind: Option<usize>,
}

impl Class for ElementObject {
    const ID: u32 = FIRST_CLASS_ID + 81;
    const NAME: &'static std::ffi::CStr = c"Element";
}

/// What objects of one realm inherit from.
pub(crate) struct Prototypes {
    element: Val,
    /// By kind, made when the first element of it is.
    kinds: Vec<Option<Val>>,
}

static FUNCTIONS: List<1> = List([func(c"parseHTML", 1, native!(parse_html))]);

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

fn parse_html(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    page(cx, &text_argument(cx, args.get(0))?, "")
}

/// The text of an argument; nothing is empty, as where Go wants a string.
pub(crate) fn text_argument(cx: Ctx, value: Raw) -> JsResult<String> {
    if value.is_nullish() { Ok(String::new()) } else { Ok(value.to_text(cx)?.to_string()) }
}

/// The selection of a whole page.
pub(crate) fn page(cx: Ctx, text: &str, url: &str) -> JsResult<Val> {
    ready(cx)?;
    let object = parsed(cx, text, url)?;
    cx.wrap(object)
}

/// The same before it is an object.
pub(crate) fn parsed(cx: Ctx, text: &str, url: &str) -> JsResult<SelectionObject> {
    let document = html::parse(text).map_err(|error| cx.throw_go(&error.to_string()))?;
    Ok(SelectionObject { selection: Selection::root(document), url: url.into(), bare: false })
}

/// What `selector` finds on a page.
pub(crate) fn find(page: &SelectionObject, selector: &str) -> SelectionObject {
    let selector = html::Selector::parse(selector).ok();
    let selection = page.selection.find(selector.as_ref());
    SelectionObject { selection, url: page.url.clone(), bare: false }
}

/// Makes a selection an object.
pub(crate) fn wrap(cx: Ctx, selection: SelectionObject) -> JsResult<Val> {
    ready(cx)?;
    cx.wrap(selection)
}

/// Registers the classes, unless that is done.
fn ready(cx: Ctx) -> JsResult<()> {
    if cx.host().kept.borrow().html.is_some() {
        return Ok(());
    }
    selection::register(cx)?;
    let element = element::register(cx)?;
    let kinds = vec![None; elements::KINDS.len()];
    cx.host().kept.borrow_mut().html = Some(Box::new(Prototypes { element, kinds }));
    Ok(())
}

/// The prototype of a kind of element.
fn prototype(cx: Ctx, kind: Option<usize>) -> JsResult<Val> {
    let known = {
        let kept = cx.host().kept.borrow();
        let prototypes = kept.html.as_ref().expect("elements are made after their class");
        kind.map_or_else(|| Some(prototypes.element.clone()), |kind| prototypes.kinds[kind].clone())
    };
    let (Some(kind), None) = (kind, &known) else {
        return Ok(known.unwrap_or_else(|| Val::undefined(cx)));
    };
    let base = prototype(cx, None)?;
    let made = elements::prototype(cx, base.raw(), kind)?;
    if let Some(prototypes) = &mut cx.host().kept.borrow_mut().html {
        prototypes.kinds[kind] = Some(made.clone());
    }
    Ok(made)
}

/// The element that is the first node of a selection; `undefined` without one.
fn element_of(cx: Ctx, selection: &Rc<Selection>, url: &Rc<str>) -> JsResult<Val> {
    let Some(id) = selection.first_node() else { return Ok(Val::undefined(cx)) };
    let selection = if selection.nodes().len() == 1 { selection.clone() } else { selection.eq(0) };
    let kind = elements::kind(selection.document().name(id));
    let object = ElementObject { selection, url: url.clone(), kind };
    cx.wrap_with(prototype(cx, object.kind)?.raw(), object)
}

/// The element of a node.
fn element_at(cx: Ctx, selection: &Rc<Selection>, id: NodeId, url: &Rc<str>) -> JsResult<Val> {
    element_of(cx, &selection.of(vec![id]), url)
}

/// The elements of a selection, an array.
fn elements_of(cx: Ctx, selection: &Rc<Selection>, url: &Rc<str>) -> JsResult<Val> {
    let list = cx.array()?;
    for i in 0..selection.nodes().len() {
        let one = selection.eq(i as i64);
        list.set_idx(cx, i as u32, element_of(cx, &one, url)?)?;
    }
    Ok(list)
}

/// The type of a value as k6's messages name it.
fn type_name(cx: Ctx, value: Raw) -> String {
    if let Some(element) = cx.inner::<ElementObject>(value) {
        return format!("html.{}", elements::type_name(element.kind));
    }
    if value.is_string() {
        return "string".to_owned();
    }
    if cx.inner::<SelectionObject>(value).is_some() {
        return "html.Selection".to_owned();
    }
    go_type(cx, value).to_owned()
}

/// `text` or `undefined`.
fn text_or_undefined(cx: Ctx, text: Option<&str>) -> JsResult<Val> {
    text.map_or_else(|| Ok(Val::undefined(cx)), |text| cx.string(text))
}

/// An array of strings.
fn strings<'a>(cx: Ctx, items: impl IntoIterator<Item = &'a str>) -> JsResult<Val> {
    let list = cx.array()?;
    for (i, item) in items.into_iter().enumerate() {
        list.set_idx(cx, i as u32, cx.string(item)?)?;
    }
    Ok(list)
}
