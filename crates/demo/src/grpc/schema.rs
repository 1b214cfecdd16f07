//! What the gRPC services look like: the `.proto` files as tables, and their descriptors for reflection.

use super::wire::{put_bytes, put_number, put_optional_number};

/// A `.proto` file.
pub(crate) struct File {
    pub(crate) name: &'static str,
    package: &'static str,
    messages: &'static [Message],
    services: &'static [Service],
}

struct Message {
    name: &'static str,
    fields: &'static [Field],
    /// The name of the `oneof` that some fields belong to; empty if there is none.
    oneof: &'static str,
    /// An enum inside the message: its name and values from 0.
    values: Option<(&'static str, &'static [&'static str])>,
}

struct Field {
    name: &'static str,
    number: i64,
    kind: Kind,
    place: Place,
}

#[derive(Clone, Copy)]
enum Kind {
    Int32,
    Int64,
    Text,
    Bytes,
    /// With the full name, beginning with a dot.
    Message(&'static str),
    Enum(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Single,
    Repeated,
    InOneof,
}

pub(crate) struct Service {
    name: &'static str,
    methods: &'static [Rpc],
}

struct Rpc {
    name: &'static str,
    input: &'static str,
    output: &'static str,
    streams: Streams,
}

/// Which sides send more than one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Streams {
    Neither,
    Client,
    Server,
    Both,
}

impl Streams {
    /// The label value of `grpc_type` in Prometheus.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Streams::Neither => "unary",
            Streams::Client => "client_stream",
            Streams::Server => "server_stream",
            Streams::Both => "bidi_stream",
        }
    }
}

const fn single(name: &'static str, number: i64, kind: Kind) -> Field {
    Field { name, number, kind, place: Place::Single }
}

const fn repeated(name: &'static str, number: i64, kind: Kind) -> Field {
    Field { name, number, kind, place: Place::Repeated }
}

const fn choice(name: &'static str, number: i64, kind: Kind) -> Field {
    Field { name, number, kind, place: Place::InOneof }
}

const fn message(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, fields, oneof: "", values: None }
}

const fn rpc(
    name: &'static str,
    input: &'static str,
    output: &'static str,
    streams: Streams,
) -> Rpc {
    Rpc { name, input, output, streams }
}

const SUM: File = File {
    name: "sum.proto",
    package: "sum",
    messages: &[
        message("SumRequest", &[single("x", 1, Kind::Int32), single("y", 2, Kind::Int32)]),
        message("SumResponse", &[single("sum", 1, Kind::Int32)]),
    ],
    services: &[Service {
        name: "SumNumbersService",
        methods: &[rpc("SumNumbers", ".sum.SumRequest", ".sum.SumResponse", Streams::Neither)],
    }],
};

const STREAMS: File = File {
    name: "squall/demo/streams.proto",
    package: "squall.demo",
    messages: &[
        message(
            "Payload",
            &[
                single("number", 1, Kind::Int64),
                single("text", 2, Kind::Text),
                single("data", 3, Kind::Bytes),
            ],
        ),
        message(
            "CountRequest",
            &[
                single("count", 1, Kind::Int32),
                single("size", 2, Kind::Int32),
                single("interval_ms", 3, Kind::Int32),
            ],
        ),
        message(
            "Summary",
            &[
                single("messages", 1, Kind::Int64),
                single("bytes", 2, Kind::Int64),
                single("total", 3, Kind::Int64),
            ],
        ),
    ],
    services: &[Service {
        name: "Streams",
        methods: &[
            rpc("Echo", ".squall.demo.Payload", ".squall.demo.Payload", Streams::Neither),
            rpc("Count", ".squall.demo.CountRequest", ".squall.demo.Payload", Streams::Server),
            rpc("Collect", ".squall.demo.Payload", ".squall.demo.Summary", Streams::Client),
            rpc("Chat", ".squall.demo.Payload", ".squall.demo.Payload", Streams::Both),
        ],
    }],
};

const HEALTH: File = File {
    name: "grpc/health/v1/health.proto",
    package: "grpc.health.v1",
    messages: &[
        message("HealthCheckRequest", &[single("service", 1, Kind::Text)]),
        Message {
            name: "HealthCheckResponse",
            fields: &[single(
                "status",
                1,
                Kind::Enum(".grpc.health.v1.HealthCheckResponse.ServingStatus"),
            )],
            oneof: "",
            values: Some((
                "ServingStatus",
                &["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"],
            )),
        },
    ],
    services: &[Service {
        name: "Health",
        methods: &[
            rpc(
                "Check",
                ".grpc.health.v1.HealthCheckRequest",
                ".grpc.health.v1.HealthCheckResponse",
                Streams::Neither,
            ),
            rpc(
                "Watch",
                ".grpc.health.v1.HealthCheckRequest",
                ".grpc.health.v1.HealthCheckResponse",
                Streams::Server,
            ),
        ],
    }],
};

