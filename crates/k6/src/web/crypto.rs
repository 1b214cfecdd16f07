//! `crypto`: `getRandomValues`, `randomUUID`, and the native half of `crypto.subtle` (`subtle.js`).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use crypto::ec::{self, Curve};
use crypto::hash::Hash;
use crypto::{Error, aes, rsa};

use crate::embedded::Embedded;
use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Thrown, Val, func, qjs};
use crate::native;

static PROGRAM: Embedded = Embedded::new(c"crypto.subtle", include_str!("subtle.js"));

/// Work on more bytes than this is done on a side thread: it would hold up the other VUs of the core for a
/// millisecond and more.
const LARGE_BYTES: usize = 512 << 10;
/// The same for rounds of PBKDF2, each of which is two hashes.
const MANY_ROUNDS: u64 = 2_000;
/// Most rounds of PBKDF2.
const MAX_ROUNDS: u64 = u32::MAX as u64;
/// Most bytes that `getRandomValues` fills (the standard's limit; k6 counts elements).
const MAX_RANDOM: usize = 65536;

static CRYPTO: List<2> = List([
    func(c"getRandomValues", 1, native!(get_random_values)),
    func(c"randomUUID", 0, native!(random_uuid)),
]);

static NATIVE: List<28> = List([
    func(c"error", 2, native!(error)),
    func(c"isBytes", 1, native!(is_bytes)),
    func(c"encode", 1, native!(encode)),
    func(c"decode", 1, native!(decode)),
    func(c"secret", 1, native!(secret)),
    func(c"randomSecret", 1, native!(random_secret)),
    func(c"size", 1, native!(size)),
    func(c"generateEc", 1, native!(generate_ec)),
    func(c"generateRsa", 2, native!(generate_rsa)),
    func(c"importEcPrivate", 1, native!(import_ec_private)),
    func(c"importEcPublic", 1, native!(import_ec_public)),
    func(c"importEcPoint", 2, native!(import_ec_point)),
    func(c"importEcNumbers", 4, native!(import_ec_numbers)),
    func(c"importRsaPrivate", 1, native!(import_rsa_private)),
    func(c"importRsaPublic", 1, native!(import_rsa_public)),
    func(c"importRsaNumbers", 5, native!(import_rsa_numbers)),
    func(c"rsaInfo", 1, native!(rsa_info)),
    func(c"export", 2, native!(export)),
    func(c"numbers", 1, native!(numbers)),
    func(c"digest", 2, native!(digest)),
    func(c"cbc", 4, native!(cbc)),
    func(c"ctr", 3, native!(ctr)),
    func(c"gcm", 6, native!(gcm)),
    func(c"oaep", 5, native!(oaep)),
    func(c"sign", 5, native!(sign)),
    func(c"verify", 6, native!(verify)),
    func(c"pbkdf2", 5, native!(pbkdf2)),
    func(c"ecdh", 2, native!(ecdh)),
]);

/// What is behind a `CryptoKey`.
#[derive(Clone)]
enum Key {
    Secret(Arc<[u8]>),
    EcPrivate(Arc<ec::PrivateKey>),
    EcPublic(Arc<ec::PublicKey>),
    RsaPrivate(Arc<rsa::PrivateKey>),
    RsaPublic(Arc<rsa::PublicKey>),
}

impl Class for Key {
    const ID: u32 = FIRST_CLASS_ID + 65;
    const NAME: &'static std::ffi::CStr = c"KeyHandle";
}

static NO_METHODS: List<0> = List([]);

/// The global `crypto`.
pub(super) fn crypto(cx: Ctx) -> JsResult<Val> {
    cx.need_typed_arrays()?;
    let object = cx.object()?;
    let functions = cx.object()?;
    cx.define_list(functions.raw(), &CRYPTO)?;
    let fixed = qjs::JS_PROP_ENUMERABLE as i32;
    for name in [c"getRandomValues", c"randomUUID"] {
        object.define_str(cx, name, functions.get_str(cx, name)?, fixed)?;
    }
    // Most scripts want an identifier and no more.
    for (which, name) in ["subtle", "CryptoKey"].into_iter().enumerate() {
        cx.define_lazy::<Parts>(object.raw(), name, which as i32)?;
    }
    Ok(object)
}

/// `crypto.subtle` and `crypto.CryptoKey`, made together.
struct Parts;

