//! The `params` of a call: read in the script's order, wrong values refused with k6's texts.

use std::rc::Rc;
use std::time::Duration;

use net::encoding::Encoding;

use super::arguments;
use super::authentication::Auth;
use super::exchange::{CallCookie, ResponseType, SharedJar};
use super::expected::Expected;
use super::exported::Exported;
use super::helpers::{ExpectedObject, JarObject};
use super::identity::Identity;
use crate::js::{Atom, Ctx, Raw, Thrown};

/// A call's time limit unless it brings its own.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// Time limits are cut to this.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);
/// Headers, cookies or tags of one call.
const MAX_ENTRIES: usize = 1_000;

/// What a script said; `None` where it said nothing.
#[derive(Default)]
pub(super) struct Params {
    /// Names as written, values as strings.
    pub headers: Vec<(String, String)>,
    pub cookies: Vec<CallCookie>,
    pub jar: Option<SharedJar>,
    pub tags: Vec<(String, String)>,
    pub timeout: Option<Duration>,
    pub redirects: Option<u32>,
    pub compression: Vec<Encoding>,
    pub response_type: Option<ResponseType>,
    /// `Some(None)`: no callback.
    pub expected: Option<Option<Rc<Expected>>>,
    pub throws: Option<bool>,
    pub auth: Auth,
    /// Ours.
    pub identity: Option<Identity>,
}

/// Why parameters can't be used.
pub(crate) enum Refused {
    /// An exception of the script (a throwing getter) is pending.
    Thrown(Thrown),
    /// k6's text; the request is not sent and its response carries the text.
    Because(String),
}

impl From<Thrown> for Refused {
    fn from(thrown: Thrown) -> Self {
        Self::Thrown(thrown)
    }
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

impl Params {
    /// Reads the argument; anything but an object says nothing.
    pub(super) fn read(cx: Ctx, value: Raw) -> Result<Self, Refused> {
        let mut params = Self::default();
        if !value.is_object() {
            return Ok(params);
        }
        let keys = value.keys(cx)?;
        for at in 0..keys.len() {
            let item = keys.value(at)?;
            params.set(cx, keys.atom(at), item.raw())?;
        }
        Ok(params)
    }