/// The two versions of reflection differ by their package only.
macro_rules! reflection {
    ($name:literal, $package:literal) => {
        File {
            name: $name,
            package: $package,
            messages: &[
                Message {
                    name: "ServerReflectionRequest",
                    fields: &[
                        single("host", 1, Kind::Text),
                        choice("file_by_filename", 3, Kind::Text),
                        choice("file_containing_symbol", 4, Kind::Text),
                        choice(
                            "file_containing_extension",
                            5,
                            Kind::Message(concat!(".", $package, ".ExtensionRequest")),
                        ),
                        choice("all_extension_numbers_of_type", 6, Kind::Text),
                        choice("list_services", 7, Kind::Text),
                    ],
                    oneof: "message_request",
                    values: None,
                },
                message(
                    "ExtensionRequest",
                    &[
                        single("containing_type", 1, Kind::Text),
                        single("extension_number", 2, Kind::Int32),
                    ],
                ),
                Message {
                    name: "ServerReflectionResponse",
                    fields: &[
                        single("valid_host", 1, Kind::Text),
                        single(
                            "original_request",
                            2,
                            Kind::Message(concat!(".", $package, ".ServerReflectionRequest")),
                        ),
                        choice(
                            "file_descriptor_response",
                            4,
                            Kind::Message(concat!(".", $package, ".FileDescriptorResponse")),
                        ),
                        choice(
                            "all_extension_numbers_response",
                            5,
                            Kind::Message(concat!(".", $package, ".ExtensionNumberResponse")),
                        ),
                        choice(
                            "list_services_response",
                            6,
                            Kind::Message(concat!(".", $package, ".ListServiceResponse")),
                        ),
                        choice(
                            "error_response",
                            7,
                            Kind::Message(concat!(".", $package, ".ErrorResponse")),
                        ),
                    ],
                    oneof: "message_response",
                    values: None,
                },
                message(
                    "FileDescriptorResponse",
                    &[repeated("file_descriptor_proto", 1, Kind::Bytes)],
                ),
                message(
                    "ExtensionNumberResponse",
                    &[
                        single("base_type_name", 1, Kind::Text),
                        repeated("extension_number", 2, Kind::Int32),
                    ],
                ),
                message(
                    "ListServiceResponse",
                    &[repeated(
                        "service",
                        1,
                        Kind::Message(concat!(".", $package, ".ServiceResponse")),
                    )],
                ),
                message("ServiceResponse", &[single("name", 1, Kind::Text)]),
                message(
                    "ErrorResponse",
                    &[single("error_code", 1, Kind::Int32), single("error_message", 2, Kind::Text)],
                ),
            ],
            services: &[Service {
                name: "ServerReflection",
                methods: &[rpc(
                    "ServerReflectionInfo",
                    concat!(".", $package, ".ServerReflectionRequest"),
                    concat!(".", $package, ".ServerReflectionResponse"),
                    Streams::Both,
                )],
            }],
        }
    };
}

/// Every file there is.
pub(crate) const FILES: [File; 5] = [
    SUM,
    STREAMS,
    HEALTH,
    reflection!("grpc/reflection/v1/reflection.proto", "grpc.reflection.v1"),
    reflection!("grpc/reflection/v1alpha/reflection.proto", "grpc.reflection.v1alpha"),
];

impl File {
    /// The full names of its services.
    pub(crate) fn services(&self) -> impl Iterator<Item = String> {
        self.services.iter().map(|service| format!("{}.{}", self.package, service.name))
    }

    /// Which sides of a method stream, by the service's full name and the method's.
    pub(crate) fn streams(&self, service: &str, method: &str) -> Option<Streams> {
        let name = service.strip_prefix(self.package)?.strip_prefix('.')?;
        let service = self.services.iter().find(|have| have.name == name)?;
        service.methods.iter().find(|have| have.name == method).map(|rpc| rpc.streams)
    }

    /// Whether a message, enum, service or method of this full name is declared here.
    pub(crate) fn declares(&self, symbol: &str) -> bool {
        let name = symbol.strip_prefix(self.package).and_then(|rest| rest.strip_prefix('.'));
        let Some((name, inner)) = name.map(|name| name.split_once('.').unwrap_or((name, "")))
        else {
            return false;
        };
        let in_message = |message: &Message| {
            let has_field = message.fields.iter().any(|field| field.name == inner);
            let has_enum = message.values.is_some_and(|(name, _)| name == inner);
            message.name == name && (inner.is_empty() || has_field || has_enum)
        };
        let in_service = |service: &Service| {
            let has_method = service.methods.iter().any(|method| method.name == inner);
            service.name == name && (inner.is_empty() || has_method)
        };
        self.messages.iter().any(in_message) || self.services.iter().any(in_service)
    }

