//! `k6/crypto/x509`: what a certificate says.

use crypto::x509::{Certificate, Name, PublicKey, decode_pem, parse};

use crate::js::{Args, Ctx, JsResult, List, Raw, Val, func};
use crate::module::go_value::byte_slice;
use crate::native;

static FUNCTIONS: List<4> = List([
    func(c"parse", 1, native!(parse_certificate)),
    func(c"getAltNames", 1, native!(alt_names)),
    func(c"getIssuer", 1, native!(issuer)),
    func(c"getSubject", 1, native!(subject)),
]);

pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

fn read(cx: Ctx, args: &Args<'_>) -> JsResult<Certificate> {
    let bytes = byte_slice(cx, args.get(0), 0)?;
    let der =
        decode_pem(&bytes).ok_or_else(|| cx.throw_go("failed to decode certificate PEM file"))?;
    parse(&der).map_err(|error| cx.throw_go(&format!("failed to parse certificate: {error}")))
}

fn alt_names(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let certificate = read(cx, &args)?;
    texts(cx, certificate.alt_names.iter().map(String::as_str))
}

fn issuer(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    issuer_of(cx, &read(cx, &args)?.issuer)
}

fn subject(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    subject_of(cx, &read(cx, &args)?.subject)
}

fn parse_certificate(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let certificate = read(cx, &args)?;
    let Some(key) = &certificate.public_key else {
        return Err(cx.throw_go("unsupported public key algorithm"));
    };
    let object = cx.object()?;
    object.set_str(cx, c"subject", subject_of(cx, &certificate.subject)?)?;
    object.set_str(cx, c"issuer", issuer_of(cx, &certificate.issuer)?)?;
    object.set_str(cx, c"notBefore", cx.string(&certificate.not_before)?)?;
    object.set_str(cx, c"notAfter", cx.string(&certificate.not_after)?)?;
    let names = certificate.alt_names.iter().map(String::as_str);
    object.set_str(cx, c"altNames", texts(cx, names)?)?;
    let algorithm = cx.string(&certificate.signature_algorithm)?;
    object.set_str(cx, c"signatureAlgorithm", algorithm)?;
    let fingerprint = cx.array()?;
    for (i, byte) in certificate.fingerprint.iter().enumerate() {
        fingerprint.set_idx(cx, i as u32, cx.number(f64::from(*byte)))?;
    }
    object.set_str(cx, c"fingerPrint", fingerprint)?;
    object.set_str(cx, c"publicKey", public_key(cx, key)?)?;
    Ok(object)
}

fn public_key(cx: Ctx, key: &PublicKey) -> JsResult<Val> {
    let inner = cx.object()?;
    let algorithm = match key {
        PublicKey::Rsa { n, e } => {
            inner.set_str(cx, c"n", cx.bigint(n)?)?;
            inner.set_str(cx, c"e", cx.number(*e as f64))?;
            "RSA"
        }
        PublicKey::Ecdsa { x, y, curve } => {
            let parameters = cx.object()?;
            parameters.set_str(cx, c"name", cx.string(curve)?)?;
            inner.set_str(cx, c"curve", parameters)?;
            inner.set_str(cx, c"x", cx.bigint(x)?)?;
            inner.set_str(cx, c"y", cx.bigint(y)?)?;
            "ECDSA"
        }
        PublicKey::Dsa { p, q, g, y } => {
            let parameters = cx.object()?;
            for (name, number) in [(c"p", p), (c"q", q), (c"g", g)] {
                parameters.set_str(cx, name, cx.bigint(number)?)?;
            }
            inner.set_str(cx, c"parameters", parameters)?;
            inner.set_str(cx, c"y", cx.bigint(y)?)?;
            "DSA"
        }
    };
    let object = cx.object()?;
    object.set_str(cx, c"algorithm", cx.string(algorithm)?)?;
    object.set_str(cx, c"key", inner)?;
    Ok(object)
}

fn texts<'a>(cx: Ctx, texts: impl Iterator<Item = &'a str>) -> JsResult<Val> {
    let array = cx.array()?;
    for (i, text) in texts.enumerate() {
        array.set_idx(cx, i as u32, cx.string(text)?)?;
    }
    Ok(array)
}

fn issuer_of(cx: Ctx, name: &Name) -> JsResult<Val> {
    let object = cx.object()?;
    for (key, text) in [
        (c"commonName", name.common_name()),
        (c"country", name.country()),
        (c"stateOrProvinceName", name.province()),
        (c"localityName", name.locality()),
        (c"organizationName", name.organization()),
    ] {
        object.set_str(cx, key, cx.string(text)?)?;
    }
    object.set_str(cx, c"names", attributes(cx, name)?)?;
    Ok(object)
}

fn subject_of(cx: Ctx, name: &Name) -> JsResult<Val> {
    let object = cx.object()?;
    for (key, text) in [
        (c"commonName", name.common_name()),
        (c"country", name.country()),
        (c"postalCode", name.postal_code()),
        (c"stateOrProvinceName", name.province()),
        (c"localityName", name.locality()),
        (c"streetAddress", name.street()),
        (c"organizationName", name.organization()),
    ] {
        object.set_str(cx, key, cx.string(text)?)?;
    }
    object.set_str(cx, c"organizationalUnitName", texts(cx, name.units())?)?;
    object.set_str(cx, c"names", attributes(cx, name)?)?;
    Ok(object)
}

fn attributes(cx: Ctx, name: &Name) -> JsResult<Val> {
    let array = cx.array()?;
    for (i, attribute) in name.0.iter().enumerate() {
        let object = cx.object()?;
        object.set_str(cx, c"type", cx.string(&attribute.id)?)?;
        object.set_str(cx, c"value", cx.string(&attribute.value)?)?;
        array.set_idx(cx, i as u32, object)?;
    }
    Ok(array)
}
