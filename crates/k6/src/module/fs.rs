//! `k6/experimental/fs`: files read once for all VUs, each VU with a place of its own in them.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Thrown, Val, func};
use crate::module::files::{self, Opened};
use crate::native;
use crate::resolve::clean;

static FUNCTIONS: List<1> = List([func(c"open", 1, native!(open_file))]);

static METHODS: List<3> = List([
    func(c"stat", 0, native!(stat)),
    func(c"read", 1, native!(read)),
    func(c"seek", 2, native!(seek)),
]);

/// What `open()` gives.
pub(crate) struct File {
    /// Absolute.
    pub path: PathBuf,
    /// The one copy that all VUs read.
    pub content: Arc<[u8]>,
    /// Where this VU reads next, bytes.
    pub offset: Cell<usize>,
}

impl Class for File {
    const ID: u32 = FIRST_CLASS_ID + 66;
    const NAME: &'static std::ffi::CStr = c"File";
}

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    cx.register_class::<File, 3>(&METHODS)?;
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    let modes = cx.object()?;
    for (i, name) in [c"Start", c"Current", c"End"].into_iter().enumerate() {
        modes.set_str(cx, name, cx.number(i as f64))?;
    }
    exports.set_str(cx, c"SeekMode", modes)?;
    Ok(exports)
}

/// An error called so, as what a promise is rejected with.
fn error(cx: Ctx, name: &str, text: &str) -> Thrown {
    match name {
        "TypeError" => cx.throw_type(text),
        _ => cx.throw_error(name, text),
    }
}

/// A promise that is settled already.
pub(crate) fn settled(cx: Ctx, result: JsResult<Val>) -> JsResult<Val> {
    let (promise, resolve, reject) = cx.promise()?;
    let (settle, value) = match result {
        Ok(value) => (resolve, value),
        Err(Thrown) => (reject, cx.take_exception()),
    };
    cx.call(settle.raw(), Raw::UNDEFINED, &[value.raw()])?;
    Ok(promise)
}

fn open_file(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    let refuse = |name, text: &str| settled(cx, Err(error(cx, name, text)));
    if !host.is_init() {
        let text = "open() failed; reason: opening a file is allowed only in the Init context";
        return refuse("ForbiddenError", text);
    }
    if args.get(0).is_nullish() {
        return refuse("TypeError", "open() failed; reason: path cannot be null or undefined");
    }
    let name = args.get(0).to_text(cx)?.to_string();
    if name.is_empty() {
        return refuse("TypeError", "open() failed; reason: path cannot be empty");
    }
    let plain = name.strip_prefix("file://").unwrap_or(&name);
    let path = clean(&host.world.script_dir.join(plain));
    let world = host.world.clone();
    let opened = {
        let path = path.clone();
        rt::blocking(move || files::opened(&world, &path))
    };
    host.promise_of(cx, opened, move |cx, opened| match opened {
        Some(Opened::Content(content)) => {
            let shown = cx.string(&path.display().to_string())?;
            let file = cx.wrap(File { path, content, offset: Cell::new(0) })?;
            file.set_str(cx, c"path", shown)?;
            Ok(file)
        }
        Some(Opened::Failed(kind, why)) => Err(failed(cx, &path, kind, &why)),
        None => Err(cx.throw_go(&files::not_opened_before(&path))),
    })
}

fn failed(cx: Ctx, path: &Path, kind: std::io::ErrorKind, why: &str) -> Thrown {
    let path = path.display();
    match kind {
        std::io::ErrorKind::NotFound => {
            error(cx, "NotFoundError", &format!("no such file or directory \"{path}\""))
        }
        std::io::ErrorKind::IsADirectory => {
            let text = format!("cannot open \"{path}\": opening a directory is not supported");
            error(cx, "InvalidResourceError", &text)
        }
        _ => cx.throw_error("", why),
    }
}

fn stat(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let file = cx.inner_of::<File>(this)?;
    let info = cx.object()?;
    let name = file.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    info.set_str(cx, c"name", cx.string(&name)?)?;
    info.set_str(cx, c"size", cx.number(file.content.len() as f64))?;
    settled(cx, Ok(info))
}

fn read(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let file = cx.inner_of::<File>(this)?;
    let into = args.get(0);
    if into.is_nullish() {
        let text = "read() failed; reason: into argument cannot be null or undefined";
        return settled(cx, Err(error(cx, "TypeError", text)));
    }
    if into.typed_array_class() != Some("Uint8Array") {
        let text = "read() failed; reason: into argument must be a Uint8Array";
        return settled(cx, Err(error(cx, "TypeError", text)));
    }
    let rest = file.content.get(file.offset.get()..).unwrap_or_default();
    if rest.is_empty() {
        return settled(cx, Ok(Val::null(cx)));
    }
    let read = into.with_bytes_mut(cx, |bytes| {
        let n = bytes.len().min(rest.len());
        bytes[..n].copy_from_slice(&rest[..n]);
        n
    });
    let read = read.unwrap_or(0);
    file.offset.set(file.offset.get() + read);
    settled(cx, Ok(cx.number(read as f64)))
}

/// A whole number; k6's text for anything else.
fn whole(value: Raw) -> Result<i64, &'static str> {
    if value.is_nullish() {
        return Err("cannot be null or undefined");
    }
    match value.as_f64() {
        Some(n) if n.fract() == 0.0 => Ok(n as i64),
        _ => Err("must be a number"),
    }
}

fn seek(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let file = cx.inner_of::<File>(this)?;
    let place = |what, value| {
        whole(value).map_err(|why| format!("seek() failed; reason: the {what} argument {why}"))
    };
    let target = place("offset", args.get(0)).and_then(|offset| {
        let whence = place("whence", args.get(1))?;
        target(file, offset, whence)
    });
    settled(
        cx,
        match target {
            Ok(offset) => {
                file.offset.set(offset);
                Ok(cx.number(offset as f64))
            }
            Err(text) => Err(error(cx, "TypeError", &text)),
        },
    )
}

/// Where a seek leads to.
fn target(file: &File, offset: i64, whence: i64) -> Result<usize, String> {
    let size = file.content.len() as i64;
    let start = match whence {
        0 if offset < 0 => {
            return Err("offset cannot be negative when using SeekModeStart".to_owned());
        }
        0 => 0,
        1 => file.offset.get() as i64,
        2 if offset > 0 => {
            return Err("offset cannot be positive when using SeekModeEnd".to_owned());
        }
        // k6 counts from the last byte, not from behind it.
        2 => size - 1,
        _ => {
            let text = "seek() failed; reason: the whence argument must be a SeekMode";
            return Err(text.to_owned());
        }
    };
    match start.saturating_add(offset) {
        n if n < 0 => Err("seeking before start of file".to_owned()),
        n if n > size => Err("seeking beyond end of file".to_owned()),
        n => Ok(n as usize),
    }
}
