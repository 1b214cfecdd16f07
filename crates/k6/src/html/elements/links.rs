//! Addresses: attributes resolved against the page's, and the parts of a link's.

use std::borrow::Cow;

use net::url::Url;
use percent_encoding::percent_decode_str;

use super::ElementObject;
use crate::html::strings;
use crate::js::{Ctx, JsResult, Val};

/// An attribute as an absolute address; `default` where it is missing or no address.
pub(super) fn resolved(this: &ElementObject, name: &str, default: &str) -> String {
    if this.url.is_empty() {
        return this.attribute(name).to_owned();
    }
    match parsed(this, name) {
        // Go writes no `#` before an empty fragment.
        Some(url) => url.as_str().strip_suffix('#').unwrap_or(url.as_str()).to_owned(),
        None => default.to_owned(),
    }
}

fn parsed(this: &ElementObject, name: &str) -> Option<Url> {
    join(&this.url, this.selection.attribute(name)?)
}

/// A reference as seen from `base`, which may be empty.
pub(super) fn join(base: &str, reference: &str) -> Option<Url> {
    if base.is_empty() && reference.starts_with("//") {
        return Url::parse(reference).ok();
    }
    let base = Url::parse(base).ok()?;
    // Nothing leads to the very same place, fragment included.
    if reference.is_empty() { Some(base) } else { base.join(reference).ok() }
}

fn part(cx: Ctx, this: &ElementObject, f: impl Fn(&Url) -> String) -> JsResult<Val> {
    cx.string(&parsed(this, "href").map(|url| f(&url)).unwrap_or_default())
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

pub(super) fn hash(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    part(cx, this, |url| match url.fragment() {
        Some(fragment) if !fragment.is_empty() => format!("#{}", decoded(fragment)),
        _ => String::new(),
    })
}

/// The host with its port, unless that is the scheme's own.
pub(super) fn host(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    part(cx, this, |url| {
        let default = match url.scheme_str() {
            "http" => 80,
            "https" => 443,
            "ftp" => 21,
            _ => 0,
        };
        match url.explicit_port() {
            Some(port) if port == default => url.host().to_owned(),
            _ => url.authority().to_owned(),
        }
    })
}

pub(super) fn hostname(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    part(cx, this, |url| match url.explicit_port() {
        Some(_) => url.host().to_owned(),
        None => url.authority().to_owned(),
    })
}

pub(super) fn port(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    part(cx, this, |url| url.explicit_port().map(|port| port.to_string()).unwrap_or_default())
}

pub(super) fn username(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    part(cx, this, |url| url.user_info().map(|(user, _)| user).unwrap_or_default())
}

pub(super) fn password(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    part(cx, this, |url| url.user_info().and_then(|(_, password)| password).unwrap_or_default())
}

pub(super) fn origin(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let href = resolved(this, "href", "");
    part(cx, this, |url| match url.scheme_str() {
        "" => String::new(),
        "file" => href.clone(),
        scheme => format!("{scheme}://{}", url.authority()),
    })
}

pub(super) fn pathname(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    part(cx, this, |url| {
        let is_opaque = !url.scheme_str().is_empty()
            && url.authority().is_empty()
            && !url.path().starts_with('/');
        if is_opaque { String::new() } else { decoded(url.path()).into_owned() }
    })
}

/// Without its colon, but a colon where there is none.
pub(super) fn protocol(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    match parsed(this, "href") {
        Some(url) if !url.scheme_str().is_empty() => cx.string(url.scheme_str()),
        _ => cx.string(":"),
    }
}

pub(super) fn search(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    part(cx, this, |url| match url.query() {
        Some(query) if !query.is_empty() => format!("?{query}"),
        _ => String::new(),
    })
}

pub(super) fn rel_list(cx: Ctx, this: &ElementObject) -> JsResult<Val> {
    let rel = this.attribute("rel");
    strings(cx, rel.split(' ').filter(|_| !rel.is_empty()))
}
