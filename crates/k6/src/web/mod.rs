//! Globals of the web platform. Each is made when a script first reads it, and only scripts that mention one have it at
//! all: a VU that uses none pays nothing.

mod crypto;
mod objects;
mod url;

use crate::js::{Ctx, JsResult, Lazy, Raw, Val};
use crate::module::text_coding;

/// A global and how it is made.
struct Global {
    name: &'static str,
    make: fn(Ctx) -> JsResult<Val>,
}

static GLOBALS: [Global; 10] = [
    Global { name: "TextEncoder", make: text_coding::encoder },
    Global { name: "TextDecoder", make: text_coding::decoder },
    Global { name: "URL", make: url::url },
    Global { name: "URLSearchParams", make: url::search_params },
    Global { name: "DOMException", make: objects::dom_exception },
    Global { name: "structuredClone", make: objects::structured_clone },
    Global { name: "btoa", make: objects::btoa },
    Global { name: "atob", make: objects::atob },
    Global { name: "performance", make: objects::performance },
    Global { name: "crypto", make: crypto::crypto },
];

/// A set of these globals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mentioned(u32);

impl Mentioned {
    /// Those whose names stand in the text of a script; with computed access to globals, all.
    pub(crate) fn in_source(source: &str, is_all: bool) -> Mentioned {
        let bits = GLOBALS.iter().enumerate().filter(|(_, g)| is_all || source.contains(g.name));
        Mentioned(bits.fold(0, |all, (i, _)| all | 1 << i))
    }

    /// Those of either.
    #[must_use]
    pub(crate) fn or(self, other: Mentioned) -> Mentioned {
        Mentioned(self.0 | other.0)
    }
}

/// What a realm has of them.
#[derive(Default)]
pub(crate) struct Made {
    defined: Mentioned,
    /// By place in the table.
    values: Vec<Option<Val>>,
    /// `URL` and its companion, which are made together.
    pub(super) urls: Option<Val>,
    /// `crypto.subtle` and its companion.
    pub(super) subtle: Option<Val>,
}

/// Defines those globals that the realm has not got yet.
pub(crate) fn define(cx: Ctx, mentioned: Mentioned) -> JsResult<()> {
    let defined = {
        let web = &mut cx.host().kept.borrow_mut().web;
        let all = web.defined.or(mentioned);
        std::mem::replace(&mut web.defined, all)
    };
    for (i, global) in GLOBALS.iter().enumerate() {
        if mentioned.0 & !defined.0 & (1 << i) != 0 {
            cx.define_lazy::<Globals>(cx.globals().raw(), global.name, i as i32)?;
        }
    }
    Ok(())
}

/// The value of a global of ours, whatever the script did to it.
pub(crate) fn value(cx: Ctx, name: &str) -> JsResult<Val> {
    let i = GLOBALS.iter().position(|global| global.name == name).unwrap_or_default();
    at(cx, i)
}

fn at(cx: Ctx, i: usize) -> JsResult<Val> {
    if let Some(Some(made)) = cx.host().kept.borrow().web.values.get(i) {
        return Ok(made.clone());
    }
    let made = (GLOBALS[i].make)(cx)?;
    let web = &mut cx.host().kept.borrow_mut().web;
    web.values.resize_with(GLOBALS.len(), || None);
    web.values[i] = Some(made.clone());
    Ok(made)
}

struct Globals;

impl Lazy for Globals {
    /// The first read makes it and puts it in the accessor's place.
    fn get(cx: Ctx, which: i32) -> JsResult<Val> {
        let i = (which as usize).min(GLOBALS.len() - 1);
        let made = at(cx, i)?;
        cx.globals().set_key(cx, GLOBALS[i].name, made.clone())?;
        Ok(made)
    }

    /// A script has its own.
    fn set(cx: Ctx, which: i32, value: Raw) -> JsResult<()> {
        let i = (which as usize).min(GLOBALS.len() - 1);
        cx.globals().set_key(cx, GLOBALS[i].name, value.dup(cx))
    }
}