    /// The file as `google.protobuf.FileDescriptorProto`.
    pub(crate) fn descriptor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, 1, self.name.as_bytes());
        put_bytes(&mut out, 2, self.package.as_bytes());
        for message in self.messages {
            put_bytes(&mut out, 4, &message.descriptor());
        }
        for service in self.services {
            put_bytes(&mut out, 6, &service.descriptor());
        }
        put_bytes(&mut out, 12, b"proto3");
        out
    }
}

impl Message {
    fn descriptor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, 1, self.name.as_bytes());
        for field in self.fields {
            put_bytes(&mut out, 2, &field.descriptor());
        }
        if let Some((name, values)) = self.values {
            let mut inner = Vec::new();
            put_bytes(&mut inner, 1, name.as_bytes());
            for (number, name) in (0..).zip(values) {
                let mut value = Vec::new();
                put_bytes(&mut value, 1, name.as_bytes());
                put_optional_number(&mut value, 2, number);
                put_bytes(&mut inner, 2, &value);
            }
            put_bytes(&mut out, 4, &inner);
        }
        if !self.oneof.is_empty() {
            let mut inner = Vec::new();
            put_bytes(&mut inner, 1, self.oneof.as_bytes());
            put_bytes(&mut out, 8, &inner);
        }
        out
    }
}

impl Field {
    fn descriptor(&self) -> Vec<u8> {
        const OPTIONAL: i64 = 1;
        const REPEATED: i64 = 3;
        let (code, type_name) = match self.kind {
            Kind::Int64 => (3, ""),
            Kind::Int32 => (5, ""),
            Kind::Text => (9, ""),
            Kind::Message(name) => (11, name),
            Kind::Bytes => (12, ""),
            Kind::Enum(name) => (14, name),
        };
        let mut out = Vec::new();
        put_bytes(&mut out, 1, self.name.as_bytes());
        put_number(&mut out, 3, self.number);
        put_number(&mut out, 4, if self.place == Place::Repeated { REPEATED } else { OPTIONAL });
        put_number(&mut out, 5, code);
        if !type_name.is_empty() {
            put_bytes(&mut out, 6, type_name.as_bytes());
        }
        if self.place == Place::InOneof {
            put_optional_number(&mut out, 9, 0);
        }
        out
    }
}

impl Service {
    fn descriptor(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, 1, self.name.as_bytes());
        for method in self.methods {
            let mut inner = Vec::new();
            put_bytes(&mut inner, 1, method.name.as_bytes());
            put_bytes(&mut inner, 2, method.input.as_bytes());
            put_bytes(&mut inner, 3, method.output.as_bytes());
            let (client, server) = match method.streams {
                Streams::Neither => (0, 0),
                Streams::Client => (1, 0),
                Streams::Server => (0, 1),
                Streams::Both => (1, 1),
            };
            put_number(&mut inner, 5, client);
            put_number(&mut inner, 6, server);
            put_bytes(&mut out, 2, &inner);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_found_in_the_file_that_declares_them() {
        let find = |symbol| FILES.iter().find(|file| file.declares(symbol)).map(|file| file.name);
        for (symbol, file) in [
            ("sum.SumRequest", Some("sum.proto")),
            ("sum.SumRequest.x", Some("sum.proto")),
            ("sum.SumNumbersService", Some("sum.proto")),
            ("sum.SumNumbersService.SumNumbers", Some("sum.proto")),
            ("grpc.health.v1.HealthCheckResponse.ServingStatus", Some(HEALTH.name)),
            ("grpc.reflection.v1alpha.ServerReflection", Some(FILES[4].name)),
            ("grpc.reflection.v1.ServerReflection", Some(FILES[3].name)),
            ("sum", None),
            ("sum.", None),
            ("sum.Nope", None),
            ("sum.SumNumbersService.Nope", None),
            ("summer.SumRequest", None),
        ] {
            assert_eq!(find(symbol), file, "{symbol}");
        }
    }

    #[test]
    fn the_first_value_of_an_enum_has_its_number() {
        let text = b"\x0a\x07UNKNOWN\x10\x00";
        assert!(HEALTH.descriptor().windows(text.len()).any(|part| part == text));
    }

    #[test]
    fn methods_say_which_sides_stream() {
        let streams = |service, method| FILES.iter().find_map(|file| file.streams(service, method));
        assert_eq!(streams("sum.SumNumbersService", "SumNumbers"), Some(Streams::Neither));
        assert_eq!(streams("squall.demo.Streams", "Chat"), Some(Streams::Both));
        assert_eq!(streams("squall.demo.Streams", "Nope"), None);
        assert_eq!(streams("Streams", "Chat"), None);
    }
}
