//! The parameters of both modules: headers, tags, jar, compression.

use std::rc::Rc;

use net::http::{HeaderError, Headers, canonical_name};

use crate::http::{SharedJar, VuHttp};
use crate::js::{Ctx, JsResult, Raw};

/// Which module's rules and texts apply.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `k6/ws`.
    Ws,
    /// `k6/websockets`, which refuses what it does not know.
    WebSockets,
}

/// What a script said.
pub(super) struct Params {
    pub(super) headers: Headers,
    pub(super) tags: Vec<(String, String)>,
    pub(super) jar: SharedJar,
    pub(super) deflate: bool,
}

/// Headers and tags of one connection.
const MAX_ENTRIES: usize = 1_000;

impl Params {
    /// Reads the argument; `undefined` and `null` say nothing.
    pub(super) fn read(
        cx: Ctx,
        value: Raw,
        dialect: Dialect,
        http: &Rc<VuHttp>,
    ) -> JsResult<Params> {
        let mut params = Params {
            headers: Headers::new(),
            tags: Vec::new(),
            jar: http.jar_named(cx, Raw::UNDEFINED),
            deflate: false,
        };
        params.set_header("User-Agent", http.user_agent());
        if !value.is_object() {
            return Ok(params);
        }
        let keys = value.keys(cx)?;
        for at in 0..keys.len() {
            let item = keys.value(at)?;
            match keys.name(at)?.as_str() {
                "headers" => params.read_headers(cx, item.raw())?,
                "tags" => params.read_tags(cx, item.raw(), dialect)?,
                "jar" => params.jar = http.jar_named(cx, item.raw()),
                "compression" => {
                    let text = item.to_text(cx)?;
                    match text.as_str().trim() {
                        "deflate" => params.deflate = true,
                        "" if dialect == Dialect::Ws => {}
                        other => {
                            return Err(cx.throw_go(&format!(
                                "unsupported compression algorithm '{other}', supported algorithm is 'deflate'"
                            )));
                        }
                    }
                }
                other if dialect == Dialect::WebSockets => {
                    return Err(cx.throw_go(&format!("unknown WebSocket's option {other}")));
                }
                _ => {}
            }
        }
        Ok(params)
    }

    /// What Go would leave out or change on the wire is left out or changed here.
    fn set_header(&mut self, name: &str, value: &str) {
        let name = canonical_name(name);
        if let Err(HeaderError::Value(_)) = self.headers.set(&name, value.as_bytes()) {
            let value: String =
                value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            // Now only the name can be wrong, and such headers are not sent.
            let _ = self.headers.set(&name, value.as_bytes());
        }
    }

    fn read_headers(&mut self, cx: Ctx, value: Raw) -> JsResult<()> {
        if !value.is_object() {
            return Ok(());
        }
        let keys = value.keys(cx)?;
        for at in 0..keys.len().min(MAX_ENTRIES) {
            let item = keys.value(at)?;
            self.set_header(&keys.name(at)?, &item.to_text(cx)?);
        }
        Ok(())
    }

    fn read_tags(&mut self, cx: Ctx, value: Raw, dialect: Dialect) -> JsResult<()> {
        if !value.is_object() {
            return Ok(());
        }
        let keys = value.keys(cx)?;
        for at in 0..keys.len().min(MAX_ENTRIES) {
            let item = keys.value(at)?;
            let name = keys.name(at)?;
            if !(item.is_string() || item.is_number() || item.is_bool()) {
                let what = match dialect {
                    Dialect::Ws => "invalid ws.connect() metric tags",
                    Dialect::WebSockets => "invalid WebSocket tags option",
                };
                return Err(cx.throw_go(&format!(
                    "{what}: invalid value for metric tag '{}': only String, Boolean and Number types are accepted as \
                     a metric tag values",
                    name.as_str()
                )));
            }
            self.tags.push((name.to_string(), item.to_text(cx)?.to_string()));
        }
        Ok(())
    }
}
