//! The parsers of foreign bytes, for `crates/k6/fuzz` and for the tests: any input, no panic, no hang, bounded stack.
#![cfg_attr(not(feature = "fuzzing"), allow(unreachable_pub))]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::decode::Decoder;
use super::model::JsonModel;
use super::schema::Schema;
use super::{json, load};
use crate::world::Reader;

/// One file in memory.
struct One(&'static str, Vec<u8>);

impl Reader for One {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(self.0) {
            return Ok(self.1.clone());
        }
        Err(io::Error::from(io::ErrorKind::NotFound))
    }
}

const EVERYTHING: &str = r#"
syntax = "proto3";
package f;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color { ZERO = 0; RED = 1; }
message M {
  double d = 1; float f = 2; int32 i = 3; int64 l = 4; uint32 u = 5; uint64 ul = 6; sint32 s = 7;
  sint64 sl = 8; fixed32 x = 9; fixed64 xl = 10; sfixed32 y = 11; sfixed64 yl = 12; bool b = 13;
  string t = 14; bytes z = 15; Color c = 16; M m = 17; repeated int32 ri = 18;
  repeated string rt = 19; repeated M rm = 20; map<string, int32> ms = 21; map<int32, M> mi = 22;
  map<bool, string> mb = 23; oneof o { string ot = 24; M om = 25; } optional int32 p = 26;
  google.protobuf.Timestamp time = 27; google.protobuf.Duration span = 28;
  google.protobuf.Struct struct = 29; google.protobuf.Value value = 30;
  google.protobuf.Any any = 31; google.protobuf.FieldMask mask = 32;
  google.protobuf.Int64Value wrapped = 33; repeated double rd = 34;
}
"#;

fn compile(text: Vec<u8>) -> Result<Arc<Schema>, String> {
    let reader: Arc<dyn Reader> = Arc::new(One("/f.proto", text));
    load::compile(&reader, vec![PathBuf::from("/")], &["f.proto".to_owned()])
}

fn everything() -> &'static (Arc<Schema>, u32) {
    static SCHEMA: OnceLock<(Arc<Schema>, u32)> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let schema = compile(EVERYTHING.as_bytes().to_vec()).expect("the file is right");
        let message = schema.message_named("f.M").expect("it is in the file");
        (schema, message)
    })
}

/// Bytes of a message: decoded or refused. What was decoded can be written as JSON and encoded again, and is then the same.
pub fn proto_message(bytes: &[u8]) {
    let (schema, message) = everything();
    let types = std::slice::from_ref(schema);
    let decode = |bytes: &[u8]| Decoder::new(JsonModel, schema, types).message(*message, bytes);
    let Ok(value) = decode(bytes) else { return };
    let mut again = Vec::new();
    if json::encode(&value.to_string(), schema, types, *message, &mut again).is_ok() {
        assert_eq!(decode(&again).ok(), Some(value));
    }
}

/// JSON of a message: encoded or refused. What was encoded can be decoded.
pub fn proto_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (schema, message) = everything();
    let types = std::slice::from_ref(schema);
    let mut out = Vec::new();
    if json::encode(text, schema, types, *message, &mut out).is_ok() {
        let _ = Decoder::new(JsonModel, schema, types).message(*message, &out);
    }
}

/// A `.proto` file.
pub fn proto_file(bytes: &[u8]) {
    let _ = compile(bytes.to_vec());
}

/// A set of descriptors, as in a file or from a server.
pub fn protoset(bytes: &[u8]) {
    let _ = load::descriptor_set(bytes).and_then(load::of_set);
}
