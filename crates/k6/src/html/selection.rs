//! The methods of selections.

use std::rc::Rc;

use html::{NodeId, Selection, Selector, Stop};

use super::{
    ElementObject, SelectionObject, data, element_of, elements_of, forms, strings, text_argument,
    type_name,
};
use crate::exception;
use crate::js::{Args, Ctx, JsResult, List, Raw, Thrown, Val, func, getter};
use crate::{native, native_getter};

static METHODS: List<41> = List([
    getter(c"url", native_getter!(url)),
    func(c"add", 1, native!(add)),
    func(c"attr", 1, native!(attr)),
    func(c"children", 0, native!(children)),
    func(c"closest", 1, native!(closest)),
    func(c"contents", 0, native!(contents)),
    func(c"data", 0, native!(data::data)),
    func(c"each", 1, native!(each)),
    func(c"end", 0, native!(end)),
    func(c"eq", 1, native!(eq)),
    func(c"filter", 1, native!(filter)),
    func(c"find", 1, native!(find)),
    func(c"first", 0, native!(first)),
    func(c"get", 0, native!(get)),
    func(c"has", 1, native!(has)),
    func(c"html", 0, native!(html)),
    func(c"index", 0, native!(index)),
    func(c"is", 1, native!(is)),
    func(c"last", 0, native!(last)),
    func(c"map", 1, native!(map)),
    func(c"next", 0, native!(next)),
    func(c"nextAll", 0, native!(next_all)),
    func(c"nextUntil", 0, native!(next_until)),
    func(c"not", 1, native!(not)),
    func(c"parent", 0, native!(parent)),
    func(c"parents", 0, native!(parents)),
    func(c"parentsUntil", 0, native!(parents_until)),
    func(c"prev", 0, native!(prev)),
    func(c"prevAll", 0, native!(prev_all)),
    func(c"prevUntil", 0, native!(prev_until)),
    func(c"serialize", 0, native!(forms::serialize)),
    func(c"serializeArray", 0, native!(forms::serialize_array)),
    func(c"serializeObject", 0, native!(forms::serialize_object)),
    func(c"siblings", 0, native!(siblings)),
    func(c"single", 1, native!(single)),
    func(c"size", 0, native!(size)),
    func(c"slice", 1, native!(slice)),
    func(c"text", 0, native!(text)),
    func(c"toJSON", 0, native!(to_json)),
    func(c"toArray", 0, native!(to_array)),
    func(c"val", 0, native!(forms::val)),
]);

pub(super) fn register(cx: Ctx) -> JsResult<()> {
    cx.register_class::<SelectionObject, 41>(&METHODS).map(drop)
}

pub(super) fn this_selection<'a>(cx: Ctx, this: Raw) -> JsResult<&'a SelectionObject> {
    cx.inner_of::<SelectionObject>(this)
}

/// An object for what was made from `from`.
fn made(cx: Ctx, from: &SelectionObject, selection: Rc<Selection>) -> JsResult<Val> {
    cx.wrap(SelectionObject { selection, url: from.url.clone(), bare: from.bare })
}

fn url(cx: Ctx, this: Raw) -> JsResult<Val> {
    cx.string(&this_selection(cx, this)?.url)
}

/// What JSON and the console show.
fn to_json(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let object = cx.object()?;
    object.set_str(cx, c"url", url(cx, this)?)?;
    Ok(object)
}

/// A selector as scripts write it; what is none matches nothing.
fn selector(cx: Ctx, value: Raw) -> JsResult<Option<Selector>> {
    Ok(Selector::parse(&text_argument(cx, value)?).ok())
}

/// What stands for nodes in arguments.
enum Target<'a> {
    Selector(Option<Selector>),
    Selection(&'a Selection),
}

/// A selector, selection or (plain) element.
fn target<'a>(cx: Ctx, value: Raw) -> JsResult<Target<'a>> {
    if value.is_string() {
        return Ok(Target::Selector(selector(cx, value)?));
    }
    if let Some(other) = cx.inner::<SelectionObject>(value) {
        return Ok(Target::Selection(&other.selection));
    }
    match cx.inner::<ElementObject>(value) {
        Some(element) if element.kind.is_none() => Ok(Target::Selection(&element.selection)),
        _ => Err(bad_argument(cx, value)),
    }
}

