//! Messages both ways without a VU. Expectations are what Go's `protojson` gives.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::decode::{Decoder, Failed, MAX_DEPTH};
use super::json;
use super::load;
use super::model::JsonModel;
use super::schema::Schema;
use super::wire::{WireType, put_bytes, put_tag};
use crate::world::Reader;

struct Files(HashMap<PathBuf, &'static str>);

impl Reader for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.0.get(path).map(|text| text.as_bytes().to_vec());
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

fn compile(files: &[(&str, &'static str)], main: &str) -> Result<Arc<Schema>, String> {
    let files = files.iter().map(|(path, text)| (Path::new("/p").join(path), *text)).collect();
    let reader: Arc<dyn Reader> = Arc::new(Files(files));
    load::compile(&reader, vec![PathBuf::from("/p")], &[main.to_owned()])
}

fn echo() -> Arc<Schema> {
    compile(
        &[
            ("echo.proto", include_str!("../../../../conformance/scripts/proto/echo.proto")),
            (
                "sub/color.proto",
                include_str!("../../../../conformance/scripts/proto/sub/color.proto"),
            ),
        ],
        "echo.proto",
    )
    .unwrap()
}

fn encode_in(schema: &Arc<Schema>, message: &str, text: &str) -> Result<Vec<u8>, String> {
    let index = schema.message_named(message).unwrap();
    let mut out = Vec::new();
    json::encode(text, schema, std::slice::from_ref(schema), index, &mut out).map(|()| out)
}

fn decode_in(schema: &Arc<Schema>, message: &str, bytes: &[u8]) -> Result<Value, Failed> {
    let index = schema.message_named(message).unwrap();
    Decoder::new(JsonModel, schema, std::slice::from_ref(schema)).message(index, bytes)
}

/// What comes back of a message, without what was not given.
fn round(message: &str, given: &Value) -> Value {
    let schema = echo();
    let bytes = encode_in(&schema, message, &given.to_string()).unwrap();
    let mut back = decode_in(&schema, message, &bytes).unwrap();
    if let (Some(back), Some(given)) = (back.as_object_mut(), given.as_object()) {
        back.retain(|key, _| given.contains_key(key));
    }
    back
}

#[test]
fn values_of_every_type_come_back() {
    let given = json!({
        "aDouble": 1.5, "aFloat": 0.1, "anInt32": -5, "anInt64": "-9007199254740993",
        "aUint32": 4294967295_u32, "aUint64": "18446744073709551615", "aSint32": -7,
        "aSint64": "-8", "aFixed32": 9, "aFixed64": "10", "aSfixed32": -11, "aSfixed64": "-12",
        "aBool": true, "aString": "é😀", "someBytes": "AQID/w==", "color": "RED",
        "pair": {"number": 1, "text": "x"}, "numbers": [1, -2, 300], "texts": ["a", ""],
        "pairs": [{"number": 0, "text": ""}, {"number": 2, "text": "y"}],
        "colors": ["GREEN", "BLUE", 7], "counts": {"a": 1, "b": -1},
        "byNumber": {"-5": {"number": 5, "text": ""}}, "byBool": {"true": "t", "false": ""},
        "asNumber": 0, "maybeNumber": 0, "maybeText": "", "otherName": "r",
        "doubles": ["NaN", "Infinity", "-Infinity", 1e300], "colorsByName": {"g": "GREEN"},
        "withUnderscore1": "5",
    });
    assert_eq!(round("squall.test.All", &given), given);
}

#[test]
fn names_of_the_file_and_other_forms_of_numbers_are_taken() {
    let given = json!({"an_int32": "12", "an_int64": 5, "a_float": "1.5", "color": 2,
        "some_bytes": "-_8", "renamed": "r", "a_double": 1e3, "a_uint32": 1.0});
    let schema = echo();
    let bytes = encode_in(&schema, "squall.test.All", &given.to_string()).unwrap();
    let back = decode_in(&schema, "squall.test.All", &bytes).unwrap();
    for (name, value) in [
        ("anInt32", json!(12)),
        ("anInt64", json!("5")),
        ("aFloat", json!(1.5)),
        ("color", json!("GREEN")),
        ("someBytes", json!("+/8=")),
        ("otherName", json!("r")),
        ("aDouble", json!(1000)),
        ("aUint32", json!(1)),
    ] {
        assert_eq!(back[name], value, "{name}");
    }
}

#[test]
fn what_is_unset_is_shown_with_its_default() {
    let schema = echo();
    let empty = decode_in(&schema, "squall.test.All", &[]).unwrap();
    for (name, value) in [
        ("aDouble", json!(0)),
        ("anInt64", json!("0")),
        ("aBool", json!(false)),
        ("aString", json!("")),
        ("someBytes", json!("")),
        ("color", json!("COLOR_UNSPECIFIED")),
        ("pair", Value::Null),
        ("numbers", json!([])),
        ("counts", json!({})),
    ] {
        assert_eq!(empty[name], value, "{name}");
    }
    for name in ["asText", "asNumber", "asPair", "maybeNumber", "maybeText"] {
        assert_eq!(empty.get(name), None, "{name}");
    }
    // Zero takes no room where it is no different from nothing.
    let zero = json!({"aDouble": 0, "aString": "", "numbers": [], "color": 0, "pair": null});
    assert_eq!(encode_in(&schema, "squall.test.All", &zero.to_string()), Ok(vec![]));
}

#[test]
fn well_known_messages_have_their_own_forms() {
    let given = json!({
        "timestamp": "2020-02-29T12:00:00.500Z", "duration": "-1.000000001s",
        "struct": {"a": [1, null, "x", {"b": true}]}, "value": null, "list": [1, "a", []],
        "any": {"@type": "type.googleapis.com/squall.test.Pair", "number": 5, "text": "t"},
        "mask": "fooBar,baz", "empty": {}, "boolValue": false, "int32Value": 0,
        "int64Value": "5", "uint32Value": 6, "uint64Value": "7", "floatValue": 0.25,
        "doubleValue": "NaN", "stringValue": "", "bytesValue": "AA==", "nullValue": null,
        "timestamps": ["1970-01-01T00:00:00Z"], "values": {"a": 1, "n": null},
    });
    assert_eq!(round("squall.test.WellKnown", &given), given);
    let nested = json!({"any": {"@type": "x/google.protobuf.Duration", "value": "1s"}});
    assert_eq!(round("squall.test.WellKnown", &nested), nested);
    assert_eq!(
        round("google.protobuf.Timestamp", &json!("2020-01-01T00:00:00Z")),
        json!("2020-01-01T00:00:00Z")
    );
}

#[test]
fn wrong_values_are_refused_with_their_place() {
    let schema = echo();
    for (message, text, expect) in [
        ("Pair", r#"{"numb":5}"#, r#"(line 1:2): unknown field "numb""#),
        ("Pair", r#"{"number":"x"}"#, r#"(line 1:11): invalid value for int32 field number: "x""#),
        ("Pair", r#"{"number":1.5}"#, "(line 1:11): invalid value for int32 field number: 1.5"),
        ("Pair", r#"{"text":5}"#, "(line 1:9): invalid value for string field text: 5"),
        ("Pair", r#"{"text":{}}"#, "(line 1:9): invalid value for string field text: {"),
        ("Pair", r#"{"number":1,"number":2}"#, r#"(line 1:13): duplicate field "number""#),
        ("Pair", "[1]", "syntax error (line 1:1): unexpected token ["),
        ("Pair", r#""a""#, r#"syntax error (line 1:1): unexpected token "a""#),
        ("Pair", "", "syntax error: unexpected EOF"),
        (
            "All",
            r#"{"asText":"a","asNumber":1}"#,
            r#"(line 1:15): error parsing "asNumber", oneof squall.test.All.choice is already set"#,
        ),
        (
            "All",
            r#"{"color":"PINK"}"#,
            r#"(line 1:10): invalid value for enum field color: "PINK""#,
        ),
        ("All", r#"{"byNumber":{"x":{}}}"#, r#"(line 1:14): invalid value for int32 key: "x""#),
        ("All", r#"{"byNumber":{"1":{},"+1":{}}}"#, r#"(line 1:21): duplicate map key "+1""#),
        (
            "All",
            r#"{"numbers":[1,null]}"#,
            "(line 1:15): invalid value for int32 field numbers: null",
        ),
        ("All", r#"{"pairs":[null]}"#, "syntax error (line 1:11): unexpected token null"),
        (
            "All",
            r#"{"someBytes":"*"}"#,
            r#"(line 1:14): invalid value for bytes field someBytes: "*""#,
        ),
        (
            "All",
            r#"{"anInt32":2147483648}"#,
            "(line 1:12): invalid value for int32 field anInt32: 2147483648",
        ),
        ("All", r#"{"aFloat":1e39}"#, "(line 1:11): invalid value for float field aFloat: 1e39"),
        (
            "WellKnown",
            r#"{"timestamp":"x"}"#,
            r#"(line 1:14): invalid google.protobuf.Timestamp value "x""#,
        ),
        (
            "WellKnown",
            r#"{"duration":"1"}"#,
            r#"(line 1:13): invalid google.protobuf.Duration value "1""#,
        ),
        ("WellKnown", r#"{"any":{"number":5}}"#, r#"(line 1:8): missing "@type" field"#),
        (
            "WellKnown",
            r#"{"any":{"@type":"a/b.C"}}"#,
            r#"(line 1:17): unable to resolve "a/b.C": "not found""#,
        ),
        (
            "WellKnown",
            r#"{"mask":"foo_bar"}"#,
            r#"(line 1:9): google.protobuf.FieldMask.paths contains invalid path: "foo_bar""#,
        ),
        ("WellKnown", r#"{"empty":{"a":1}}"#, r#"(line 1:11): unknown field "a""#),
    ] {
        let error = encode_in(&schema, &format!("squall.test.{message}"), text).unwrap_err();
        assert_eq!(error, expect, "{text}");
    }
}

#[test]
fn parts_and_order_of_the_bytes_do_not_matter() {
    let schema = echo();
    let decode = |bytes: &[u8]| decode_in(&schema, "squall.test.All", bytes).unwrap();
    // A message in two parts, a list packed and not, scalars twice, unknown fields between.
    let mut bytes = Vec::new();
    put_tag(&mut bytes, 17, WireType::Bytes);
    put_bytes(&mut bytes, &[8, 1]);
    bytes.extend([0x90, 0x01, 5]);
    put_tag(&mut bytes, 18, WireType::Bytes);
    put_bytes(&mut bytes, &[6, 7]);
    bytes.extend([0xf8, 0x7f, 1, 0x18, 1, 0x18, 2]);
    put_tag(&mut bytes, 17, WireType::Bytes);
    put_bytes(&mut bytes, &[18, 1, b'x']);
    let back = decode(&bytes);
    assert_eq!(back["pair"], json!({"number": 1, "text": "x"}));
    assert_eq!(back["numbers"], json!([5, 6, 7]));
    assert_eq!(back["anInt32"], json!(2));
    // Of a oneof the last one counts.
    let mut bytes = Vec::new();
    put_tag(&mut bytes, 25, WireType::Bytes);
    put_bytes(&mut bytes, b"text");
    bytes.extend([0xd0, 0x01, 9]);
    let back = decode(&bytes);
    assert_eq!((back.get("asText"), &back["asNumber"]), (None, &json!(9)));
}

#[test]
fn broken_bytes_are_refused() {
    let schema = echo();
    for bytes in [&[0xff][..], &[0x12, 5, 1], &[0x0b], &[0x0c], &[0x0f], &[0x18]] {
        let result = decode_in(&schema, "squall.test.All", bytes);
        assert!(matches!(result, Err(Failed::Message(_))), "{bytes:?}: {result:?}");
    }
    let result = decode_in(&schema, "squall.test.Pair", &[18, 1, 255]);
    let text = "field squall.test.Pair.text contains invalid UTF-8".to_owned();
    assert_eq!(result, Err(Failed::Message(text)));
}

#[test]
fn depth_is_bounded_both_ways() {
    let schema = echo();
    let nested = |n: usize| {
        let mut bytes = Vec::new();
        for _ in 0..n {
            let mut outer = Vec::new();
            put_tag(&mut outer, 2, WireType::Bytes);
            put_bytes(&mut outer, &bytes);
            bytes = outer;
        }
        bytes
    };
    assert!(decode_in(&schema, "squall.test.Node", &nested(MAX_DEPTH - 1)).is_ok());
    assert!(decode_in(&schema, "squall.test.Node", &nested(MAX_DEPTH)).is_err());
    let text = |n: usize| format!("{}{{}}{}", "{\"left\":".repeat(n), "}".repeat(n));
    assert!(encode_in(&schema, "squall.test.Node", &text(MAX_DEPTH - 1)).is_ok());
    let error = encode_in(&schema, "squall.test.Node", &text(MAX_DEPTH)).unwrap_err();
    assert_eq!(error, "exceeded max recursion depth");
}

#[test]
fn proto2_has_presence_requirements_and_groups() {
    let schema = compile(
        &[(
            "two.proto",
            r#"syntax = "proto2";
            package two;
            message Old {
              required int32 must = 1;
              optional string may = 2 [default = "d"];
              repeated int32 many = 3;
              optional group Part = 4 { optional int32 inner = 1; }
            }"#,
        )],
        "two.proto",
    )
    .unwrap();
    let bytes = encode_in(&schema, "two.Old", r#"{"must":0,"many":[1,2],"part":{"inner":3}}"#);
    assert_eq!(bytes, Ok(vec![8, 0, 24, 1, 24, 2, 0x23, 8, 3, 0x24]));
    let back = decode_in(&schema, "two.Old", &bytes.unwrap()).unwrap();
    assert_eq!(back, json!({"must": 0, "may": null, "many": [1, 2], "part": {"inner": 3}}));
    let error = encode_in(&schema, "two.Old", "{}").unwrap_err();
    assert_eq!(error, "required field two.Old.must not set");
}

#[test]
fn mistakes_in_files_name_the_place() {
    let bad =
        compile(&[("a.proto", "syntax = \"proto3\";\nmessage M {\n  int32 a 1;\n}\n")], "a.proto");
    let text = bad.unwrap_err();
    assert!(text.starts_with("a.proto:3:11:"), "{text}");
    let missing = compile(&[("a.proto", "syntax = \"proto3\";\nimport \"b.proto\";\n")], "a.proto");
    let text = missing.unwrap_err();
    assert!(text.contains("b.proto") && text.contains("not found"), "{text}");
    let unknown =
        compile(&[("a.proto", "syntax = \"proto3\";\nmessage M { Nope a = 1; }\n")], "a.proto");
    let text = unknown.unwrap_err();
    assert!(text.contains("Nope"), "{text}");
    let none = compile(&[], "a.proto").unwrap_err();
    assert!(none.contains("a.proto"), "{none}");
    assert!(load::descriptor_set(&[1, 2, 3]).is_err());
}

#[test]
fn methods_are_found_by_their_path() {
    let schema = echo();
    let method = schema.method("/squall.test.Echo/Small").unwrap();
    let method = &schema.methods[method as usize];
    assert_eq!((&*method.package, &*method.service), ("squall.test", "Echo"));
    assert!(schema.method("/squall.test.Echo/Nope").is_none());
}

/// Copies of `seed` with bytes changed, cut and repeated, always the same ones.
fn damaged(seed: &[u8], mut each: impl FnMut(&[u8])) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below.max(1)
    };
    each(seed);
    for _ in 0..3000 {
        let mut copy = seed.to_vec();
        for _ in 0..=random(4) {
            let at = random(copy.len());
            match random(5) {
                0 => copy.truncate(at),
                1 => copy.insert(at, random(256) as u8),
                2 if at < copy.len() => copy[at] ^= 1 << random(8),
                3 if at < copy.len() => drop(copy.remove(at)),
                _ => {
                    let end = (at + random(12)).min(copy.len());
                    let part = copy[at..end].to_vec();
                    copy.extend(part);
                }
            }
        }
        each(&copy);
    }
}

#[test]
fn damaged_input_never_panics() {
    use super::fuzzing;
    let schema = echo();
    let text = r#"{"m":{"i":1,"t":"x","rm":[{}]},"ms":{"a":1},"mi":{"5":{"b":true}},"time":"2020-01-01T00:00:00Z","span":"1.5s","struct":{"a":[1,null]},"value":"x","any":{"@type":"a/f.M","i":3},"mask":"a,b","wrapped":"5","rd":[1.5,"NaN"],"ri":[1,2],"c":"RED","l":"-5"}"#;
    damaged(text.as_bytes(), fuzzing::proto_json);
    let all = r#"{"aDouble":1.5,"anInt64":"-5","pair":{"text":"x"},"pairs":[{}],"counts":{"a":1},"numbers":[1,2,300]}"#;
    let bytes = encode_in(&schema, "squall.test.All", all).unwrap();
    damaged(&bytes, fuzzing::proto_message);
    let file = b"syntax = \"proto3\"; package p; message M { map<string, int32> a = 1; oneof o { M m = 2; } } service S { rpc R(M) returns (stream M); }";
    damaged(file, fuzzing::proto_file);
    let name = [10, 12, 10, 7, b'a', b'.', b'p', b'r', b'o', b't', b'o', 34, 1, 10];
    damaged(&name, fuzzing::protoset);
}
