//! Libraries that scripts import from `https://jslib.k6.io`, answered from programs of ours: no network is needed.
//!
//! Each is a CommonJS file of this folder, compiled when the first VU imports it and read by every other. What an import
//! of the real library offers and documents, ours offers; whatever version the address names.

use std::ffi::CStr;

use crate::embedded::Embedded;
use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::{loading, native};

/// Where the libraries lie on the web.
const HOST: &str = "jslib.k6.io/";

/// A library.
struct Library {
    /// Its name in addresses; empty for what only other libraries use.
    address: &'static str,
    /// The name of its module.
    name: &'static str,
    program: Embedded,
}

macro_rules! library {
    ($address:literal, $name:literal, $file:literal) => {
        Library {
            address: $address,
            name: concat!("jslib:", $name),
            program: Embedded::with_lines(
                match CStr::from_bytes_with_nul(concat!("jslib:", $name, "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"jslib",
                },
                concat!(
                    "(function (module, exports, require) { 'use strict';",
                    include_str!($file),
                    "\n})"
                ),
            ),
        }
    };
}

static LIBRARIES: [Library; 13] = [
    library!("k6-utils", "k6-utils", "k6_utils.js"),
    library!("k6-summary", "k6-summary", "k6_summary.js"),
    library!("k6-testing", "k6-testing", "k6_testing.js"),
    library!("httpx", "httpx", "httpx.js"),
    library!("url", "url", "url.js"),
    library!("papaparse", "papaparse", "papaparse.js"),
    library!("k6chaijs", "k6chaijs", "chai.js"),
    library!("formdata", "formdata", "formdata.js"),
    library!("totp", "totp", "totp.js"),
    library!("expect", "expect", "expect.js"),
    library!("http-instrumentation-tempo", "tempo", "tempo.js"),
    library!("http-instrumentation-pyroscope", "pyroscope", "pyroscope.js"),
    library!("", "tracing", "tracing.js"),
];

/// Modules for the libraries that are not JavaScript.
const BYTES: &str = "jslib:bytes";
const TEXT_SUMMARY: &str = "jslib:text-summary";

/// The library at an address, which is given without its scheme: `jslib.k6.io/NAME/VERSION/index.js`.
pub(crate) fn at(address: &str) -> Option<&'static str> {
    let (name, rest) = address.strip_prefix(HOST)?.split_once('/')?;
    let is_script = rest.ends_with(".js") || !rest.contains('/');
    let found = LIBRARIES.iter().find(|library| !name.is_empty() && library.address == name);
    found.filter(|_| is_script).map(|library| library.name)
}

/// The module of a name that starts with `jslib:`.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    let own = LIBRARIES.iter().map(|library| library.name);
    own.chain([BYTES, TEXT_SUMMARY]).find(|known| *known == name)
}

/// The exports of a library.
pub(crate) fn open(cx: Ctx, name: &str) -> JsResult<Val> {
    match name {
        BYTES => return bytes(cx),
        TEXT_SUMMARY => return crate::module::summary::open(cx),
        _ => {}
    }
    let Some(library) = LIBRARIES.iter().find(|library| library.name == name) else {
        return Err(cx.throw_go(&format!("there is no library {name}")));
    };
    let function = library.program.evaluate(cx)?;
    let (module, exports) = (cx.object()?, cx.object()?);
    module.set_str(cx, c"exports", exports.clone())?;
    let require = loading::require_for(cx, library.name)?;
    cx.call(function.raw(), exports.raw(), &[module.raw(), exports.raw(), require.raw()])?;
    module.get_str(cx, c"exports")
}

static BYTES_FUNCTIONS: List<1> = List([func(c"join", 1, native!(join))]);

fn bytes(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &BYTES_FUNCTIONS)?;
    Ok(exports)
}

/// One `ArrayBuffer` of texts, buffers and arrays of bytes.
fn join(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let pieces = args.get(0);
    let mut out = Vec::new();
    for i in 0..pieces.length(cx)? {
        let piece = pieces.get_idx(cx, i)?;
        if piece.with_bytes(cx, |bytes| out.extend_from_slice(bytes)).is_some() {
            continue;
        }
        if piece.is_array() {
            for at in 0..piece.length(cx)? {
                out.push(piece.get_idx(cx, at)?.to_f64(cx)? as u8);
            }
        } else if !piece.is_nullish() {
            out.extend_from_slice(piece.to_text(cx)?.as_bytes());
        }
    }
    cx.array_buffer(&out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::js::Intrinsics;

    #[test]
    fn every_library_compiles_and_needs_no_rare_intrinsic() {
        for library in &LIBRARIES {
            assert_eq!(library.program.bytecode().err(), None);
            let mentioned = Intrinsics::mentioned(library.program.source());
            let rare = Intrinsics { eval: mentioned.eval, ..Intrinsics::default() };
            assert_eq!(mentioned, rare, "{}: VUs would have to be made with it", library.name);
            assert!(!mentioned.eval, "{}", library.name);
        }
    }

    #[test]
    fn addresses_lead_to_libraries() {
        for (address, expect) in [
            ("jslib.k6.io/k6-utils/1.4.0/index.js", Some("jslib:k6-utils")),
            ("jslib.k6.io/http-instrumentation-tempo/1.0.2/index.js", Some("jslib:tempo")),
            ("jslib.k6.io/k6chaijs/4.3.4.3/index.js", Some("jslib:k6chaijs")),
            ("jslib.k6.io/papaparse/5.1.1/index.js", Some("jslib:papaparse")),
            ("jslib.k6.io/aws/0.12.3/s3.js", None),
            ("jslib.k6.io/k6-utils", None),
            ("jslib.k6.io//x.js", None),
            ("example.com/k6-utils/1.4.0/index.js", None),
        ] {
            assert_eq!(at(address), expect, "{address}");
        }
        assert_eq!(named("jslib:bytes"), Some("jslib:bytes"));
        assert_eq!(named("jslib:nope"), None);
    }
}
