//! `httpDebug` for gRPC: what each call sends and gets, in the log. As in k6 messages are there when it is `full`.
//!
//! Messages are shown as scripts see them, in JSON. How many bytes a head took on the wire, which k6 tells, is not known here.

use std::sync::Arc;

use net::grpc::{Channel, Metadata};

use super::VuGrpc;
use super::client::Found;
use super::decode::Decoder;
use super::model::JsonModel;
use super::schema::Schema;
use crate::host::VuHost;
use crate::http::Debug;
use crate::log::Level;

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Out,
    In,
}

impl VuGrpc {
    /// A call begins.
    pub(super) fn debug_begin(
        &self,
        host: &VuHost,
        channel: &Channel,
        path: &str,
        metadata: &Metadata,
    ) {
        if self.settings.debug_level().is_none() {
            return;
        }
        let remote = channel.remote_addr().map(|remote| remote.to_string()).unwrap_or_default();
        let mut text = format!("Out Header:\nFull Method: {path}\nRemote Address: {remote}\n");
        push_metadata(&mut text, metadata);
        text.push_str(&format!("user-agent: {}\n\n", channel.user_agent()));
        tell(host, text);
    }

    /// The head of an answer has come.
    pub(super) fn debug_head(&self, host: &VuHost, headers: &Metadata) {
        if self.settings.debug_level().is_none() {
            return;
        }
        let mut text = "In Header:\n".to_owned();
        push_metadata(&mut text, headers);
        text.push('\n');
        tell(host, text);
    }

    /// A message goes out or has come in.
    pub(super) fn debug_message(
        &self,
        host: &VuHost,
        way: Way,
        found: &Found,
        types: &[Arc<Schema>],
        bytes: &[u8],
    ) {
        if self.settings.debug_level() != Some(Debug::Full) {
            return;
        }
        let method = found.method();
        let (name, kind) = match way {
            Way::Out => ("Out", method.input),
            Way::In => ("In", method.output),
        };
        let shown = match Decoder::new(JsonModel, &found.schema, types).message(kind, bytes) {
            Ok(value) => value.to_string(),
            Err(_) => "no message of its type".to_owned(),
        };
        // With the five bytes that gRPC puts before it.
        let length = bytes.len() + net::grpc::frame::PREFIX_BYTES;
        tell(host, format!("{name} Payload:\nWire Length: {length}\n{shown}\n\n"));
    }
}

fn push_metadata(text: &mut String, metadata: &Metadata) {
    for (name, value) in metadata.iter() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value)));
    }
}

fn tell(host: &VuHost, text: String) {
    host.log(Level::Info, text, vec![("source", "http-debug".to_owned())]);
}
