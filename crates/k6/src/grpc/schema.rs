//! What `.proto` files say, as tables for the path of a request: made once for a process, shared by all VUs.

use std::collections::HashMap;

use prost_reflect::{
    Cardinality, DescriptorPool, FieldDescriptor, Kind as ReflectKind, MessageDescriptor, Syntax,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::wire::WireType;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    /// Index into [`Schema::enums`].
    Enum(u32),
    /// Index into [`Schema::messages`].
    Message(u32),
    /// The same, between tags of proto2's groups.
    Group(u32),
}

impl Kind {
    /// The name in Go's error texts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Double => "double",
            Kind::Float => "float",
            Kind::Int32 => "int32",
            Kind::Int64 => "int64",
            Kind::Uint32 => "uint32",
            Kind::Uint64 => "uint64",
            Kind::Sint32 => "sint32",
            Kind::Sint64 => "sint64",
            Kind::Fixed32 => "fixed32",
            Kind::Fixed64 => "fixed64",
            Kind::Sfixed32 => "sfixed32",
            Kind::Sfixed64 => "sfixed64",
            Kind::Bool => "bool",
            Kind::String => "string",
            Kind::Bytes => "bytes",
            Kind::Enum(_) => "enum",
            Kind::Message(_) => "message",
            Kind::Group(_) => "group",
        }
    }

    /// How one value is laid out.
    pub(crate) fn wire(self) -> WireType {
        match self {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireType::Fixed64,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireType::Fixed32,
            Kind::String | Kind::Bytes | Kind::Message(_) => WireType::Bytes,
            Kind::Group(_) => WireType::StartGroup,
            _ => WireType::Varint,
        }
    }

    /// Whether lists of it may be packed.
    pub(crate) fn is_packable(self) -> bool {
        !matches!(self, Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Group(_))
    }

    /// The message it holds.
    pub(crate) fn message(self) -> Option<u32> {
        match self {
            Kind::Message(index) | Kind::Group(index) => Some(index),
            _ => None,
        }
    }
}

/// How many values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    List,
    /// `kind` is the entry's message: its fields are key and value.
    Map,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub number: u32,
    pub kind: Kind,
    pub shape: Shape,
    /// Lists are written packed.
    pub is_packed: bool,
    /// Being unset is not the same as being zero.
    pub has_presence: bool,
    /// proto2's `required`.
    pub is_required: bool,
    /// Index into [`Message::oneofs`], those of proto3's `optional` included.
    pub oneof: Option<u16>,
    /// Text must be UTF-8.
    pub is_utf8: bool,
    pub name: Box<str>,
    pub full_name: Box<str>,
    pub json_name: Box<str>,
}

/// Messages whose JSON is a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Any,
    Timestamp,
    Duration,
    /// `BoolValue` and its kin.
    Wrapper,
    Struct,
    ListValue,
    Value,
    FieldMask,
    Empty,
}

impl Known {
    fn of(full_name: &str) -> Option<Known> {
        Some(match full_name.strip_prefix("google.protobuf.")? {
            "Any" => Known::Any,
            "Timestamp" => Known::Timestamp,
            "Duration" => Known::Duration,
            "BoolValue" | "Int32Value" | "Int64Value" | "UInt32Value" | "UInt64Value"
            | "FloatValue" | "DoubleValue" | "StringValue" | "BytesValue" => Known::Wrapper,
            "Struct" => Known::Struct,
            "ListValue" => Known::ListValue,
            "Value" => Known::Value,
            "FieldMask" => Known::FieldMask,
            "Empty" => Known::Empty,
            _ => return None,
        })
    }
}

/// A message type.
#[derive(Debug)]
pub(crate) struct Message {
    pub full_name: Box<str>,
    pub known: Option<Known>,
    /// In the order of the file.
    pub fields: Vec<Field>,
    /// Full names.
    pub oneofs: Vec<Box<str>>,
    /// It or a message in it has `required` fields.
    pub has_required: bool,
    by_number: FxHashMap<u32, u16>,
    by_name: FxHashMap<Box<str>, u16>,
}

/// Numbers of fields that are looked up without a hash, as most are numbered in order.
const IN_ORDER: u32 = 64;

