//! Statuses as scripts see them. In k6 they are Go's values: `===` compares them with the module's constants, `==` with
//! numbers, as text they are names, in JSON numbers. So each is one object for each VU.

use net::grpc::Code;

use super::state;
use crate::js::{Args, Ctx, JsResult, Raw, Val};
use crate::native_bound;

const STATUSES: [&str; 17] = [
    "StatusOK",
    "StatusCanceled",
    "StatusUnknown",
    "StatusInvalidArgument",
    "StatusDeadlineExceeded",
    "StatusNotFound",
    "StatusAlreadyExists",
    "StatusPermissionDenied",
    "StatusResourceExhausted",
    "StatusFailedPrecondition",
    "StatusAborted",
    "StatusOutOfRange",
    "StatusUnimplemented",
    "StatusInternal",
    "StatusUnavailable",
    "StatusDataLoss",
    "StatusUnauthenticated",
];

// The spelling of the last constant is k6's.
const HEALTH: [(&str, &str); 4] = [
    ("HealthCheckUnknown", "UNKNOWN"),
    ("HealthCheckServing", "SERVING"),
    ("HealthCheckNotServing", "NOT_SERVING"),
    ("HealthCheckServiceUnkown", "SERVICE_UNKNOWN"),
];

/// Puts the constants into the module's exports and keeps them.
pub(super) fn define(cx: Ctx, exports: Raw) -> JsResult<()> {
    let Some(grpc) = state(cx.host()) else { return Ok(()) };
    if grpc.statuses.borrow().is_empty() {
        let codes = (0..STATUSES.len() as u32).map(|number| (number, Code(number).name()));
        let health = (0..).zip(HEALTH.iter().map(|(_, name)| (*name).to_owned()));
        let made: JsResult<Vec<Val>> =
            codes.chain(health).map(|(number, name)| named(cx, f64::from(number), &name)).collect();
        *grpc.statuses.borrow_mut() = made?;
    }
    // The module may be opened under two names: its constants are the same.
    let names = STATUSES.iter().copied().chain(HEALTH.iter().map(|(constant, _)| *constant));
    for (constant, value) in names.zip(grpc.statuses.borrow().iter()) {
        exports.set_key(cx, constant, value.clone())?;
    }
    Ok(())
}

/// What stands for a status code.
pub(super) fn value(cx: Ctx, code: Code) -> JsResult<Val> {
    let kept = state(cx.host()).and_then(|grpc| {
        let at = usize::try_from(code.0).ok().filter(|at| *at < STATUSES.len())?;
        grpc.statuses.borrow().get(at).cloned()
    });
    match kept {
        Some(value) => Ok(value),
        None => named(cx, f64::from(code.0), &code.name()),
    }
}

/// What stands for the answer of a health check.
pub(super) fn health(cx: Ctx, number: i32) -> JsResult<Val> {
    let kept = state(cx.host()).and_then(|grpc| {
        let at = usize::try_from(number).ok().filter(|at| *at < HEALTH.len())?;
        grpc.statuses.borrow().get(STATUSES.len() + at).cloned()
    });
    match kept {
        Some(value) => Ok(value),
        None => named(cx, f64::from(number), &number.to_string()),
    }
}

/// An object that is a number to operators and JSON, and a name as text.
fn named(cx: Ctx, number: f64, name: &str) -> JsResult<Val> {
    let object = cx.object()?;
    let number = cx.number(number);
    let name = cx.string(name)?;
    let hidden = crate::js::qjs::JS_PROP_CONFIGURABLE as i32;
    for (key, bound, flags) in [
        (c"valueOf", &number, hidden),
        (c"toJSON", &number, hidden),
        (c"toString", &name, hidden),
        (c"string", &name, hidden | crate::js::qjs::JS_PROP_ENUMERABLE as i32),
    ] {
        let function = cx.closure(0, &[bound.raw()], native_bound!(1, bound_value))?;
        object.define_str(cx, key, function, flags)?;
    }
    Ok(object)
}

/// An object that is this text where it is printed, as k6's errors that are not thrown.
pub(super) fn make_text(cx: Ctx, object: Raw, text: &str) -> JsResult<()> {
    let text = cx.string(text)?;
    let function = cx.closure(0, &[text.raw()], native_bound!(1, bound_value))?;
    let hidden = crate::js::qjs::JS_PROP_CONFIGURABLE as i32;
    object.define_str(cx, c"toString", function, hidden)
}

fn bound_value(cx: Ctx, _args: Args<'_>, bound: &[Raw]) -> JsResult<Val> {
    Ok(bound.first().copied().unwrap_or(Raw::UNDEFINED).dup(cx))
}
