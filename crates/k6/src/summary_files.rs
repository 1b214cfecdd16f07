//! What `handleSummary()` returned: which files to write with what.

use crate::host::Phase;
use crate::js::{Ctx, JsResult, Raw, Thrown};
use crate::module::go_value::go_type;
use crate::realm::{Failure, Realm};

/// One entry of `handleSummary`'s result: `stdout`, `stderr` or a path, and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryFile {
    /// `stdout`, `stderr`, or the path as the script wrote it.
    pub name: String,
    /// The bytes to write.
    pub content: Vec<u8>,
}

/// What `handleSummary` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SummaryResult {
    /// It returned nothing: the default text is shown.
    Default,
    /// It returned these, in the order of its object; possibly none.
    Files(Vec<SummaryFile>),
    /// Its result can't be used; k6's text. Nothing is shown, the exit code stays.
    Invalid(String),
    /// It threw; the text with its stack is logged, the default text is shown.
    Threw(String),
}

/// Calls `handleSummary(data)` on the realm of a VU of its own.
pub(crate) fn run(realm: &Realm, data_json: &str) -> Result<SummaryResult, Failure> {
    let cx = realm.cx();
    cx.host().phase.set(Phase::Summary);
    let function = realm.export("handleSummary");
    if function.is_nullish() {
        return Ok(SummaryResult::Default);
    }
    if !function.is_function(cx) {
        let text = "exported identifier handleSummary must be a function";
        return Ok(SummaryResult::Invalid(text.to_owned()));
    }
    let data = cx.parse_json(data_json).map_err(|Thrown| realm.failure())?;
    let result = realm.run(function.raw(), &[data.raw()])?;
    if !result.to_bool(cx) {
        return Ok(SummaryResult::Default);
    }
    Ok(match collect(cx, result.raw()).map_err(|Thrown| realm.failure())? {
        Ok(files) => SummaryResult::Files(files),
        Err(text) => SummaryResult::Invalid(text),
    })
}

fn collect(cx: Ctx, value: Raw) -> JsResult<Result<Vec<SummaryFile>, String>> {
    if !value.is_object() || value.is_array() || value.is_function(cx) {
        return Ok(Err("handleSummary() should return a map with string keys".to_owned()));
    }
    let keys = value.keys(cx)?;
    let mut files = Vec::with_capacity(keys.len());
    for i in 0..keys.len() {
        let (name, item) = (keys.name(i)?.to_string(), keys.value(i)?);
        let content = if item.is_string() {
            item.to_text(cx)?.as_bytes().to_vec()
        } else if item.is_array_buffer() {
            item.with_bytes(cx, <[u8]>::to_vec).unwrap_or_default()
        } else {
            let kind = go_type(cx, item.raw());
            return Ok(Err(format!(
                "error handling summary object {name}: invalid type {kind}, it needs to be a string or ArrayBuffer"
            )));
        };
        files.push(SummaryFile { name, content });
    }
    Ok(Ok(files))
}