    fn set(&mut self, cx: Ctx, key: Atom, value: Raw) -> Result<(), Refused> {
        let atoms = cx.host().atoms();
        if key == atoms.headers {
            self.headers = strings(cx, value)?;
        } else if key == atoms.cookies {
            self.cookies = cookies(cx, value)?;
        } else if key == atoms.tags {
            self.tags = tags(cx, value)?;
        } else if key == atoms.jar {
            self.jar = cx.inner::<JarObject>(value).map(|jar| jar.0.clone());
        } else if key == atoms.timeout {
            self.timeout = Some(timeout(cx, value)?);
        } else if key == atoms.redirects {
            let max = value.to_f64(cx)?;
            self.redirects =
                Some(if max.is_nan() { 0 } else { max.clamp(0.0, f64::from(u32::MAX)) as u32 });
        } else if key == atoms.auth {
            self.auth = Auth::parse(&value.to_text(cx)?);
        } else if key == atoms.compression {
            self.compression = compression(&value.to_text(cx)?)?;
        } else if key == atoms.response_type {
            self.response_type = Some(response_type(&value.to_text(cx)?)?);
        } else if key == atoms.response_callback {
            self.expected = expected(cx, value)?;
        } else if key == atoms.throw {
            self.throws = Some(value.to_bool(cx));
        } else if !value.is_undefined() {
            match &*key.to_text(cx)? {
                "proxy" => self.identity.get_or_insert_default().set_proxy(cx, value)?,
                "tls" => self.identity.get_or_insert_default().set_tls(cx, value)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The own properties of an object (or the characters of a string) as strings.
fn strings(cx: Ctx, value: Raw) -> Result<Vec<(String, String)>, Refused> {
    if value.is_string() {
        let text = value.to_text(cx)?;
        return Ok(text
            .chars()
            .take(MAX_ENTRIES)
            .enumerate()
            .map(|(at, c)| (at.to_string(), c.to_string()))
            .collect());
    }
    if !value.is_object() {
        return Ok(Vec::new());
    }
    let keys = value.keys(cx)?;
    if keys.len() > MAX_ENTRIES {
        return Err(Refused::Because(format!(
            "{} headers, cookies or tags are more than {MAX_ENTRIES}",
            keys.len()
        )));
    }
    let mut out = Vec::with_capacity(keys.len());
    for at in 0..keys.len() {
        let item = keys.value(at)?;
        out.push((keys.name(at)?.to_string(), item.to_text(cx)?.to_string()));
    }
    Ok(out)
}

fn cookies(cx: Ctx, value: Raw) -> Result<Vec<CallCookie>, Refused> {
    if !value.is_object() {
        let plain = strings(cx, value)?.into_iter();
        return Ok(plain.map(|(name, value)| CallCookie { name, value, replace: false }).collect());
    }
    let atoms = cx.host().atoms();
    let keys = value.keys(cx)?;
    let mut out = Vec::new();
    for at in 0..keys.len().min(MAX_ENTRIES) {
        let item = keys.value(at)?;
        if item.is_nullish() {
            continue;
        }
        let name = keys.name(at)?.to_string();
        if !item.is_object() {
            out.push(CallCookie { name, value: item.to_text(cx)?.to_string(), replace: false });
            continue;
        }
        let inner = item.get(cx, atoms.value)?;
        let value =
            if inner.is_undefined() { String::new() } else { inner.to_text(cx)?.to_string() };
        out.push(CallCookie { name, value, replace: item.get(cx, atoms.replace)?.to_bool(cx) });
    }
    Ok(out)
}

fn tags(cx: Ctx, value: Raw) -> Result<Vec<(String, String)>, Refused> {
    if value.is_string() {
        return strings(cx, value);
    }
    if !value.is_object() {
        return Ok(Vec::new());
    }
    let keys = value.keys(cx)?;
    let mut out = Vec::with_capacity(keys.len().min(MAX_ENTRIES));
    for at in 0..keys.len().min(MAX_ENTRIES) {
        let item = keys.value(at)?;
        let name = keys.name(at)?;
        if !(item.is_string() || item.is_number() || item.is_bool()) {
            return Err(Refused::Because(format!(
                "invalid HTTP request metric tags: invalid value for metric tag '{name}': only String, Boolean and Number types are \
                 accepted as a metric tag values"
            )));
        }
        out.push((name.to_string(), item.to_text(cx)?.to_string()));
    }
    Ok(out)
}

pub(crate) fn timeout(cx: Ctx, value: Raw) -> Result<Duration, Refused> {
    let span = match arguments::export(cx, value)? {
        Exported::Int(ms) => Ok(plan::duration::from_millis_f64(ms as f64)),
        Exported::Float(ms) => Ok(plan::duration::from_millis_f64(ms)),
        Exported::Text(text) => plan::duration::parse_k6(&text).map_err(|e| e.to_string()),
        other => Err(format!("unable to use type {} as a duration value", other.go_type())),
    };
    let span = span.map_err(|why| format!("invalid timeout value: {why}"))?;
    Ok(span.as_duration().min(MAX_TIMEOUT))
}

fn compression(text: &str) -> Result<Vec<Encoding>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let names = text.split(',').map(|name| name.trim().to_lowercase());
    names
        .map(|name| {
            Encoding::parse(&name).ok_or_else(|| {
                format!("unknown compression algorithm {name}, supported algorithms are [gzip deflate zstd br]")
            })
        })
        .collect()
}

fn response_type(text: &str) -> Result<ResponseType, String> {
    match text {
        "text" => Ok(ResponseType::Text),
        "binary" => Ok(ResponseType::Binary),
        "none" => Ok(ResponseType::None),
        other => Err(format!("{other} does not belong to ResponseType values")),
    }
}

fn expected(cx: Ctx, value: Raw) -> Result<Option<Option<Rc<Expected>>>, Refused> {
    if value.is_undefined() {
        // k6 does not tell it from null.
        return Ok(Some(None));
    }
    callback(cx, value)
        .map(Some)
        .ok_or_else(|| Refused::Because("unsupported responseCallback".to_owned()))
}

/// `null` or what `expectedStatuses()` returned.
pub(super) fn callback(cx: Ctx, value: Raw) -> Option<Option<Rc<Expected>>> {
    if value.is_nullish() {
        return Some(None);
    }
    cx.inner::<ExpectedObject>(value).map(|object| Some(object.0.clone()))
}
