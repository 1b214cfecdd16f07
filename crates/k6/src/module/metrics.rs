//! `k6/metrics`: custom metrics.

use std::cell::Cell;
use std::ffi::CStr;

use metrics::{Contains, MetricId, MetricKind, SeriesId, TagSetId};

use crate::js::{
    Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Thrown, Val, constructor, func,
};
use crate::log::Level;
use crate::module::k6::{TagError, custom_tags_or};
use crate::native;

/// A metric of the script.
struct Metric {
    id: MetricId,
    name: String,
    /// The series used last, by the tags it was used with.
    last: Cell<Option<(TagSetId, SeriesId)>>,
}

impl Class for Metric {
    const ID: u32 = FIRST_CLASS_ID;
    const NAME: &'static CStr = c"Object";
}

static CONSTRUCTORS: List<4> = List([
    constructor(c"Counter", 1, native!(counter)),
    constructor(c"Gauge", 1, native!(gauge)),
    constructor(c"Rate", 1, native!(rate)),
    constructor(c"Trend", 2, native!(trend)),
]);

static METHODS: List<1> = List([func(c"add", 2, native!(add))]);
static NONE: List<0> = List([]);

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    cx.register_class::<Metric, 0>(&NONE)?;
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &CONSTRUCTORS)?;
    super::give_prototypes(cx, exports.raw())?;
    Ok(exports)
}

fn counter(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    make(cx, args, MetricKind::Counter)
}

fn gauge(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    make(cx, args, MetricKind::Gauge)
}

fn rate(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    make(cx, args, MetricKind::Rate)
}

fn trend(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    make(cx, args, MetricKind::Trend)
}

fn make(cx: Ctx, args: Args<'_>, kind: MetricKind) -> JsResult<Val> {
    let host = cx.host();
    if !host.is_init() {
        return Err(cx.throw_go("metrics must be declared in the init context"));
    }
    let name = if args.get(0).is_undefined() {
        String::new()
    } else {
        args.get(0).to_text(cx)?.to_string()
    };
    let contains = if args.get(1).to_bool(cx) { Contains::Time } else { Contains::Default };
    let declared = host.world.registry.declare(&name, kind, contains);
    let id = declared.map_err(|error| cx.throw_go(&error.to_string()))?;
    let object = cx.wrap(Metric { id, name: name.clone(), last: Cell::new(None) })?;
    let read_only = crate::js::qjs::JS_PROP_ENUMERABLE as i32;
    object.define_str(cx, c"name", cx.string(&name)?, read_only)?;
    cx.define_list(object.raw(), &METHODS)?;
    Ok(object)
}

/// `metric.add(value, tags)`.
fn add(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    let metric = cx.inner_of::<Metric>(this)?;
    if host.is_init() {
        return Err(cx.throw_go("Adding to metrics in the init context is not supported"));
    }
    let Some(value) = value_of(cx, metric, args)? else { return Ok(cx.boolean(false)) };
    let at = rt::unix_nanos();
    let base = host.tag_set();
    if args.get(1).is_object() {
        let pairs = custom_tags_or(cx, args.get(1)).map_err(|error| match error {
            TagError::Thrown(thrown) => thrown,
            TagError::Invalid(text) => cx.throw_go(&format!(
                "cannot add tags for the '{}' custom metric: {text}",
                metric.name
            )),
        })?;
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let set = host.tag_set_with(&pairs);
        host.record(metric.id, set, value, at);
        return Ok(cx.boolean(true));
    }
    let mut shard = host.shard.borrow_mut();
    let series = match metric.last.get() {
        Some((tags, series)) if tags == base => series,
        _ => {
            let series = shard.series(metric.id, base);
            metric.last.set(Some((base, series)));
            series
        }
    };
    shard.record(series, value, at);
    Ok(cx.boolean(true))
}

/// The number to add; `None` after a warning, or an exception with the option `throw`.
fn value_of(cx: Ctx, metric: &Metric, args: Args<'_>) -> JsResult<Option<f64>> {
    let value = args.get(0);
    if let Some(n) = value.as_f64()
        && !n.is_nan()
    {
        return Ok(Some(n));
    }
    if args.is_empty() {
        return refuse(
            cx,
            format!(
                "no value was provided for metric '{}', a number or a boolean value is expected",
                metric.name
            ),
        );
    }
    let number = if value.is_null() { f64::NAN } else { value.to_f64(cx)? };
    if number.is_nan() {
        let shown = value.to_text(cx)?;
        return refuse(
            cx,
            format!(
                "'{shown}' is an invalid value for metric '{}', a number or a boolean value is expected",
                metric.name
            ),
        );
    }
    Ok(Some(number))
}

fn refuse(cx: Ctx, text: String) -> Result<Option<f64>, Thrown> {
    if cx.host().world.config().throws {
        return Err(cx.throw_go(&text));
    }
    cx.host().log(Level::Warning, text, Vec::new());
    Ok(None)
}
