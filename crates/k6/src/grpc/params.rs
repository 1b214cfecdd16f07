//! The `params` of `connect`, `invoke` and `Stream`: unknown ones and wrong values throw, with k6's texts.

use std::time::Duration;

use net::grpc::Metadata;

use crate::certificates::{Tls, go_syntax};
use crate::http::{Exported, Refused as HttpRefused, export, read_timeout};
use crate::js::{Ctx, JsResult, Raw, Thrown};
use crate::module::k6::{TagError, custom_tags_or};

/// How long connecting may take unless the script says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// Why parameters can't be used.
pub(super) enum Refused {
    /// A getter of the script threw.
    Thrown(Thrown),
    /// k6's text.
    Because(String),
}

impl From<Thrown> for Refused {
    fn from(thrown: Thrown) -> Self {
        Refused::Thrown(thrown)
    }
}

impl From<String> for Refused {
    fn from(text: String) -> Self {
        Refused::Because(text)
    }
}

impl From<HttpRefused> for Refused {
    fn from(refused: HttpRefused) -> Self {
        match refused {
            HttpRefused::Thrown(thrown) => Refused::Thrown(thrown),
            HttpRefused::Because(text) => Refused::Because(text),
        }
    }
}

impl Refused {
    /// Throws it, its text behind `what`.
    pub(super) fn throw(self, cx: Ctx, what: &str) -> Thrown {
        match self {
            Refused::Thrown(thrown) => thrown,
            Refused::Because(text) => cx.throw_go(&format!("{what}: {text}")),
        }
    }
}

/// Of `invoke`, `asyncInvoke` and `Stream`.
#[derive(Default)]
pub(super) struct CallParams {
    pub metadata: Metadata,
    pub tags: Vec<(String, String)>,
    pub timeout: Option<Duration>,
    pub discards_message: bool,
}

impl CallParams {
    pub(super) fn read(cx: Ctx, value: Raw) -> Result<Self, Refused> {
        let mut params = Self::default();
        if !value.is_object() {
            return Ok(params);
        }
        let keys = value.keys(cx)?;
        for i in 0..keys.len() {
            let item = keys.value(i)?;
            let name = keys.name(i)?;
            match name.as_str() {
                "metadata" => {
                    let metadata = metadata(cx, item.raw())?;
                    params.metadata =
                        metadata.map_err(|why| format!("invalid metadata param: {why}"))?;
                }
                "tags" => params.tags = tags(cx, item.raw())?,
                "timeout" => {
                    // Zero is no time-out of its own.
                    let timeout = read_timeout(cx, item.raw())?;
                    params.timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
                }
                "discardResponseMessage" => params.discards_message = item.to_bool(cx),
                other => {
                    return Err(format!("unknown param: {}", super::quoted(other)).into());
                }
            }
        }
        Ok(params)
    }
}

fn tags(cx: Ctx, value: Raw) -> Result<Vec<(String, String)>, Refused> {
    custom_tags_or(cx, value).map_err(|error| match error {
        TagError::Invalid(why) => Refused::Because(format!("metric tags: {why}")),
        TagError::Thrown(thrown) => Refused::Thrown(thrown),
    })
}

/// Metadata; the inner error is k6's text.
fn metadata(cx: Ctx, value: Raw) -> JsResult<Result<Metadata, String>> {
    let mut out = Metadata::new();
    if value.is_nullish() {
        return Ok(Ok(out));
    }
    if !matches!(export(cx, value)?, Exported::Map(_)) {
        return Ok(Err("must be an object with key-value pairs".to_owned()));
    }
    let keys = value.keys(cx)?;
    for i in 0..keys.len() {
        let name = keys.name(i)?;
        let item = keys.value(i)?;
        let quoted = super::quoted(&name);
        if !name.ends_with("-bin") {
            if !item.is_string() {
                return Ok(Err(format!("{quoted} value must be a string")));
            }
            out.push(&name, item.to_text(cx)?.as_bytes());
            continue;
        }
        // k6 takes views of bytes, and no `ArrayBuffer`.
        match export(cx, item.raw())? {
            Exported::Bytes(bytes) if !item.is_array_buffer() => out.push(&name, bytes),
            _ => return Ok(Err(format!("{quoted} value must be binary"))),
        }
    }
    Ok(Ok(out))
}

/// Of `connect`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ConnectParams {
    pub is_plaintext: bool,
    pub reflects: bool,
    pub timeout: Duration,
    /// 0: the default.
    pub max_receive_size: i64,
    /// 0: the default.
    pub max_send_size: i64,
    pub tls: Option<Tls>,
    pub authority: String,
    /// Ours: VUs of a core that connect alike use one connection.
    pub is_shared: bool,
}

impl ConnectParams {
    /// The parameters, and the metadata for reflection.
    pub(super) fn read(cx: Ctx, value: Raw) -> Result<(Self, Metadata), Refused> {
        let mut params = Self {
            is_plaintext: false,
            reflects: false,
            timeout: CONNECT_TIMEOUT,
            max_receive_size: 0,
            max_send_size: 0,
            tls: None,
            authority: String::new(),
            is_shared: false,
        };
        let mut reflect_metadata = Metadata::new();
        if !value.is_object() {
            return Ok((params, reflect_metadata));
        }
        let keys = value.keys(cx)?;
        for i in 0..keys.len() {
            let item = keys.value(i)?;
            let name = keys.name(i)?;
            match name.as_str() {
                "timeout" => params.timeout = read_timeout(cx, item.raw())?,
                "reflectMetadata" => {
                    let metadata = metadata(cx, item.raw())?;
                    reflect_metadata =
                        metadata.map_err(|why| format!("invalid reflectMetadata param: {why}"))?;
                }
                name => params.set(name, &export(cx, item.raw())?)?,
            }
        }
        Ok((params, reflect_metadata))
    }

    fn set(&mut self, name: &str, value: &Exported) -> Result<(), String> {
        match name {
            "plaintext" => self.is_plaintext = boolean(name, value)?,
            "reflect" => self.reflects = boolean(name, value)?,
            "shared" => self.is_shared = boolean(name, value)?,
            "maxReceiveSize" => self.max_receive_size = size(name, value)?,
            "maxSendSize" => self.max_send_size = size(name, value)?,
            "tls" => self.tls = Some(Tls::of(value)?),
            "authority" => match value {
                Exported::Text(text) => self.authority.clone_from(text),
                other => {
                    let shown = go_syntax(other);
                    return Err(format!(
                        "invalid authority value: '{shown}', it needs to be a string"
                    ));
                }
            },
            other => return Err(format!("unknown connect param: {}", super::quoted(other))),
        }
        Ok(())
    }
}

fn boolean(name: &str, value: &Exported) -> Result<bool, String> {
    match value {
        Exported::Bool(value) => Ok(*value),
        other => {
            let shown = go_syntax(other);
            Err(format!("invalid {name} value: '{shown}', it needs to be boolean"))
        }
    }
}

fn size(name: &str, value: &Exported) -> Result<i64, String> {
    match value {
        Exported::Int(n) if *n >= 0 => Ok(*n),
        // The missing quote is k6's.
        Exported::Int(n) => {
            Err(format!("invalid {name} value: '{n}, it needs to be a positive integer"))
        }
        other => {
            let shown = go_syntax(other);
            Err(format!("invalid {name} value: '{shown}', it needs to be an integer"))
        }
    }
}
