//! `console`, with k6's way of printing values.

use std::fmt::Write as _;

use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::log::Level;
use crate::native;

static FUNCTIONS: List<5> = List([
    func(c"log", 0, native!(info)),
    func(c"info", 0, native!(info)),
    func(c"debug", 0, native!(debug)),
    func(c"warn", 0, native!(warn)),
    func(c"error", 0, native!(error)),
]);

/// Longest line printed, bytes; the rest is cut with a mark.
const MAX_LINE: usize = 1 << 20;
/// Deepest nesting printed.
const MAX_DEPTH: usize = 100;

pub(crate) fn object(cx: Ctx) -> JsResult<Val> {
    let console = cx.object()?;
    cx.define_list(console.raw(), &FUNCTIONS)?;
    Ok(console)
}

fn info(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    print(cx, args, Level::Info)
}

fn debug(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    print(cx, args, Level::Debug)
}

fn warn(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    print(cx, args, Level::Warning)
}

fn error(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    print(cx, args, Level::Error)
}

fn print(cx: Ctx, args: Args<'_>, level: Level) -> JsResult<Val> {
    let host = cx.host();
    if host.world.log.is_enabled(level) {
        let mut line = String::new();
        for (i, arg) in args.as_slice().iter().enumerate() {
            if i > 0 {
                line.push(' ');
            }
            Printer { cx, out: &mut line, path: Vec::new() }.top(*arg)?;
        }
        if line.len() > MAX_LINE {
            let end = (0..=MAX_LINE).rev().find(|i| line.is_char_boundary(*i)).unwrap_or(0);
            line.truncate(end);
            line.push('…');
        }
        host.log(level, line, vec![("source", "console".to_owned())]);
    }
    Ok(Val::undefined(cx))
}

struct Printer<'a> {
    cx: Ctx,
    out: &'a mut String,
    /// Objects being printed, to find cycles.
    path: Vec<usize>,
}

impl Printer<'_> {
    fn top(&mut self, value: Raw) -> JsResult<()> {
        if value.is_undefined() {
            self.out.push_str("undefined");
            return Ok(());
        }
        if value.is_string() {
            self.out.push_str(&value.to_text(self.cx)?);
            return Ok(());
        }
        if value.is_symbol() {
            return self.symbol(value);
        }
        self.value(value)
    }

    fn symbol(&mut self, value: Raw) -> JsResult<()> {
        let description = value.get_str(self.cx, c"description")?;
        self.out.push_str(&description.to_text(self.cx)?);
        Ok(())
    }

    fn value(&mut self, value: Raw) -> JsResult<()> {
        let cx = self.cx;
        if self.out.len() > MAX_LINE {
            return Ok(());
        }
        if value.is_nullish() {
            self.out.push_str("null");
        } else if value.is_string() {
            self.quoted(&value.to_text(cx)?);
        } else if value.is_symbol() {
            self.out.push('"');
            self.symbol(value)?;
            self.out.push('"');
        } else if !value.is_object() {
            self.out.push_str(&value.to_text(cx)?);
        } else if value.is_function(cx) {
            self.out.push_str("[object Function]");
        } else if value.is_error() {
            self.out.push_str(&value.to_text(cx)?);
        } else if value.is_date() {
            self.date(value)?;
        } else if self.bytes(value)? {
        } else if self.path.contains(&value.address()) || self.path.len() >= MAX_DEPTH {
            self.out.push_str("[Circular]");
        } else {
            self.path.push(value.address());
            let result = if is_array(cx, value)? { self.array(value) } else { self.plain(value) };
            self.path.pop();
            return result;
        }
        Ok(())
    }

    fn quoted(&mut self, text: &str) {
        // k6 does not escape what it quotes here.
        self.out.push('"');
        self.out.push_str(text);
        self.out.push('"');
    }

    fn date(&mut self, value: Raw) -> JsResult<()> {
        let cx = self.cx;
        let method = value.get_str(cx, c"toJSON")?;
        let text = cx.call(method.raw(), value, &[])?;
        if text.is_null() {
            self.out.push_str("null");
        } else {
            self.quoted(&text.to_text(cx)?);
        }
        Ok(())
    }

    /// Prints array buffers and typed arrays; false for anything else.
    fn bytes(&mut self, value: Raw) -> JsResult<bool> {
        let cx = self.cx;
        if value.is_array_buffer() {
            let mut hex = String::new();
            let n = value.with_bytes(cx, |bytes| {
                for (i, byte) in bytes.iter().enumerate() {
                    let _ = write!(hex, "{}{byte:02x}", if i > 0 { " " } else { "" });
                }
                bytes.len()
            });
            let n = n.unwrap_or(0);
            let _ = write!(self.out, "ArrayBuffer {{ [Uint8Contents]: <{hex}>, byteLength: {n} }}");
            return Ok(true);
        }
        let Some(name) = value.typed_array_name() else { return Ok(false) };
        let n = value.length(cx)?;
        let _ = write!(self.out, "{name}({n}) [");
        for i in 0..n {
            if self.out.len() > MAX_LINE {
                break;
            }
            self.out.push_str(if i > 0 { ", " } else { " " });
            let item = value.get_idx(cx, i)?;
            self.out.push_str(&item.to_text(cx)?);
        }
        self.out.push_str(if n > 0 { " ]" } else { "]" });
        Ok(true)
    }

    fn array(&mut self, value: Raw) -> JsResult<()> {
        let n = value.length(self.cx)?;
        if n == 0 {
            self.out.push_str("[]");
            return Ok(());
        }
        for i in 0..n {
            if self.out.len() > MAX_LINE {
                break;
            }
            self.out.push_str(if i > 0 { ", " } else { "[ " });
            let item = value.get_idx(self.cx, i)?;
            self.value(item.raw())?;
        }
        self.out.push_str(" ]");
        Ok(())
    }

    fn plain(&mut self, value: Raw) -> JsResult<()> {
        let keys = value.keys(self.cx)?;
        if keys.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        for i in 0..keys.len() {
            if self.out.len() > MAX_LINE {
                break;
            }
            self.out.push_str(if i > 0 { ", " } else { "{ " });
            self.out.push_str(&keys.name(i)?);
            self.out.push_str(": ");
            let item = keys.value(i)?;
            self.value(item.raw())?;
        }
        self.out.push_str(" }");
        Ok(())
    }
}

/// `Array.isArray`, which knows shared arrays too.
fn is_array(cx: Ctx, value: Raw) -> JsResult<bool> {
    if value.is_array() {
        return Ok(true);
    }
    let array = cx.globals().get_str(cx, c"Array")?;
    let function = array.get_str(cx, c"isArray")?;
    Ok(cx.call(function.raw(), array.raw(), &[value])?.to_bool(cx))
}