impl crate::js::Lazy for Parts {
    fn get(cx: Ctx, which: i32) -> JsResult<Val> {
        let known = cx.host().kept.borrow().web.subtle.clone();
        let both = match known {
            Some(both) => both,
            None => {
                cx.register_class::<Key, 0>(&NO_METHODS)?;
                let native = cx.object()?;
                cx.define_list(native.raw(), &NATIVE)?;
                let program = PROGRAM.evaluate(cx)?;
                let both = cx.call(program.raw(), Raw::UNDEFINED, &[native.raw()])?;
                cx.host().kept.borrow_mut().web.subtle = Some(both.clone());
                both
            }
        };
        both.get_str(cx, if which == 0 { c"subtle" } else { c"CryptoKey" })
    }

    fn set(cx: Ctx, which: i32, _value: Raw) -> JsResult<()> {
        let name = if which == 0 { "subtle" } else { "CryptoKey" };
        Err(cx.throw_type(&format!("Cannot assign to read only property '{name}'")))
    }
}

fn get_random_values(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let target = args.get(0);
    if target.is_nullish() {
        return Err(cx.throw_type("Cannot convert undefined or null to object"));
    }
    let kind = target.typed_array_class();
    if kind.is_none_or(|name| name.starts_with("Float")) {
        let text = "TypeMismatchError: typedArray parameter isn't a TypedArray instance";
        return Err(cx.throw_go(text));
    }
    let filled = target.with_bytes_mut(cx, |bytes| {
        // k6 counts elements; the widest ones have eight bytes.
        let each = match kind {
            Some("Int8Array" | "Uint8Array" | "Uint8ClampedArray") => 1,
            Some("Int16Array" | "Uint16Array") => 2,
            Some("Int32Array" | "Uint32Array") => 4,
            _ => 8,
        };
        if bytes.len() / each > MAX_RANDOM { None } else { Some(crypto::random(bytes)) }
    });
    match filled {
        Some(Some(Ok(()))) => Ok(target.dup(cx)),
        Some(Some(Err(error))) => Err(cx.throw_go(&error.to_string())),
        _ => Err(cx.throw_go(&format!(
            "QuotaExceededError: typedArray parameter is too big; maximum length is {MAX_RANDOM}"
        ))),
    }
}