fn bad_argument(cx: Ctx, value: Raw) -> Thrown {
    let kind = type_name(cx, value);
    cx.throw_go(&format!("invalid argument, cannot use a '{kind}' as a selector"))
}

fn add(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let own = &this.selection;
    let selection = match target(cx, args.get(0))? {
        Target::Selector(selector) => own.add(&own.everywhere(selector.as_ref())),
        Target::Selection(other) => own.add(own.shared(other)),
    };
    made(cx, this, selection)
}

fn find(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let selection = match target(cx, args.get(0))? {
        Target::Selector(selector) => this.selection.find(selector.as_ref()),
        Target::Selection(other) => this.selection.find_nodes(other),
    };
    made(cx, this, selection)
}

fn single(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let selector = selector(cx, args.get(0))?;
    made(cx, this, this.selection.find_first(selector.as_ref()))
}

fn closest(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let own = &this.selection;
    let selection = match target(cx, args.get(0))? {
        Target::Selector(selector) => own.closest(Stop::At(selector.as_ref())),
        Target::Selection(other) => own.closest(Stop::Nodes(own.shared(other))),
    };
    made(cx, this, selection)
}

fn has(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let own = &this.selection;
    let selection = match target(cx, args.get(0))? {
        Target::Selector(selector) => own.has(&own.everywhere(selector.as_ref())),
        Target::Selection(other) => own.has(own.shared(other)),
    };
    made(cx, this, selection)
}

/// The object of k6's library for one node.
fn bare(cx: Ctx, from: &SelectionObject, id: NodeId) -> JsResult<Val> {
    let selection = from.selection.of(vec![id]);
    let one = cx.wrap(SelectionObject { selection, url: from.url.clone(), bare: true })?;
    one.set_str(cx, c"attrOr", cx.function(c"attrOr", 2, native!(attr_or))?)?;
    one.set_str(cx, c"hasClass", cx.function(c"hasClass", 1, native!(has_class))?)?;
    one.set_str(cx, c"length", cx.function(c"length", 0, native!(size))?)?;
    Ok(one)
}

fn attr_or(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    match this.selection.attribute(&text_argument(cx, args.get(0))?) {
        Some(value) => cx.string(value),
        None => cx.string(&text_argument(cx, args.get(1))?),
    }
}

fn has_class(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let class = text_argument(cx, args.get(0))?;
    let mut classes = this.selection.attribute("class").unwrap_or_default().split_whitespace();
    Ok(cx.boolean(classes.any(|own| own == class)))
}

/// Calls `f(index, node)` for each node; the nodes for which it is `wanted`.
fn picked(cx: Ctx, this: &SelectionObject, f: Raw, wanted: bool) -> JsResult<Rc<Selection>> {
    let mut kept = Vec::new();
    for (i, id) in this.selection.nodes().iter().enumerate() {
        let one = bare(cx, this, *id)?;
        let index = cx.number(i as f64);
        if cx.call(f, f, &[index.raw(), one.raw()])?.to_bool(cx) == wanted {
            kept.push(*id);
        }
    }
    Ok(this.selection.with(kept))
}

fn not(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let own = &this.selection;
    let argument = args.get(0);
    let selection = if argument.is_function(cx) {
        picked(cx, this, argument, false)?
    } else {
        match target(cx, argument)? {
            Target::Selector(selector) => {
                own.retain(|id| !selector.as_ref().is_some_and(|s| s.matches(own.document(), id)))
            }
            Target::Selection(other) => {
                let others = own.shared(other);
                own.retain(|id| !others.contains(&id))
            }
        }
    };
    made(cx, this, selection)
}

/// What `filter` and `is` keep.
fn kept(cx: Ctx, this: &SelectionObject, argument: Raw, name: &str) -> JsResult<Rc<Selection>> {
    let own = &this.selection;
    if argument.is_string() {
        return Ok(own.filter(selector(cx, argument)?.as_ref()));
    }
    if let Some(other) = cx.inner::<SelectionObject>(argument) {
        let others = own.shared(&other.selection);
        return Ok(own.retain(|id| others.contains(&id)));
    }
    if argument.is_function(cx) {
        return picked(cx, this, argument, true);
    }
    Err(cx.throw_go(&format!(
        "the argument to {name}() must be a function, a selector or a selection"
    )))
}

