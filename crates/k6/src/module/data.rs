//! `k6/data`: `SharedArray`, encoded once for all VUs of the process.

use std::sync::Arc;

use crate::js::{Args, Ctx, JsResult, List, Raw, Val, constructor};
use crate::module::csv::Rows;
use crate::module::keyed::{self, Key, Keyed};
use crate::native;
use crate::world::lock;

/// The elements of a shared array.
#[derive(Debug)]
pub(crate) enum Elements {
    /// Of a script's array, each as JSON.
    Json(Vec<Box<str>>),
    /// Of a CSV file.
    Rows(Rows),
}

impl Elements {
    fn len(&self) -> usize {
        match self {
            Elements::Json(elements) => elements.len(),
            Elements::Rows(rows) => rows.len(),
        }
    }

    fn get(&self, cx: Ctx, i: usize) -> JsResult<Option<Val>> {
        match self {
            Elements::Json(elements) => elements.get(i).map(|json| parse(cx, json)).transpose(),
            Elements::Rows(rows) => rows.get(cx, i),
        }
    }
}

static CONSTRUCTORS: List<1> = List([constructor(c"SharedArray", 2, native!(shared_array))]);

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &CONSTRUCTORS)?;
    super::give_prototypes(cx, exports.raw())?;
    Ok(exports)
}

/// `new SharedArray(name, () => array)`.
fn shared_array(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if !host.is_init() {
        return Err(cx.throw_go("new SharedArray must be called in the init context"));
    }
    let function = args.get(1);
    if args.len() < 2 || !function.is_function(cx) {
        return Err(cx.throw_go(
            "a function is expected as the second argument of SharedArray's constructor",
        ));
    }
    let name = args.get(0).to_text(cx)?;
    if name.is_empty() {
        return Err(cx.throw_go("empty name provided to SharedArray's constructor"));
    }
    if function.is_async_function() {
        return Err(cx.throw_go(
            "SharedArray constructor does not support async functions as second argument",
        ));
    }
    let known = lock(&host.world.arrays).get(name.as_str()).cloned();
    let elements = match known {
        Some(elements) => elements,
        None => {
            // Not under the lock: the function may make another array. Two VUs may both get here; the first wins.
            let made = Arc::new(encode(cx, function)?);
            lock(&host.world.arrays).entry(name.to_string()).or_insert(made).clone()
        }
    };
    array_of(cx, elements)
}

/// An array over elements that all VUs share.
pub(crate) fn array_of(cx: Ctx, elements: Arc<Elements>) -> JsResult<Val> {
    keyed::array(cx, SharedArray { elements })
}

fn encode(cx: Ctx, function: Raw) -> JsResult<Elements> {
    let array = cx.call(function, Raw::UNDEFINED, &[])?;
    if !array.is_array() {
        return Err(cx.throw_go("only arrays can be made into SharedArray"));
    }
    let n = array.length(cx)?;
    let mut elements = Vec::with_capacity(n as usize);
    for i in 0..n {
        let item = array.get_idx(cx, i)?;
        elements.push(cx.stringify(item.raw())?.unwrap_or_default().into_boxed_str());
    }
    Ok(Elements::Json(elements))
}

struct SharedArray {
    elements: Arc<Elements>,
}

impl Keyed for SharedArray {
    fn get(&self, cx: Ctx, key: Key<'_>) -> JsResult<Option<Val>> {
        match key {
            Key::Name("length") => Ok(Some(cx.number(self.elements.len() as f64))),
            Key::Name(_) => Ok(None),
            Key::Index(i) => {
                let Some(value) = self.elements.get(cx, i as usize)? else { return Ok(None) };
                freeze(cx, value.raw())?;
                Ok(Some(value))
            }
        }
    }

    fn has(&self, _cx: Ctx, key: Key<'_>) -> JsResult<bool> {
        Ok(match key {
            Key::Name(name) => name == "length",
            Key::Index(i) => (i as usize) < self.elements.len(),
        })
    }

    fn keys(&self, _cx: Ctx) -> Vec<String> {
        (0..self.elements.len()).map(|i| i.to_string()).collect()
    }

    fn set(&self, cx: Ctx, _key: &str, _value: Raw) -> JsResult<()> {
        Err(cx.throw_type("SharedArray is immutable"))
    }

    fn delete(&self, cx: Ctx, _key: &str) -> JsResult<()> {
        Err(cx.throw_type("SharedArray is immutable"))
    }
}

/// Strings without escapes, the usual rows of a word list, need no parser.
fn parse(cx: Ctx, json: &str) -> JsResult<Val> {
    if let Some(text) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        && !text.contains('\\')
    {
        return cx.string(text);
    }
    if json.is_empty() {
        return Err(
            cx.throw_error("SyntaxError", "invalid character 'u' looking for beginning of value")
        );
    }
    cx.parse_json(json)
}

/// Freezes an object and what it holds.
pub(crate) fn freeze(cx: Ctx, value: Raw) -> JsResult<()> {
    if !value.is_object() {
        return Ok(());
    }
    let keys = value.keys(cx)?;
    for i in 0..keys.len() {
        freeze(cx, keys.value(i)?.raw())?;
    }
    cx.freeze(value)
}