fn random_uuid(cx: Ctx, _this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let mut bytes = [0; 16];
    crypto::random(&mut bytes).map_err(|error| cx.throw_go(&error.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = crypto::hex(&bytes);
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    cx.string(&parts.join("-"))
}

fn throw(cx: Ctx, error: &Error) -> Thrown {
    cx.throw_error(error.name, &error.text)
}

/// `error(name, text)`: an error object, not thrown.
fn error(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    cx.new_error(&args.get(0).to_text(cx)?, &args.get(1).to_text(cx)?)
}

fn is_bytes(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let value = args.get(0);
    let is = value.is_array_buffer() || value.typed_array_class().is_some() || value.is_data_view();
    Ok(cx.boolean(is))
}

fn bytes(cx: Ctx, value: Raw) -> JsResult<Vec<u8>> {
    value.with_bytes(cx, <[u8]>::to_vec).ok_or_else(|| {
        cx.throw_type("data is neither an ArrayBuffer, nor a TypedArray nor DataView")
    })
}

fn encode(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    cx.array_buffer(args.get(0).to_text(cx)?.as_bytes())
}

/// Bytes of base64url, with or without padding; `null` where it is none.
fn decode(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let text = args.get(0).to_text(cx)?;
    let decoded =
        URL_SAFE_NO_PAD.decode(text.as_bytes()).or_else(|_| URL_SAFE.decode(text.as_bytes()));
    match decoded {
        Ok(bytes) => cx.array_buffer(&bytes),
        Err(_) => Ok(Val::null(cx)),
    }
}

fn hash(cx: Ctx, name: Raw) -> JsResult<Hash> {
    let name = name.to_text(cx)?;
    Hash::of_web(&name).ok_or_else(|| cx.throw_go(&format!("unknown hash {}", name.as_str())))
}

fn curve(cx: Ctx, name: Raw) -> JsResult<Curve> {
    let name = name.to_text(cx)?;
    Curve::of(&name).ok_or_else(|| cx.throw_go(&format!("unknown curve {}", name.as_str())))
}

/// Does the work: here where it is quick, else on a side thread, with a promise.
fn run<T: Send + 'static>(
    cx: Ctx,
    is_long: bool,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    make: impl FnOnce(Ctx, T) -> JsResult<Val> + 'static,
) -> JsResult<Val> {
    if !is_long {
        return make(cx, work().map_err(|error| throw(cx, &error))?);
    }
    cx.host().promise_of(cx, rt::blocking(work), move |cx, result| {
        make(cx, result.map_err(|error| throw(cx, &error))?)
    })
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that `run` calls")]
fn buffer(cx: Ctx, bytes: Vec<u8>) -> JsResult<Val> {
    cx.array_buffer(&bytes)
}

// Keys.

fn wrong_key(cx: Ctx) -> Thrown {
    cx.throw_error("InvalidAccessError", "key handle is of incorrect type")
}

fn secret_of(cx: Ctx, handle: Raw) -> JsResult<Arc<[u8]>> {
    match cx.inner_of::<Key>(handle)? {
        Key::Secret(bytes) => Ok(bytes.clone()),
        _ => Err(wrong_key(cx)),
    }
}

fn secret(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let bytes = bytes(cx, args.get(0))?;
    cx.wrap(Key::Secret(bytes.into()))
}

fn random_secret(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let mut bytes = vec![0; args.get(0).to_f64(cx)? as usize];
    crypto::random(&mut bytes)
        .map_err(|error| cx.throw_error("OperationError", &error.to_string()))?;
    cx.wrap(Key::Secret(bytes.into()))
}

fn size(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    Ok(cx.number(secret_of(cx, args.get(0))?.len() as f64))
}

fn pair(cx: Ctx, private: Key, public: Key) -> JsResult<Val> {
    let array = cx.array()?;
    array.set_idx(cx, 0, cx.wrap(private)?)?;
    array.set_idx(cx, 1, cx.wrap(public)?)?;
    Ok(array)
}

fn generate_ec(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let key = ec::PrivateKey::generate(curve(cx, args.get(0))?)
        .map_err(|error| cx.throw_error("OperationError", &error.to_string()))?;
    let public = Key::EcPublic(Arc::new(key.public().clone()));
    pair(cx, Key::EcPrivate(Arc::new(key)), public)
}

fn generate_rsa(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let (bits, exponent) = (args.get(0).to_f64(cx)? as usize, args.get(1).to_f64(cx)? as u64);
    run(
        cx,
        true,
        move || rsa::PrivateKey::generate(bits, exponent),
        |cx, key| {
            let public = Key::RsaPublic(Arc::new(key.public()));
            pair(cx, Key::RsaPrivate(Arc::new(key)), public)
        },
    )
}

fn import_ec_private(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let key = ec::PrivateKey::from_pkcs8(&bytes(cx, args.get(0))?);
    cx.wrap(Key::EcPrivate(Arc::new(key.map_err(|error| throw(cx, &error))?)))
}

fn import_ec_public(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let key = ec::PublicKey::from_spki(&bytes(cx, args.get(0))?);
    cx.wrap(Key::EcPublic(Arc::new(key.map_err(|error| throw(cx, &error))?)))
}

fn import_ec_point(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let key = ec::PublicKey::from_point(curve(cx, args.get(0))?, &bytes(cx, args.get(1))?);
    let Some(key) = key else {
        return Err(cx.throw_error("DataError", "unable to import EC public key data"));
    };
    cx.wrap(Key::EcPublic(Arc::new(key)))
}

/// `importEcNumbers(curve, x, y, d)`; without `d` it is a public key.
fn import_ec_numbers(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let bad = || cx.throw_error("DataError", "invalid EC JWK key: the numbers make no key");
    let curve = curve(cx, args.get(0))?;
    let public =
        ec::PublicKey::from_coordinates(curve, &bytes(cx, args.get(1))?, &bytes(cx, args.get(2))?)
            .ok_or_else(bad)?;
    if args.get(3).is_undefined() {
        return cx.wrap(Key::EcPublic(Arc::new(public)));
    }
    let private = ec::PrivateKey::from_secret(curve, &bytes(cx, args.get(3))?).ok_or_else(bad)?;
    if *private.public() != public {
        return Err(bad());
    }
    cx.wrap(Key::EcPrivate(Arc::new(private)))
}

fn import_rsa_private(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let key = rsa::PrivateKey::from_pkcs8(&bytes(cx, args.get(0))?);
    cx.wrap(Key::RsaPrivate(Arc::new(key.map_err(|error| throw(cx, &error))?)))
}

fn import_rsa_public(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let key = rsa::PublicKey::from_spki(&bytes(cx, args.get(0))?);
    cx.wrap(Key::RsaPublic(Arc::new(key.map_err(|error| throw(cx, &error))?)))
}

/// `importRsaNumbers(n, e[, d, p, q])`.
fn import_rsa_numbers(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let number = |i: usize| bytes(cx, args.get(i));
    if args.len() < 5 {
        let key = rsa::PublicKey::from_numbers(&number(0)?, &number(1)?);
        return cx.wrap(Key::RsaPublic(Arc::new(key.map_err(|error| throw(cx, &error))?)));
    }
    let numbers = rsa::Numbers {
        n: number(0)?,
        e: number(1)?,
        d: number(2)?,
        p: number(3)?,
        q: number(4)?,
        ..rsa::Numbers::default()
    };
    let key = rsa::PrivateKey::from_numbers(&numbers).map_err(|error| throw(cx, &error))?;
    cx.wrap(Key::RsaPrivate(Arc::new(key)))
}

fn rsa_info(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let (bits, e) = match cx.inner_of::<Key>(args.get(0))? {
        Key::RsaPrivate(key) => (key.public().bits(), key.numbers().e),
        Key::RsaPublic(key) => (key.bits(), key.numbers().1),
        _ => return Err(wrong_key(cx)),
    };
    let info = cx.object()?;
    info.set_str(cx, c"bits", cx.number(bits as f64))?;
    info.set_str(cx, c"e", cx.array_buffer(&e)?)?;
    Ok(info)
}

fn export(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let form = args.get(1).to_text(cx)?;
    let out = match (cx.inner_of::<Key>(args.get(0))?, form.as_str()) {
        (Key::Secret(bytes), "raw") => bytes.to_vec(),
        (Key::EcPublic(key), "raw") => key.point().to_vec(),
        (Key::EcPublic(key), "spki") => key.to_spki(),
        (Key::EcPrivate(key), "pkcs8") => key.to_pkcs8(),
        (Key::RsaPublic(key), "spki") => key.to_spki(),
        (Key::RsaPrivate(key), "pkcs8") => key.to_pkcs8(),
        _ => return Err(wrong_key(cx)),
    };
    cx.array_buffer(&out)
}

/// The members of a JSON Web Key that are numbers.
fn numbers(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let object = cx.object()?;
    let set =
        |name, number: &[u8]| object.set_str(cx, name, cx.string(&URL_SAFE_NO_PAD.encode(number))?);
    match cx.inner_of::<Key>(args.get(0))? {
        Key::Secret(bytes) => set(c"k", bytes)?,
        Key::EcPublic(key) => {
            object.set_str(cx, c"crv", cx.string(key.curve().name())?)?;
            let (x, y) = key.coordinates();
            set(c"x", x)?;
            set(c"y", y)?;
        }
        Key::EcPrivate(key) => {
            object.set_str(cx, c"crv", cx.string(key.public().curve().name())?)?;
            let (x, y) = key.public().coordinates();
            set(c"x", x)?;
            set(c"y", y)?;
            set(c"d", key.secret())?;
        }
        Key::RsaPublic(key) => {
            let (n, e) = key.numbers();
            set(c"n", &n)?;
            set(c"e", &e)?;
        }
        Key::RsaPrivate(key) => {
            let all = key.numbers();
            for (name, number) in [
                (c"n", &all.n),
                (c"e", &all.e),
                (c"d", &all.d),
                (c"p", &all.p),
                (c"q", &all.q),
                (c"dp", &all.dp),
                (c"dq", &all.dq),
                (c"qi", &all.qi),
            ] {
                set(name, number)?;
            }
        }
    }
    Ok(object)
}

// Using them.

fn digest(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let hash = hash(cx, args.get(0))?;
    let data = bytes(cx, args.get(1))?;
    run(cx, data.len() > LARGE_BYTES, move || Ok(hash.digest(&data)), buffer)
}

fn cbc(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let encrypts = args.get(0).to_bool(cx);
    let (key, iv) = (secret_of(cx, args.get(1))?, bytes(cx, args.get(2))?);
    let data = bytes(cx, args.get(3))?;
    let is_long = data.len() > LARGE_BYTES;
    let work = move || match encrypts {
        true => aes::cbc_encrypt(&key, &iv, &data),
        false => aes::cbc_decrypt(&key, &iv, &data),
    };
    run(cx, is_long, work, buffer)
}

fn ctr(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let (key, counter) = (secret_of(cx, args.get(0))?, bytes(cx, args.get(1))?);
    let data = bytes(cx, args.get(2))?;
    run(cx, data.len() > LARGE_BYTES, move || aes::ctr(&key, &counter, &data), buffer)
}

fn gcm(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let encrypts = args.get(0).to_bool(cx);
    let (key, nonce) = (secret_of(cx, args.get(1))?, bytes(cx, args.get(2))?);
    let (more, tag) = (bytes(cx, args.get(3))?, args.get(4).to_f64(cx)? as usize);
    let data = bytes(cx, args.get(5))?;
    let is_long = data.len() > LARGE_BYTES;
    let work = move || match encrypts {
        true => aes::gcm_encrypt(&key, &nonce, &more, tag, &data),
        false => aes::gcm_decrypt(&key, &nonce, &more, tag, &data),
    };
    run(cx, is_long, work, buffer)
}

fn oaep(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let hash = hash(cx, args.get(2))?;
    let (label, data) = (bytes(cx, args.get(3))?, bytes(cx, args.get(4))?);
    match cx.inner_of::<Key>(args.get(1))?.clone() {
        Key::RsaPublic(key) => run(cx, false, move || key.encrypt(hash, &label, &data), buffer),
        Key::RsaPrivate(key) => run(cx, true, move || key.decrypt(hash, &label, &data), buffer),
        _ => Err(wrong_key(cx)),
    }
}

/// `sign(key, name, hash, salt, data)`.
fn sign(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let is_pss = args.get(1).to_text(cx)?.as_str() == "RSA-PSS";
    let hash = hash(cx, args.get(2))?;
    let salt = args.get(3).to_f64(cx)? as usize;
    let data = bytes(cx, args.get(4))?;
    let is_large = data.len() > LARGE_BYTES;
    match cx.inner_of::<Key>(args.get(0))?.clone() {
        Key::Secret(key) => run(cx, is_large, move || Ok(hash.hmac(&key, &data)), buffer),
        Key::EcPrivate(key) => run(cx, is_large, move || key.sign(&hash.digest(&data)), buffer),
        Key::RsaPrivate(key) => {
            let work = move || match is_pss {
                true => key.sign_pss(hash, salt, &hash.digest(&data)),
                false => key.sign(hash, &hash.digest(&data)),
            };
            run(cx, true, work, buffer)
        }
        _ => Err(wrong_key(cx)),
    }
}

/// `verify(key, name, hash, salt, data, signature)`.
fn verify(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let is_pss = args.get(1).to_text(cx)?.as_str() == "RSA-PSS";
    let hash = hash(cx, args.get(2))?;
    let salt = args.get(3).to_f64(cx)? as usize;
    let (data, signature) = (bytes(cx, args.get(4))?, bytes(cx, args.get(5))?);
    let is_large = data.len() > LARGE_BYTES;
    let key = cx.inner_of::<Key>(args.get(0))?.clone();
    if matches!(key, Key::EcPrivate(_) | Key::RsaPrivate(_)) {
        return Err(wrong_key(cx));
    }
    let work = move || {
        Ok(match key {
            Key::Secret(key) => is_same(&hash.hmac(&key, &data), &signature),
            Key::EcPublic(key) => key.verify(&hash.digest(&data), &signature),
            Key::RsaPublic(key) if is_pss => {
                key.verify_pss(hash, salt, &hash.digest(&data), &signature)
            }
            Key::RsaPublic(key) => key.verify(hash, &hash.digest(&data), &signature),
            Key::EcPrivate(_) | Key::RsaPrivate(_) => false,
        })
    };
    run(cx, is_large, work, |cx, is| Ok(cx.boolean(is)))
}

/// Equality that takes the same time wherever they differ.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// `pbkdf2(key, hash, salt, rounds, bytes)`.
fn pbkdf2(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let key = secret_of(cx, args.get(0))?;
    let hash = hash(cx, args.get(1))?;
    let salt = bytes(cx, args.get(2))?;
    let rounds = args.get(3).to_f64(cx)?;
    let out_bytes = args.get(4).to_f64(cx)? as usize;
    if !(1.0..=MAX_ROUNDS as f64).contains(&rounds) {
        let text = format!("the number of iterations must be between 1 and {MAX_ROUNDS}");
        return Err(cx.throw_error("OperationError", &text));
    }
    let blocks = out_bytes as u64 / 20 + 1;
    let is_long = rounds as u64 * blocks > MANY_ROUNDS;
    let work = move || {
        let mut out = vec![0; out_bytes];
        hash.pbkdf2(&key, &salt, rounds as u32, &mut out);
        Ok(out)
    };
    run(cx, is_long, work, buffer)
}

fn ecdh(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    match (cx.inner_of::<Key>(args.get(0))?, cx.inner_of::<Key>(args.get(1))?) {
        (Key::EcPrivate(key), Key::EcPublic(other)) => match key.agree(other) {
            Some(secret) => cx.array_buffer(&secret),
            None => Err(cx.throw_error("InvalidAccessError", "keys have different curves")),
        },
        _ => Err(wrong_key(cx)),
    }
}
