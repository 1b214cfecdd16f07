//! `k6/experimental/streams`: written in JavaScript (`streams.js`), where promises are at home.

use crate::embedded::Embedded;
use crate::js::{Ctx, JsResult, Raw, Val};

static PROGRAM: Embedded = Embedded::new(c"k6/experimental/streams", include_str!("streams.js"));

/// The module's exports: the same classes however a realm comes by them.
pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    if let Some(exports) = &cx.host().kept.borrow().streams {
        return Ok(exports.clone());
    }
    let exports = cx.call(PROGRAM.evaluate(cx)?.raw(), Raw::UNDEFINED, &[])?;
    cx.host().kept.borrow_mut().streams = Some(exports.clone());
    Ok(exports)
}