fn filter(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    made(cx, this, kept(cx, this, args.get(0), "filter")?)
}

fn is(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    Ok(cx.boolean(!kept(cx, this, args.get(0), "is")?.nodes().is_empty()))
}

/// The steps to neighbours and parents, which take a selector to narrow the result.
#[derive(Clone, Copy)]
enum Step {
    Children,
    Parent,
    Parents,
    Siblings,
    Next,
    NextAll,
    Prev,
    PrevAll,
}

fn step(cx: Ctx, this: Raw, args: Args<'_>, step: Step) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let given = if args.is_empty() { None } else { Some(selector(cx, args.get(0))?) };
    let filter = given.as_ref().map(Option::as_ref);
    let own = &this.selection;
    let selection = match step {
        Step::Children => own.children(filter),
        Step::Parent => own.parent(filter),
        Step::Parents => own.parents(Stop::At(None), filter),
        Step::Siblings => own.siblings(filter),
        Step::Next => own.neighbour(false, filter),
        Step::NextAll => own.neighbours(false, Stop::At(None), filter),
        Step::Prev => own.neighbour(true, filter),
        Step::PrevAll => own.neighbours(true, Stop::At(None), filter),
    };
    made(cx, this, selection)
}

fn children(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    step(cx, this, args, Step::Children)
}

fn parent(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    step(cx, this, args, Step::Parent)
}

fn parents(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    step(cx, this, args, Step::Parents)
}

fn siblings(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    step(cx, this, args, Step::Siblings)
}

fn next(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    step(cx, this, args, Step::Next)
}

fn next_all(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    step(cx, this, args, Step::NextAll)
}

fn prev(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    step(cx, this, args, Step::Prev)
}

fn prev_all(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    step(cx, this, args, Step::PrevAll)
}

/// The steps that go on until something is met.
#[derive(Clone, Copy)]
enum Walk {
    Next,
    Prev,
    Parents,
}

fn walk(cx: Ctx, this: Raw, args: Args<'_>, walk: Walk) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let own = &this.selection;
    let argument = args.get(0);
    let until;
    let stop = if argument.is_string() {
        until = selector(cx, argument)?;
        Stop::At(until.as_ref())
    } else if let Some(other) = cx.inner::<SelectionObject>(argument) {
        Stop::Nodes(own.shared(&other.selection))
    } else if argument.is_nullish() {
        Stop::At(None)
    } else {
        return Err(bad_argument(cx, argument));
    };
    if args.len() > 2 {
        return Err(bad_argument(cx, argument));
    }
    let given = if args.len() < 2 { None } else { Some(selector(cx, args.get(1))?) };
    let filter = given.as_ref().map(Option::as_ref);
    let selection = match walk {
        Walk::Next => own.neighbours(false, stop, filter),
        Walk::Prev => own.neighbours(true, stop, filter),
        Walk::Parents => own.parents(stop, filter),
    };
    made(cx, this, selection)
}

fn next_until(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    walk(cx, this, args, Walk::Next)
}

fn prev_until(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    walk(cx, this, args, Walk::Prev)
}

fn parents_until(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    walk(cx, this, args, Walk::Parents)
}

fn contents(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    made(cx, this, this.selection.contents())
}

fn end(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    made(cx, this, this.selection.end())
}

/// A whole number as Go gets it.
fn integer(cx: Ctx, value: Raw) -> JsResult<i64> {
    // A cast saturates, and NaN is 0.
    if value.is_null() { Ok(0) } else { Ok(value.to_f64(cx)? as i64) }
}

fn eq(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let index = if args.is_empty() { 0 } else { integer(cx, args.get(0))? };
    made(cx, this, this.selection.eq(index))
}

fn first(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    made(cx, this, this.selection.eq(0))
}

fn last(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    made(cx, this, this.selection.eq(-1))
}

fn size(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    Ok(cx.number(this_selection(cx, this)?.selection.nodes().len() as f64))
}

