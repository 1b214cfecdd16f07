//! The module `k6`: check, fail, group, randomSeed, sleep.

use std::cell::OnceCell;
use std::time::Duration;

use metrics::{SeriesId, TagSetId, builtin};
use rustc_hash::FxHashMap;

use crate::host::{Phase, VuHost};
use crate::js::{Args, Atom, Ctx, JsResult, List, Raw, Val, func};
use crate::module::pending;
use crate::{exception, native};

static FUNCTIONS: List<5> = List([
    func(c"check", 2, native!(check)),
    func(c"fail", 1, native!(fail)),
    func(c"group", 2, native!(group)),
    func(c"randomSeed", 1, native!(random_seed)),
    func(c"sleep", 1, native!(sleep)),
]);

/// Series of checks by the tags they were made under and their name; valid because names stay interned.
pub(crate) type CheckCache = FxHashMap<(TagSetId, u32), SeriesId>;

/// More names than this come from a script that makes them up: they are looked up each time.
const MAX_CACHED_CHECKS: usize = 512;

/// Longest sleep, seconds: a century.
const MAX_SLEEP_S: f64 = 3.2e9;

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

/// `sleep(seconds)`: what is no number or not positive does not sleep.
fn sleep(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let value = args.get(0);
    let seconds = match value.as_f64() {
        Some(seconds) => seconds,
        None if value.is_undefined() => 0.0,
        None => value.to_f64(cx)?,
    };
    if seconds > 0.0 {
        let duration = Duration::from_nanos((seconds.min(MAX_SLEEP_S) * 1e9) as u64);
        cx.host().wait_or_throw(cx, rt::sleep(duration))?;
    } else if cx.host().interrupt.is_raised() {
        return Err(cx.throw_interrupted());
    }
    Ok(Val::undefined(cx))
}

fn fail(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let message = if args.get(0).is_undefined() {
        String::new()
    } else {
        args.get(0).to_text(cx)?.to_string()
    };
    Err(cx.throw_go(&message))
}

/// `check(value, {name: condition}, tags)`.
fn check(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if host.phase.get() == Phase::Init {
        return Err(cx.throw_go("Using check() in the init context is not supported"));
    }
    if args.len() < 2 {
        return Err(cx.throw_go("no checks provided to `check`"));
    }
    let (value, sets) = (args.get(0), args.get(1));
    if sets.is_nullish() {
        return Err(cx.throw_type("Cannot convert undefined or null to object"));
    }
    let tags = custom_tags(cx, args.get(2))?;
    // A text is an object of its letters, in k6 as well.
    let object = if sets.is_string() {
        let to_object = cx.globals().get_str(cx, c"Object")?;
        cx.call(to_object.raw(), Raw::UNDEFINED, &[sets])?
    } else {
        sets.dup(cx)
    };
    let sets = object.raw();
    if !sets.is_object() {
        return Ok(cx.boolean(true));
    }
    let at = OnceCell::new();
    let at = || *at.get_or_init(rt::unix_nanos);
    let keys = sets.keys(cx)?;
    let mut all = true;
    let mut pending = Vec::new();
    for i in 0..keys.len() {
        let condition = keys.value(i)?;
        let outcome = if condition.is_function(cx) {
            let outcome = cx.call(condition.raw(), value, &[value]);
            if condition.is_async_function()
                && let Ok(promise) = outcome
            {
                pending.push((promise, check_name(cx, keys.atom(i))?));
                continue;
            }
            outcome
        } else {
            Ok(condition)
        };
        let passed = outcome.as_ref().is_ok_and(|value| value.to_bool(cx));
        if host.interrupt.is_raised() && outcome.is_err() {
            return outcome;
        }
        let pending = outcome.err().map(|thrown| (thrown, cx.take_exception()));
        record(cx, host, keys.atom(i), &tags, passed, &at)?;
        if let Some((_, error)) = pending {
            return Err(cx.throw(error));
        }
        all &= passed;
    }
    if pending.is_empty() {
        return Ok(cx.boolean(all));
    }
    pending::check(cx, all, &pending, args.get(2))
}

fn record(
    cx: Ctx,
    host: &VuHost,
    name: Atom,
    tags: &[(String, String)],
    passed: bool,
    at: &impl Fn() -> u64,
) -> JsResult<()> {
    let base = host.tag_set();
    let value = f64::from(u8::from(passed));
    if tags.is_empty()
        && let Some(&series) = host.checks.borrow().get(&(base, name.0))
    {
        host.shard.borrow_mut().record_at(series, value, at);
        return Ok(());
    }
    let text = check_name(cx, name)?;
    let series = check_series(host, &text, tags);
    host.shard.borrow_mut().record_at(series, value, at);
    let mut cache = host.checks.borrow_mut();
    if tags.is_empty() && cache.len() < MAX_CACHED_CHECKS {
        // The name is kept interned from now on, so that its number stays its own.
        name.keep(cx);
        cache.insert((base, name.0), series);
    }
    Ok(())
}

fn check_name(cx: Ctx, name: Atom) -> JsResult<String> {
    let name = name.to_text(cx)?.to_string();
    if name.contains("::") { Err(cx.throw_go(BAD_NAME)) } else { Ok(name) }
}

