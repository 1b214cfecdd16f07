//! `k6/crypto`: hashes, HMACs, random bytes.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use crypto::hash::{Hash, Hasher};

use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, func};
use crate::module::go_value::{integer, text, with_bytes};
use crate::{native, native_bound};

/// Random bytes that one call gives at most.
const MAX_RANDOM_BYTES: i64 = 256 << 20;

static FUNCTIONS: List<14> = List([
    func(c"createHash", 1, native!(create_hash)),
    func(c"createHMAC", 2, native!(create_hmac)),
    func(c"hmac", 4, native!(hmac)),
    func(c"md4", 2, native!(md4)),
    func(c"md5", 2, native!(md5)),
    func(c"randomBytes", 1, native!(random_bytes)),
    func(c"ripemd160", 2, native!(ripemd160)),
    func(c"sha1", 2, native!(sha1)),
    func(c"sha256", 2, native!(sha256)),
    func(c"sha384", 2, native!(sha384)),
    func(c"sha512", 2, native!(sha512)),
    func(c"sha512_224", 2, native!(sha512_224)),
    func(c"sha512_256", 2, native!(sha512_256)),
    func(c"hexEncode", 1, native!(hex_encode)),
]);

/// What `createHash()` and `createHMAC()` give.
struct HashState(RefCell<Hasher>);

impl Class for HashState {
    const ID: u32 = FIRST_CLASS_ID + 64;
    const NAME: &'static std::ffi::CStr = c"Hasher";
}

static NO_METHODS: List<0> = List([]);

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    cx.register_class::<HashState, 0>(&NO_METHODS)?;
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

macro_rules! digests {
    ($($name:ident = $hash:expr),* $(,)?) => {
        $(fn $name(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
            let sum = match with_bytes(cx, args.get(0), |bytes| $hash.digest(bytes))? {
                Ok(sum) => sum,
                Err(text) => {
                    return Err(cx.throw_go(&format!("{} failed: {text}", stringify!($name))));
                }
            };
            encoded(cx, &sum, args.get(1))
        })*
    };
}

digests! {
    md4 = Hash::Md4,
    md5 = Hash::Md5,
    sha1 = Hash::Sha1,
    sha256 = Hash::Sha256,
    sha384 = Hash::Sha384,
    sha512 = Hash::Sha512,
    sha512_224 = Hash::Sha512_224,
    sha512_256 = Hash::Sha512_256,
    ripemd160 = Hash::Ripemd160,
}

/// A sum in the form that the script asks for.
fn encoded(cx: Ctx, sum: &[u8], form: Raw) -> JsResult<Val> {
    let form = text(cx, form)?;
    match form.as_str() {
        "hex" => cx.string(&crypto::hex(sum)),
        "base64" => cx.string(&STANDARD.encode(sum)),
        "base64url" => cx.string(&URL_SAFE.encode(sum)),
        "base64rawurl" => cx.string(&URL_SAFE_NO_PAD.encode(sum)),
        "binary" => cx.array_buffer(sum),
        _ => Err(cx.throw_go(&format!("invalid output encoding: {form}"))),
    }
}

/// The hash called so; k6 2.2 crashes on `createHash` of an unknown one.
fn named(cx: Ctx, name: Raw) -> JsResult<Hash> {
    let name = text(cx, name)?;
    Hash::of_k6(&name).ok_or_else(|| cx.throw_go(&format!("invalid algorithm: {name}")))
}

fn create_hash(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let hasher = named(cx, args.get(0))?.hasher();
    object_of(cx, hasher)
}

fn create_hmac(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let hash = named(cx, args.get(0))?;
    let hasher = with_bytes(cx, args.get(1), |key| hash.keyed(key))?;
    let hasher = hasher.map_err(|text| cx.throw_go(&text))?;
    object_of(cx, hasher)
}

/// `update` and `digest` are bound to their hash, as a Go object's methods are.
fn object_of(cx: Ctx, hasher: Hasher) -> JsResult<Val> {
    let state = cx.wrap(HashState(RefCell::new(hasher)))?;
    let object = cx.object()?;
    object.set_str(cx, c"update", cx.closure(1, &[state.raw()], native_bound!(1, update))?)?;
    object.set_str(cx, c"digest", cx.closure(1, &[state.raw()], native_bound!(1, digest))?)?;
    Ok(object)
}

fn update(cx: Ctx, args: Args<'_>, bound: &[Raw]) -> JsResult<Val> {
    let state = cx.inner_of::<HashState>(bound[0])?;
    let done = with_bytes(cx, args.get(0), |bytes| state.0.borrow_mut().update(bytes))?;
    done.map_err(|text| cx.throw_go(&text))?;
    Ok(Val::undefined(cx))
}

fn digest(cx: Ctx, args: Args<'_>, bound: &[Raw]) -> JsResult<Val> {
    let sum = cx.inner_of::<HashState>(bound[0])?.0.borrow().sum();
    encoded(cx, &sum, args.get(0))
}

fn hmac(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let hash = named(cx, args.get(0))?;
    let mut hasher =
        with_bytes(cx, args.get(1), |key| hash.keyed(key))?.map_err(|text| cx.throw_go(&text))?;
    with_bytes(cx, args.get(2), |bytes| hasher.update(bytes))?
        .map_err(|text| cx.throw_go(&text))?;
    encoded(cx, &hasher.sum(), args.get(3))
}

fn hex_encode(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let hex = with_bytes(cx, args.get(0), crypto::hex)?.map_err(|text| cx.throw_go(&text))?;
    cx.string(&hex)
}

fn random_bytes(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let size = integer(cx, args.get(0))?;
    if size < 1 {
        return Err(cx.throw_go("invalid size"));
    }
    if size > MAX_RANDOM_BYTES {
        let text = format!("invalid size: {size} bytes are more than {MAX_RANDOM_BYTES}");
        return Err(cx.throw_go(&text));
    }
    let mut bytes = vec![0; size as usize];
    crypto::random(&mut bytes).map_err(|error| cx.throw_go(&error.to_string()))?;
    cx.array_buffer(&bytes)
}