fn slice(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let size = this.selection.nodes().len() as i64;
    let from_end = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
    let start = from_end(if args.is_empty() { 0 } else { integer(cx, args.get(0))? });
    let end = if args.len() > 1 { integer(cx, args.get(1))? } else { size };
    let end = from_end(end.min(size));
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    match range.and_then(|(start, end)| this.selection.slice(start, end)) {
        Some(selection) => made(cx, this, selection),
        None => Err(cx.throw_go(&format!(
            "runtime error: slice bounds out of range [{start}:{end}] with length {size}"
        ))),
    }
}

fn get(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let own = &this.selection;
    if args.is_empty() {
        return elements_of(cx, own, &this.url);
    }
    let (index, size) = (integer(cx, args.get(0))?, own.nodes().len() as i64);
    if index >= size || index <= -size {
        return Ok(Val::undefined(cx));
    }
    element_of(cx, &own.eq(index), &this.url)
}

fn to_array(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let list = cx.array()?;
    for i in 0..this.selection.nodes().len() {
        list.set_idx(cx, i as u32, made(cx, this, this.selection.eq(i as i64))?)?;
    }
    Ok(list)
}

fn index(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let own = &this.selection;
    let argument = args.get(0);
    let found = if args.is_empty() {
        own.first_node()
            .map(|id| own.of(vec![id]).neighbours(true, Stop::At(None), None).nodes().len())
    } else if argument.is_string() {
        let all = own.everywhere(selector(cx, argument)?.as_ref());
        own.first_node().and_then(|id| all.iter().position(|other| *other == id))
    } else if let Some(other) = cx.inner::<SelectionObject>(argument) {
        own.shared(&other.selection).first().and_then(|id| own.index_of(*id))
    } else if let Some(element) = cx.inner::<ElementObject>(argument).filter(|e| e.kind.is_none()) {
        own.shared(&element.selection).first().and_then(|id| own.index_of(*id))
    } else {
        None
    };
    Ok(cx.number(found.map_or(-1.0, |at| at as f64)))
}

fn text(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(&this_selection(cx, this)?.selection.text())
}

fn html(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(&this_selection(cx, this)?.selection.inner_html())
}

fn attr(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let value = this.selection.attribute(&text_argument(cx, args.get(0))?);
    if this.bare {
        let pair = strings(cx, [value.unwrap_or_default()])?;
        pair.set_idx(cx, 1, cx.boolean(value.is_some()))?;
        return Ok(pair);
    }
    match value {
        Some(value) => cx.string(value),
        None => Ok(args.get(1).dup(cx)),
    }
}

/// The function among the arguments.
fn callback(cx: Ctx, args: Args<'_>, name: &str) -> JsResult<Raw> {
    let function = args.get(0);
    if function.is_function(cx) {
        return Ok(function);
    }
    Err(cx.throw_go(&format!("the argument to {name}() must be a function")))
}

fn each(cx: Ctx, raw: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, raw)?;
    let function = callback(cx, args, "each")?;
    for i in 0..this.selection.nodes().len() {
        let one = element_of(cx, &this.selection.eq(i as i64), &this.url)?;
        let index = cx.number(i as f64);
        cx.call(function, function, &[index.raw(), one.raw()]).map_err(|Thrown| failed(cx))?;
    }
    Ok(raw.dup(cx))
}

/// The exception of a callback, told as k6 tells it. What ends the VU stays what it is.
fn failed(cx: Ctx) -> Thrown {
    let thrown = cx.take_exception();
    if thrown.raw().is_uncatchable() {
        return cx.throw(thrown);
    }
    let text = exception::short(cx, thrown.raw(), &cx.host().world.graph);
    cx.throw_go(&format!("the function passed to each() failed: {text}"))
}

fn map(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_selection(cx, this)?;
    let function = callback(cx, args, "map")?;
    let list = cx.array()?;
    let mut len = 0;
    for (i, id) in this.selection.nodes().iter().enumerate() {
        let one = made(cx, this, this.selection.of(vec![*id]))?;
        let index = cx.number(i as f64);
        match cx.call(function, function, &[index.raw(), one.raw()]) {
            Ok(value) => {
                list.set_idx(cx, len, value)?;
                len += 1;
            }
            Err(Thrown) => {
                // k6 leaves out what threw.
                let thrown = cx.take_exception();
                if thrown.raw().is_uncatchable() {
                    return Err(cx.throw(thrown));
                }
            }
        }
    }
    Ok(list)
}