/// The series of a check under the VU's present tags.
fn check_series(host: &VuHost, name: &str, tags: &[(String, String)]) -> SeriesId {
    let mut pairs: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    if host.world.config().system_tags.has("check") {
        pairs.push(("check", name));
    }
    let set = host.tag_set_with(&pairs);
    host.shard.borrow_mut().series(builtin::CHECKS, set)
}

/// Records a check whose name has been looked at.
pub(crate) fn record_check(host: &VuHost, name: &str, tags: &[(String, String)], passed: bool) {
    let series = check_series(host, name, tags);
    host.shard.borrow_mut().record_at(series, f64::from(u8::from(passed)), rt::unix_nanos);
}

const BAD_NAME: &str = "group and check names may not contain '::'";

/// `group(name, fn)`.
fn group(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if host.phase.get() == Phase::Init {
        return Err(cx.throw_go("Using group() in the init context is not supported"));
    }
    let function = args.get(1);
    if function.is_nullish() || !function.is_function(cx) {
        return Err(cx.throw_go("group() requires a callback as a second argument"));
    }
    let name = args.get(0).to_text(cx)?;
    if name.contains("::") {
        return Err(cx.throw_go(BAD_NAME));
    }
    let outer = host.tags.borrow().group().to_owned();
    let inner = if name.is_empty() { outer } else { format!("{outer}::{}", name.as_str()) };
    if function.is_async_function() {
        let context = pending::context(host, &inner);
        return host.within(cx, context, &inner, || pending::group(cx, function, &inner));
    }
    // Within the group of an async function, what this one starts is followed as well.
    let context = match host.events.context() {
        0 => 0,
        _ => pending::context(host, &inner),
    };
    host.within(cx, context, &inner, || {
        let start = rt::now();
        let result = cx.call(function, Raw::UNDEFINED, &[]);
        let duration = rt::now().since(start);
        let set = host.tag_set();
        host.record(builtin::GROUP_DURATION, set, duration.as_secs_f64() * 1e3, rt::unix_nanos());
        result
    })
}

/// The third argument of `check` and the second of `add`: an object of strings, numbers and booleans.
///
/// # Errors
/// k6's text for other values.
pub(crate) fn custom_tags(cx: Ctx, tags: Raw) -> JsResult<Vec<(String, String)>> {
    custom_tags_or(cx, tags).map_err(|error| match error {
        TagError::Invalid(text) => cx.throw_go(&text),
        TagError::Thrown(thrown) => thrown,
    })
}

/// Why tags were refused.
pub(crate) enum TagError {
    /// k6's text.
    Invalid(String),
    /// The script threw (a getter).
    Thrown(crate::js::Thrown),
}

impl From<crate::js::Thrown> for TagError {
    fn from(thrown: crate::js::Thrown) -> Self {
        TagError::Thrown(thrown)
    }
}

pub(crate) fn custom_tags_or(cx: Ctx, tags: Raw) -> Result<Vec<(String, String)>, TagError> {
    if !tags.is_object() {
        return Ok(Vec::new());
    }
    let keys = tags.keys(cx)?;
    let mut pairs = Vec::with_capacity(keys.len());
    for i in 0..keys.len() {
        let (key, value) = (keys.name(i)?, keys.value(i)?);
        pairs.push((key.to_string(), tag_value(cx, &key, value.raw())?));
    }
    Ok(pairs)
}

/// The value of one tag as k6 stores it.
pub(crate) fn tag_value(cx: Ctx, key: &str, value: Raw) -> Result<String, TagError> {
    if value.is_string() || value.is_number() || value.is_bool() {
        return Ok(value.to_text(cx)?.to_string());
    }
    Err(TagError::Invalid(format!(
        "invalid value for metric tag '{key}': only String, Boolean and Number types are accepted as a metric tag values"
    )))
}

/// A small generator for `Math.random` after `randomSeed` (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// `randomSeed(n)`: the same numbers from `Math.random()` after the same seed (not the numbers k6 gives).
fn random_seed(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let seed = args.get(0).to_f64(cx)?;
    let seed = if seed.is_finite() { seed as i64 } else { 0 };
    *cx.host().random.borrow_mut() = Some(Random(seed.cast_unsigned()));
    let math = cx.globals().get_str(cx, c"Math")?;
    math.set_str(cx, c"random", cx.function(c"random", 0, native!(seeded_random))?)?;
    Ok(Val::undefined(cx))
}

fn seeded_random(cx: Ctx, _this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let mut random = cx.host().random.borrow_mut();
    let n = random.as_mut().map_or(0.0, Random::next);
    drop(random);
    Ok(cx.number(n))
}

/// k6's text for `exec.test.abort()`: what was said and where.
pub(crate) fn abort_text(cx: Ctx, message: Option<&str>) -> String {
    let place = cx
        .new_error("Error", "")
        .ok()
        .map(|error| exception::describe(cx, error.raw(), &cx.host().world.graph));
    let place =
        place.as_deref().and_then(|text| text.lines().find(|line| line.contains("file://")));
    let place = place.map(|line| line.trim().trim_start_matches("at ")).unwrap_or_default();
    let in_vu = matches!(cx.host().phase.get(), Phase::Init | Phase::Iteration);
    match (message, in_vu) {
        (Some(message), true) => format!("test aborted: {message} at {place}"),
        (Some(message), false) => format!("test aborted: {message}"),
        (None, true) => format!("test aborted at {place}"),
        (None, false) => "test aborted".to_owned(),
    }
}
