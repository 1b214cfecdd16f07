//! `http.cookieJar()` and `new http.CookieJar()`.

use std::cell::RefCell;
use std::rc::Rc;

use net::cookie::{SetCookie, parse_date};
use net::url::Url;

use super::current;
use super::exchange::{SharedJar, decoded_path, site, unix_seconds};
use super::helpers::JarObject;
use crate::js::{Args, Ctx, JsResult, List, Raw, Thrown, Val, func};
use crate::native;

static METHODS: List<4> = List([
    func(c"clear", 1, native!(clear)),
    func(c"cookiesForURL", 1, native!(cookies_for_url)),
    func(c"delete", 2, native!(delete)),
    func(c"set", 3, native!(set)),
]);

/// Registers the class; the result is its constructor.
pub(super) fn register(cx: Ctx) -> JsResult<Val> {
    let proto = cx.register_class::<JarObject, 4>(&METHODS)?;
    cx.constructor(c"CookieJar", 0, native!(construct), proto.raw())
}

fn construct(cx: Ctx, _this: Raw, _args: Args<'_>) -> JsResult<Val> {
    wrap(cx, Rc::new(RefCell::default()))
}

fn wrap(cx: Ctx, jar: SharedJar) -> JsResult<Val> {
    let object = cx.wrap(JarObject(jar))?;
    // k6's are own properties, and show in the console.
    for (name, entry) in [
        (c"clear", native!(clear) as crate::js::NativeEntry),
        (c"cookiesForURL", native!(cookies_for_url)),
        (c"delete", native!(delete)),
        (c"set", native!(set)),
    ] {
        object.set_str(cx, name, cx.function(name, 1, entry)?)?;
    }
    Ok(object)
}

/// `http.cookieJar()`: the jar of the running iteration.
pub(super) fn cookie_jar(cx: Ctx, _this: Raw, _args: Args<'_>) -> JsResult<Val> {
    if cx.host().is_init() {
        return Err(cx.throw_go("Making cookie jars in the init context is not supported"));
    }
    match current(cx) {
        Some(http) => wrap(cx, http.jar()),
        None => Ok(Val::null(cx)),
    }
}

fn url_of(cx: Ctx, value: Raw) -> JsResult<Url> {
    Url::parse(&value.to_text(cx)?).map_err(|error| cx.throw_go(&error.to_string()))
}

fn cookies_for_url(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let jar = &cx.inner_of::<JarObject>(this)?.0;
    let url = url_of(cx, args.get(0))?;
    let object = cx.object()?;
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    {
        let jar = jar.borrow();
        let path = decoded_path(&url);
        for (name, value, _) in jar.cookies(site(&url, &path), unix_seconds()) {
            match groups.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => values.push(value.to_owned()),
                None => groups.push((name.to_owned(), vec![value.to_owned()])),
            }
        }
    }
    for (name, values) in groups {
        let list = cx.array()?;
        for (at, value) in values.iter().enumerate() {
            list.set_idx(cx, at as u32, cx.string(value)?)?;
        }
        object.set_key(cx, &name, list)?;
    }
    Ok(object)
}

/// A string argument; missing ones are empty.
fn text(cx: Ctx, value: Raw) -> JsResult<String> {
    if value.is_undefined() { Ok(String::new()) } else { Ok(value.to_text(cx)?.to_string()) }
}

fn set(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let jar = &cx.inner_of::<JarObject>(this)?.0;
    let url = url_of(cx, args.get(0))?;
    let mut cookie = SetCookie {
        name: text(cx, args.get(1))?,
        value: text(cx, args.get(2))?,
        ..SetCookie::default()
    };
    if args.get(3).is_object() {
        attributes(cx, args.get(3), &mut cookie)?;
    }
    let path = decoded_path(&url);
    // As in k6, a cookie for a foreign domain is not kept and nobody is told.
    let _ = jar.borrow_mut().set(site(&url, &path), &cookie, unix_seconds());
    Ok(cx.boolean(true))
}

fn attributes(cx: Ctx, options: Raw, cookie: &mut SetCookie) -> Result<(), Thrown> {
    let keys = options.keys(cx)?;
    for at in 0..keys.len() {
        let value = keys.value(at)?;
        match keys.name(at)?.as_str() {
            "domain" => cookie.domain = text(cx, value.raw())?,
            "path" => cookie.path = text(cx, value.raw())?,
            "secure" => cookie.secure = value.to_bool(cx),
            "http_only" => cookie.http_only = value.to_bool(cx),
            "max_age" => {
                let age = value.to_f64(cx)?;
                cookie.max_age = if age < 0.0 { -1 } else { age as i64 };
            }
            "expires" => {
                let date = text(cx, value.raw())?;
                if date.is_empty() {
                    continue;
                }
                cookie.expires = Some(parse_date(&date).ok_or_else(|| {
                    let weekday = date.get(..3).unwrap_or(&date);
                    cx.throw_go(&format!(
                        "unable to parse \"expires\" date string \"{date}\": parsing time \"{date}\" as \"Mon, 02 Jan 2006 15:04:05 \
                         MST\": cannot parse \"{weekday}\" as \"Mon\""
                    ))
                })?);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes the cookies that would go to the URL: all of them, or those of one name.
fn expire(cx: Ctx, this: Raw, url: Raw, only: Option<&str>) -> JsResult<()> {
    let jar = &cx.inner_of::<JarObject>(this)?.0;
    let url = url_of(cx, url)?;
    let path = decoded_path(&url);
    jar.borrow_mut().remove(site(&url, &path), only, unix_seconds());
    Ok(())
}

fn clear(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    expire(cx, this, args.get(0), None)?;
    Ok(Val::null(cx))
}

fn delete(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let name = text(cx, args.get(1))?;
    expire(cx, this, args.get(0), Some(&name))?;
    Ok(Val::null(cx))
}
