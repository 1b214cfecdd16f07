//! Asking a server what it serves: `grpc.reflection.v1.ServerReflection`, or its older name.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use net::grpc::frame::PREFIX_BYTES;
use net::grpc::{Call, Channel, Code, Event, Metadata, Sender, Status};
use protox::file::{FileResolver as _, GoogleFileResolver};
use rt::Nanos;

use super::wire::{Cursor, Malformed, WireType, put_bytes, put_tag};

/// The two names of the service, the newer first.
const METHODS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
/// Bytes of all files of a server.
const MAX_BYTES: usize = 64 << 20;
/// Fields of `ServerReflectionRequest`.
const FILE_BY_NAME: u32 = 3;
const FILE_WITH_SYMBOL: u32 = 4;
const LIST_SERVICES: u32 = 7;

/// Gets the files of all services of a server, an encoded `FileDescriptorSet`.
///
/// # Errors
/// k6's text.
pub(super) async fn ask(
    channel: &Rc<Channel>,
    metadata: &Metadata,
    deadline: Nanos,
) -> Result<Vec<u8>, String> {
    let mut last = Status::ok();
    for method in METHODS {
        match Conversation::begin(channel, method, metadata, deadline).await {
            Ok(mut conversation) => match conversation.services().await {
                Ok(services) => return conversation.files(&services).await,
                Err(status) => last = status,
            },
            Err(status) => last = status,
        }
        if last.code != Code::UNIMPLEMENTED {
            break;
        }
    }
    Err(format!("can't list services: {last}"))
}

struct Conversation {
    channel: Rc<Channel>,
    call: Call,
    sender: Sender,
}

/// What the server answered.
enum Answer {
    Files(Vec<Vec<u8>>),
    Services(Vec<String>),
    Error(Status),
}

impl Conversation {
    async fn begin(
        channel: &Rc<Channel>,
        method: &str,
        metadata: &Metadata,
        deadline: Nanos,
    ) -> Result<Conversation, Status> {
        let endpoint = channel.endpoint(method)?;
        let (call, sender) = channel.begin(&endpoint, metadata, Some(deadline)).await?;
        Ok(Conversation { channel: channel.clone(), call, sender })
    }

    async fn request(&mut self, field: u32, value: &str) -> Result<Answer, Status> {
        let mut message = vec![0; PREFIX_BYTES];
        put_tag(&mut message, field, WireType::Bytes);
        put_bytes(&mut message, value.as_bytes());
        // Why it could not be sent, the answer tells.
        let _ = self.sender.send(message, false);
        match self.call.next(&self.channel).await {
            Event::Message(bytes) => answer(&bytes).map_err(|Malformed| {
                Status::new(Code::INTERNAL, "cannot parse the answer of the reflection service")
            }),
            Event::End(status) if status.code == Code::OK => Err(Status::new(Code::UNKNOWN, "EOF")),
            Event::End(status) => Err(status),
            Event::Late => Err(Status::deadline_exceeded()),
        }
    }

    async fn services(&mut self) -> Result<Vec<String>, Status> {
        match self.request(LIST_SERVICES, "*").await? {
            Answer::Services(services) => Ok(services),
            Answer::Error(status) => Err(status),
            Answer::Files(_) => Err(Status::new(Code::INTERNAL, "unexpected answer")),
        }
    }

    async fn files(&mut self, services: &[String]) -> Result<Vec<u8>, String> {
        let mut known: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut wanted: VecDeque<(u32, String)> =
            services.iter().map(|name| (FILE_WITH_SYMBOL, name.clone())).collect();
        let mut size = 0;
        while let Some((field, name)) = wanted.pop_front() {
            if field == FILE_BY_NAME && known.contains_key(&name) {
                continue;
            }
            let got = match self.request(field, &name).await {
                Ok(Answer::Files(files)) => files,
                Ok(Answer::Error(_)) | Err(_) if field == FILE_BY_NAME => {
                    // Those of the language itself need not come from the server.
                    match builtin(&name) {
                        Some(file) => vec![file],
                        None => continue,
                    }
                }
                Ok(Answer::Error(status)) | Err(status) => {
                    let quoted = super::quoted(&name);
                    return Err(format!("can't get method on service {quoted}: {status}"));
                }
                Ok(Answer::Services(_)) => {
                    return Err("the reflection service gave an unexpected answer".to_owned());
                }
            };
            for file in got {
                size += file.len();
                if size > MAX_BYTES {
                    return Err(format!("the server's files are more than {MAX_BYTES} bytes"));
                }
                let (name, imports) = name_and_imports(&file).map_err(|Malformed| {
                    "the server's file descriptor cannot be parsed".to_owned()
                })?;
                let missing = imports.into_iter().filter(|import| !known.contains_key(import));
                wanted.extend(missing.map(|import| (FILE_BY_NAME, import)));
                known.insert(name, file);
            }
        }
        self.sender.finish();
        let mut set = Vec::with_capacity(size + known.len() * 4);
        for file in known.values() {
            put_tag(&mut set, 1, WireType::Bytes);
            put_bytes(&mut set, file);
        }
        Ok(set)
    }
}

/// A file that comes with the language.
fn builtin(name: &str) -> Option<Vec<u8>> {
    let file = GoogleFileResolver::new().open_file(name).ok()?;
    Some(prost::Message::encode_to_vec(file.file_descriptor_proto()))
}

/// Reads a `ServerReflectionResponse`.
fn answer(bytes: &[u8]) -> Result<Answer, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut answer = None;
    while !cursor.is_at_end() {
        match cursor.tag()? {
            (4, WireType::Bytes) => {
                let files = strings(cursor.bytes()?, 1)?;
                answer = Some(Answer::Files(files.into_iter().map(<[u8]>::to_vec).collect()));
            }
            (6, WireType::Bytes) => {
                let mut names = Vec::new();
                for service in strings(cursor.bytes()?, 1)? {
                    for name in strings(service, 1)? {
                        names.push(String::from_utf8_lossy(name).into_owned());
                    }
                }
                answer = Some(Answer::Services(names));
            }
            (7, WireType::Bytes) => answer = Some(Answer::Error(error(cursor.bytes()?)?)),
            (number, wire) => cursor.skip(number, wire)?,
        }
    }
    answer.ok_or(Malformed)
}

fn error(bytes: &[u8]) -> Result<Status, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut status = Status::new(Code::UNKNOWN, "");
    while !cursor.is_at_end() {
        match cursor.tag()? {
            (1, WireType::Varint) => status.code = Code(cursor.varint()? as u32),
            (2, WireType::Bytes) => {
                status.message = String::from_utf8_lossy(cursor.bytes()?).into_owned();
            }
            (number, wire) => cursor.skip(number, wire)?,
        }
    }
    Ok(status)
}

/// All values of one field of bytes.
fn strings(bytes: &[u8], field: u32) -> Result<Vec<&[u8]>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut out = Vec::new();
    while !cursor.is_at_end() {
        match cursor.tag()? {
            (number, WireType::Bytes) if number == field => out.push(cursor.bytes()?),
            (number, wire) => cursor.skip(number, wire)?,
        }
    }
    Ok(out)
}

/// Name and imports of an encoded `FileDescriptorProto`.
fn name_and_imports(file: &[u8]) -> Result<(String, Vec<String>), Malformed> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = strings(file, 1)?.last().map(|name| text(name)).unwrap_or_default();
    let imports = strings(file, 3)?.into_iter().map(text).collect();
    Ok((name, imports))
}