impl Message {
    /// The index of the field with this number.
    #[inline]
    pub(crate) fn field_numbered(&self, number: u32) -> Option<usize> {
        let guess = number.wrapping_sub(1) as usize;
        if number <= IN_ORDER
            && let Some(field) = self.fields.get(guess)
            && field.number == number
        {
            return Some(guess);
        }
        self.by_number.get(&number).map(|index| usize::from(*index))
    }

    /// The index of the field that JSON calls `name`: by its JSON name, else by its name in the file.
    pub(crate) fn field_named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).map(|index| usize::from(*index))
    }
}

/// An enum type.
#[derive(Debug)]
pub(crate) struct Enum {
    pub is_null: bool,
    by_number: FxHashMap<i32, Box<str>>,
    by_name: FxHashMap<Box<str>, i32>,
}

impl Enum {
    pub(crate) fn name(&self, number: i32) -> Option<&str> {
        self.by_number.get(&number).map(|name| &**name)
    }

    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.by_name.get(name).copied()
    }
}

/// A method of a service.
#[derive(Debug, Clone)]
pub(crate) struct Method {
    pub package: Box<str>,
    /// The service without its package.
    pub service: Box<str>,
    /// `/package.Service/Method`.
    pub path: Box<str>,
    pub input: u32,
    pub output: u32,
    pub name: Box<str>,
    pub is_client_streaming: bool,
    pub is_server_streaming: bool,
}

/// Everything that a set of files defines.
#[derive(Debug)]
pub(crate) struct Schema {
    pub messages: Vec<Message>,
    pub enums: Vec<Enum>,
    /// In the order of the files.
    pub methods: Vec<Method>,
    by_path: HashMap<Box<str>, u32>,
    by_name: HashMap<Box<str>, u32>,
}

impl Schema {
    /// The tables of a checked set of files.
    ///
    /// # Errors
    /// Files that say more than the tables can hold.
    pub(crate) fn new(pool: &DescriptorPool) -> Result<Schema, String> {
        let mut by_name = HashMap::new();
        let mut enums_by_name = HashMap::new();
        for (index, message) in pool.all_messages().enumerate() {
            by_name.insert(Box::from(message.full_name()), index as u32);
        }
        let mut enums = Vec::new();
        for (index, descriptor) in pool.all_enums().enumerate() {
            enums_by_name.insert(descriptor.full_name().to_owned(), index as u32);
            let mut out = Enum {
                is_null: descriptor.full_name() == "google.protobuf.NullValue",
                by_number: FxHashMap::default(),
                by_name: FxHashMap::default(),
            };
            for value in descriptor.values() {
                // Of aliases the first is shown.
                out.by_number.entry(value.number()).or_insert_with(|| value.name().into());
                out.by_name.insert(value.name().into(), value.number());
            }
            enums.push(out);
        }
        let kinds = Kinds { messages: &by_name, enums: &enums_by_name };
        let mut messages = Vec::with_capacity(by_name.len());
        for descriptor in pool.all_messages() {
            messages.push(message(&descriptor, &kinds)?);
        }
        mark_required(&mut messages);
        let mut schema =
            Schema { messages, enums, methods: Vec::new(), by_path: HashMap::new(), by_name };
        schema.add_methods(pool)?;
        Ok(schema)
    }

    fn add_methods(&mut self, pool: &DescriptorPool) -> Result<(), String> {
        for service in pool.services() {
            for method in service.methods() {
                let path: Box<str> = format!("/{}/{}", service.full_name(), method.name()).into();
                let find = |name: &str| {
                    let found = self.by_name.get(name).copied();
                    found.ok_or_else(|| format!("message {name} of {path} is not defined"))
                };
                let method = Method {
                    package: service.package_name().into(),
                    service: service.name().into(),
                    name: method.name().into(),
                    input: find(method.input().full_name())?,
                    output: find(method.output().full_name())?,
                    is_client_streaming: method.is_client_streaming(),
                    is_server_streaming: method.is_server_streaming(),
                    path: path.clone(),
                };
                self.by_path.insert(path, self.methods.len() as u32);
                self.methods.push(method);
            }
        }
        Ok(())
    }

    /// The method `/package.Service/Method`.
    pub(crate) fn method(&self, path: &str) -> Option<u32> {
        self.by_path.get(path).copied()
    }

    /// The message of this full name.
    pub(crate) fn message_named(&self, full_name: &str) -> Option<u32> {
        self.by_name.get(full_name).copied()
    }

    #[inline]
    pub(crate) fn message(&self, index: u32) -> &Message {
        &self.messages[index as usize]
    }
}

