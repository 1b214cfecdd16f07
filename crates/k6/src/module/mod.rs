//! The modules and globals that scripts see.

pub(crate) mod console;
pub(crate) mod crypto;
pub(crate) mod csv;
pub(crate) mod data;
pub(crate) mod encoding;
pub(crate) mod environment;
pub(crate) mod execution;
pub(crate) mod files;
pub(crate) mod fs;
pub(crate) mod globals;
pub(crate) mod go_value;
pub(crate) mod graduated;
pub(crate) mod k6;
pub(crate) mod keyed;
pub(crate) mod metrics;
pub(crate) mod pending;
pub(crate) mod secrets;
pub(crate) mod streams;
pub(crate) mod summary;
pub(crate) mod text_coding;
pub(crate) mod timers;
pub(crate) mod ws;
pub(crate) mod x509;

use crate::js::{Ctx, JsResult, Raw, Val};
use crate::jslib;

/// JS values of one realm that Rust keeps. Emptied before the runtime ends.
#[derive(Default)]
pub(crate) struct Kept {
    /// The scenario's function.
    pub exec: Option<Val>,
    /// What `setup()` returned, parsed once.
    pub setup_data: Option<Val>,
    /// `__ENV` of the scenario.
    pub env: Option<Val>,
    /// `exec.test.options`.
    pub options: Option<Val>,
    /// `exec.vu.metrics.metadata`.
    pub metadata: Option<Val>,
    /// Prototypes of `k6/html`, once it is used.
    pub html: Option<Box<crate::html::Prototypes>>,
    /// What runs async functions of groups and checks, once there is one.
    pub pending: Option<Val>,
    /// The exports of `k6/experimental/streams`.
    pub streams: Option<Val>,
    /// Globals of the web platform.
    pub web: crate::web::Made,
}

/// The exports of a built-in module.
pub(crate) fn open(cx: Ctx, name: &str) -> JsResult<Val> {
    match name {
        "k6" => k6::open(cx),
        "k6/html" => crate::html::open(cx),
        "k6/http" => crate::http::open(cx),
        "k6/net/grpc" => crate::grpc::open(cx),
        "k6/metrics" => metrics::open(cx),
        "k6/execution" => execution::open(cx),
        "k6/data" => data::open(cx),
        "k6/encoding" => encoding::open(cx),
        "k6/timers" => timers::open(cx),
        "k6/ws" => ws::open_ws(cx),
        "k6/websockets" => ws::open_websockets(cx),
        "k6/experimental/websockets" => ws::open_experimental(cx),
        "k6/crypto" => crypto::open(cx),
        "k6/crypto/x509" => x509::open(cx),
        "k6/secrets" => secrets::open(cx),
        "k6/experimental/fs" => fs::open(cx),
        "k6/experimental/csv" => csv::open(cx),
        "k6/experimental/streams" => streams::open(cx),
        _ if jslib::named(name).is_some() => jslib::open(cx, name),
        _ if graduated::find(name).is_some() => graduated::open(cx, name),
        _ => Err(cx.throw_go(&format!("the module \"{name}\" is not supported by squall yet"))),
    }
}

/// k6's text for functions of the init stage called later.
pub(crate) fn only_in_init(name: &str) -> String {
    format!(
        "the \"{name}\" function is only available in the init stage (i.e. the global scope), see \
         https://grafana.com/docs/k6/latest/using-k6/test-lifecycle/ for more information"
    )
}

/// Gives the constructors of a module an (empty) `prototype`, so that `x instanceof Counter` is an answer, `false` as in
/// k6, and no exception.
fn give_prototypes(cx: Ctx, exports: Raw) -> JsResult<()> {
    let prototype = cx.object()?;
    let constructors = exports.keys(cx)?;
    for i in 0..constructors.len() {
        constructors.value(i)?.define_str(cx, c"prototype", prototype.clone(), 0)?;
    }
    Ok(())
}
