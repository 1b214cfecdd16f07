//! `URL` and `URLSearchParams`: parsing by the `url` crate, objects in `url.js`.

use url::{Url, form_urlencoded, quirks};

use crate::embedded::Embedded;
use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::native;

static PROGRAM: Embedded = Embedded::new(c"url", include_str!("url.js"));

static NATIVE: List<4> = List([
    func(c"parse", 2, native!(parse)),
    func(c"set", 3, native!(set)),
    func(c"parseForm", 1, native!(parse_form)),
    func(c"serializeForm", 1, native!(serialize_form)),
]);

/// Longest text that is taken for a URL, bytes.
const MAX_URL_BYTES: usize = 16 << 20;

pub(super) fn url(cx: Ctx) -> JsResult<Val> {
    both(cx)?.get_str(cx, c"URL")
}

pub(super) fn search_params(cx: Ctx) -> JsResult<Val> {
    both(cx)?.get_str(cx, c"URLSearchParams")
}

fn both(cx: Ctx) -> JsResult<Val> {
    if let Some(urls) = &cx.host().kept.borrow().web.urls {
        return Ok(urls.clone());
    }
    let native = cx.object()?;
    cx.define_list(native.raw(), &NATIVE)?;
    let program = PROGRAM.evaluate(cx)?;
    let urls = cx.call(program.raw(), Raw::UNDEFINED, &[native.raw()])?;
    cx.host().kept.borrow_mut().web.urls = Some(urls.clone());
    Ok(urls)
}

/// The parts of a URL in the order that `url.js` knows; `null` for none.
fn parts(cx: Ctx, url: Option<Url>) -> JsResult<Val> {
    let Some(url) = url else { return Ok(Val::null(cx)) };
    let array = cx.array()?;
    let origin = quirks::origin(&url);
    let parts = [
        quirks::href(&url),
        &origin,
        quirks::protocol(&url),
        quirks::username(&url),
        quirks::password(&url),
        quirks::host(&url),
        quirks::hostname(&url),
        quirks::port(&url),
        quirks::pathname(&url),
        quirks::search(&url),
        quirks::hash(&url),
    ];
    for (i, part) in parts.iter().enumerate() {
        array.set_idx(cx, i as u32, cx.string(part)?)?;
    }
    Ok(array)
}

fn parse(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let input = args.get(0).to_text(cx)?;
    if input.len() > MAX_URL_BYTES {
        return Ok(Val::null(cx));
    }
    if args.get(1).is_undefined() {
        return parts(cx, Url::parse(&input).ok());
    }
    let base = Url::parse(&args.get(1).to_text(cx)?).ok();
    parts(cx, base.and_then(|base| base.join(&input).ok()))
}

/// `set(href, part, value)`: the new parts, `null` where `href` can't be that. Setters of parts ignore what they can't
/// be.
fn set(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let Ok(mut url) = Url::parse(&args.get(0).to_text(cx)?) else { return Ok(Val::null(cx)) };
    let value = args.get(2).to_text(cx)?;
    if value.len() > MAX_URL_BYTES {
        return Ok(Val::null(cx));
    }
    match args.get(1).as_f64().map_or(0, |part| part as u8) {
        0 => return parts(cx, Url::parse(&value).ok()),
        2 => drop(quirks::set_protocol(&mut url, &value)),
        3 => drop(quirks::set_username(&mut url, &value)),
        4 => drop(quirks::set_password(&mut url, &value)),
        5 => drop(quirks::set_host(&mut url, &value)),
        6 => drop(quirks::set_hostname(&mut url, &value)),
        7 => drop(quirks::set_port(&mut url, &value)),
        8 => quirks::set_pathname(&mut url, &value),
        9 => quirks::set_search(&mut url, &value),
        _ => quirks::set_hash(&mut url, &value),
    }
    parts(cx, Some(url))
}

fn parse_form(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let list = cx.array()?;
    let query = args.get(0).to_text(cx)?;
    for (i, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        let pair = cx.array()?;
        pair.set_idx(cx, 0, cx.string(&name)?)?;
        pair.set_idx(cx, 1, cx.string(&value)?)?;
        list.set_idx(cx, i as u32, pair)?;
    }
    Ok(list)
}

fn serialize_form(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let list = args.get(0);
    let mut form = form_urlencoded::Serializer::new(String::new());
    for i in 0..list.length(cx)? {
        let pair = list.get_idx(cx, i)?;
        let (name, value) = (pair.get_idx(cx, 0)?, pair.get_idx(cx, 1)?);
        form.append_pair(&name.to_text(cx)?, &value.to_text(cx)?);
    }
    cx.string(&form.finish())
}