struct Kinds<'a> {
    messages: &'a HashMap<Box<str>, u32>,
    enums: &'a HashMap<String, u32>,
}

impl Kinds<'_> {
    fn of(&self, field: &FieldDescriptor) -> Result<Kind, String> {
        Ok(match field.kind() {
            ReflectKind::Double => Kind::Double,
            ReflectKind::Float => Kind::Float,
            ReflectKind::Int32 => Kind::Int32,
            ReflectKind::Int64 => Kind::Int64,
            ReflectKind::Uint32 => Kind::Uint32,
            ReflectKind::Uint64 => Kind::Uint64,
            ReflectKind::Sint32 => Kind::Sint32,
            ReflectKind::Sint64 => Kind::Sint64,
            ReflectKind::Fixed32 => Kind::Fixed32,
            ReflectKind::Fixed64 => Kind::Fixed64,
            ReflectKind::Sfixed32 => Kind::Sfixed32,
            ReflectKind::Sfixed64 => Kind::Sfixed64,
            ReflectKind::Bool => Kind::Bool,
            ReflectKind::String => Kind::String,
            ReflectKind::Bytes => Kind::Bytes,
            ReflectKind::Message(message) => {
                let index = self.messages.get(message.full_name());
                let &index = index
                    .ok_or_else(|| format!("message {} is not defined", message.full_name()))?;
                if field.is_group() { Kind::Group(index) } else { Kind::Message(index) }
            }
            ReflectKind::Enum(named) => {
                let index = self.enums.get(named.full_name());
                Kind::Enum(
                    *index.ok_or_else(|| format!("enum {} is not defined", named.full_name()))?,
                )
            }
        })
    }
}

fn message(descriptor: &MessageDescriptor, kinds: &Kinds<'_>) -> Result<Message, String> {
    let is_utf8 = descriptor.parent_file().syntax() != Syntax::Proto2;
    let oneofs: Vec<Box<str>> =
        descriptor.oneofs().map(|oneof| Box::from(oneof.full_name())).collect();
    let mut out = Message {
        full_name: descriptor.full_name().into(),
        known: Known::of(descriptor.full_name()),
        fields: Vec::new(),
        oneofs,
        has_required: false,
        by_number: FxHashMap::default(),
        by_name: FxHashMap::default(),
    };
    for field in descriptor.fields() {
        let index = u16::try_from(out.fields.len())
            .map_err(|_| format!("{} has more than 65,536 fields", descriptor.full_name()))?;
        let oneof = field
            .containing_oneof()
            .and_then(|oneof| out.oneofs.iter().position(|name| **name == *oneof.full_name()));
        let is_required = field.cardinality() == Cardinality::Required;
        out.has_required |= is_required;
        out.by_number.insert(field.number(), index);
        out.fields.push(Field {
            number: field.number(),
            kind: kinds.of(&field)?,
            shape: if field.is_map() {
                Shape::Map
            } else if field.is_list() {
                Shape::List
            } else {
                Shape::One
            },
            is_packed: field.is_packed(),
            has_presence: field.supports_presence(),
            is_required,
            oneof: oneof.and_then(|i| u16::try_from(i).ok()),
            is_utf8,
            name: field.name().into(),
            full_name: field.full_name().into(),
            json_name: field.json_name().into(),
        });
    }
    // JSON names win over names of the file.
    for (index, field) in out.fields.iter().enumerate() {
        out.by_name.insert(field.json_name.clone(), index as u16);
    }
    for (index, field) in out.fields.iter().enumerate() {
        out.by_name.entry(field.name.clone()).or_insert(index as u16);
    }
    Ok(out)
}

/// Whoever contains a message with `required` fields has some too.
fn mark_required(messages: &mut [Message]) {
    let mut marked: FxHashSet<u32> = FxHashSet::default();
    for (index, message) in messages.iter().enumerate() {
        if message.has_required {
            marked.insert(index as u32);
        }
    }
    let mut before = 0;
    while !marked.is_empty() && marked.len() != before {
        before = marked.len();
        for (index, message) in messages.iter_mut().enumerate() {
            let contains =
                |field: &Field| field.kind.message().is_some_and(|m| marked.contains(&m));
            if !message.has_required && message.fields.iter().any(contains) {
                message.has_required = true;
                marked.insert(index as u32);
            }
        }
    }
}
