//! `k6/experimental/streams`: written in JavaScript (`streams.js`), where promises are at home.

use crate::js::{Ctx, JsResult, Raw, Val};
use crate::web::Embedded;

static PROGRAM: Embedded = Embedded::new(c"k6/experimental/streams", include_str!("streams.js"));

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    cx.call(PROGRAM.evaluate(cx)?.raw(), Raw::UNDEFINED, &[])
}
