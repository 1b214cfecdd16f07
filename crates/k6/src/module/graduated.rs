//! `k6/experimental/…` modules that k6 no longer has: those that live on elsewhere still work, with a note; the others
//! end in k6's own text.

use crate::js::{Ctx, JsResult, Val};
use crate::log::Level;

/// A module that is gone, and what became of it.
struct Gone {
    name: &'static str,
    /// k6's text.
    text: &'static str,
    now: Now,
}

enum Now {
    /// Another module has its exports.
    Module(&'static str),
    /// A global has become of its only export.
    Global(&'static std::ffi::CStr),
    /// Nothing here.
    Nothing,
}

const GONE: &[Gone] = &[
    Gone {
        name: "k6/experimental/timers",
        text: "k6/experimental/timers has been graduated, and it's now globally available as defined by standard \
               WebAPIs. You just need to remove the import.",
        now: Now::Module("k6/timers"),
    },
    Gone {
        name: "k6/experimental/grpc",
        text: "k6/experimental/grpc has been graduated, please use k6/net/grpc instead. See \
               https://grafana.com/docs/k6/latest/javascript-api/k6-net-grpc/ for more information.",
        now: Now::Module("k6/net/grpc"),
    },
    Gone {
        name: "k6/experimental/webcrypto",
        text: "k6/experimental/webcrypto has been graduated and it's now globally available as defined by standard \
               WebAPIs. You just need to remove the import.",
        now: Now::Global(c"crypto"),
    },
    Gone {
        name: "k6/experimental/tracing",
        text: "k6/experimental/tracing has been removed. All of it functionality is available as pure JavaScript \
               module. More info available at the docs: \
               https://grafana.com/docs/k6/latest/javascript-api/jslib/http-instrumentation-tempo",
        now: Now::Nothing,
    },
    Gone {
        name: "k6/experimental/redis",
        text: "k6/experimental/redis has been removed. Please migrate to the new version by changing your import to \
               'k6/x/redis'. Read more here: https://grafana.com/docs/k6/latest/javascript-api/k6-x-redis",
        now: Now::Nothing,
    },
    Gone {
        name: "k6/experimental/browser",
        text: "k6/experimental/browser has been graduated, please use k6/browser instead.Please update your imports to \
               use k6/browser instead of k6/experimental/browser, For more information, see the migration guide at \
               the link: https://grafana.com/docs/k6/latest/using-k6-browser/migrating-to-k6-v0-52/",
        now: Now::Nothing,
    },
];

/// The name of such a module, if it is one.
pub(crate) fn find(specifier: &str) -> Option<&'static str> {
    GONE.iter().map(|gone| gone.name).find(|name| *name == specifier)
}

/// Its exports, where there still are some.
pub(crate) fn open(cx: Ctx, name: &str) -> JsResult<Val> {
    let Some(gone) = GONE.iter().find(|gone| gone.name == name) else {
        return Err(cx.throw_go(&format!("the module \"{name}\" is not supported by squall")));
    };
    let exports = match gone.now {
        Now::Module(module) => super::open(cx, module)?,
        Now::Global(global) => {
            let value = crate::web::value(cx, &global.to_string_lossy())?;
            let exports = cx.object()?;
            exports.set_str(cx, global, value)?;
            exports
        }
        Now::Nothing => return Err(cx.throw_go(gone.text)),
    };
    let host = cx.host();
    if host.world.warn_once(gone.text) {
        host.log(Level::Warning, gone.text, Vec::new());
    }
    Ok(exports)
}
