//! The methods that are served, and what a call's metadata asks for.

use super::schema::{FILES, Streams};
use super::status::{Status, code};
use crate::route::Route;
use crate::span;
use http::HeaderMap;

macro_rules! methods {
    ($($name:ident $service:literal $method:literal,)*) => {
        /// A served method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Method { $($name,)* }

        impl Method {
            pub(crate) const ALL: &'static [Method] = &[$(Method::$name,)*];
            const NAMES: &'static [(&'static str, &'static str)] = &[$(($service, $method),)*];

            /// The method of a request's path.
            fn of(path: &str) -> Option<Method> {
                match path {
                    $(concat!("/", $service, "/", $method) => Some(Method::$name),)*
                    _ => None,
                }
            }
        }
    };
}

methods! {
    Sum "sum.SumNumbersService" "SumNumbers",
    Echo "squall.demo.Streams" "Echo",
    Count "squall.demo.Streams" "Count",
    Collect "squall.demo.Streams" "Collect",
    Chat "squall.demo.Streams" "Chat",
    HealthCheck "grpc.health.v1.Health" "Check",
    HealthWatch "grpc.health.v1.Health" "Watch",
    Reflect "grpc.reflection.v1.ServerReflection" "ServerReflectionInfo",
    ReflectAlpha "grpc.reflection.v1alpha.ServerReflection" "ServerReflectionInfo",
}

impl Method {
    /// Service and method.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        Method::NAMES[self as usize]
    }

    /// Which sides stream.
    pub(crate) fn streams(self) -> Streams {
        let (service, method) = self.names();
        let found = FILES.iter().find_map(|file| file.streams(service, method));
        found.unwrap_or(Streams::Neither)
    }

    /// Whether one message comes and one goes.
    pub(crate) fn is_unary(self) -> bool {
        matches!(self, Method::Sum | Method::Echo | Method::HealthCheck)
    }

    /// What the log and the counts call it.
    pub(crate) fn route(self) -> Route {
        match self {
            Method::Sum => Route::GrpcSum,
            Method::Echo => Route::GrpcEcho,
            Method::Count => Route::GrpcCount,
            Method::Collect => Route::GrpcCollect,
            Method::Chat => Route::GrpcChat,
            Method::HealthCheck => Route::GrpcHealthCheck,
            Method::HealthWatch => Route::GrpcHealthWatch,
            Method::Reflect => Route::GrpcReflect,
            Method::ReflectAlpha => Route::GrpcReflectAlpha,
        }
    }

    /// The method that a path names.
    ///
    /// # Errors
    /// The status for one that is not served, in the words of Go's server.
    pub(crate) fn find(path: &str) -> Result<Method, Status> {
        if let Some(method) = Method::of(path) {
            return Ok(method);
        }
        let names = path.strip_prefix('/').unwrap_or(path).rsplit_once('/');
        let text = match names {
            None => format!("malformed method name: {path:?}"),
            Some((service, method)) => {
                let is_known = Method::NAMES.iter().any(|(have, _)| *have == service);
                match is_known {
                    true => format!("unknown method {method} for service {service}"),
                    false => format!("unknown service {service}"),
                }
            }
        };
        Err(Status::new(code::UNIMPLEMENTED, text))
    }
}

/// How a call is reset instead of answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// The stream, with an HTTP/2 error code.
    Stream(u32),
    /// The whole TCP connection.
    Connection,
}

/// What the metadata asks for: `squall-delay: 20ms`, `squall-status: 14` with `squall-message: …`,
/// `squall-reset: CODE|connection`; entries named `echo-…` and `trail-…` come back as header and trailer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) delay_ns: Option<u64>,
    pub(crate) status: Option<u8>,
    pub(crate) message: Option<String>,
    pub(crate) reset: Option<Reset>,
    pub(crate) echoes: bool,
}

impl Wishes {
    /// Reads the request's metadata.
    ///
    /// # Errors
    /// What is wrong with a value.
    pub(crate) fn parse(headers: &HeaderMap) -> Result<Wishes, Status> {
        let mut wishes = Wishes::default();
        for (name, value) in headers {
            let name = name.as_str();
            if name.starts_with("echo-") || name.starts_with("trail-") {
                wishes.echoes = true;
            }
            let Some(wish) = name.strip_prefix("squall-") else { continue };
            let text = value.to_str().unwrap_or_default();
            let bad = || Status::new(code::INVALID_ARGUMENT, format!("invalid `{name}`: `{text}`"));
            match wish {
                "delay" => wishes.delay_ns = Some(span::parse_ns(text).ok_or_else(bad)?),
                "status" => wishes.status = Some(text.parse().map_err(|_| bad())?),
                "message" => wishes.message = Some(text.to_owned()),
                "reset" if text == "connection" => wishes.reset = Some(Reset::Connection),
                "reset" => wishes.reset = Some(Reset::Stream(text.parse().map_err(|_| bad())?)),
                _ => return Err(bad()),
            }
        }
        Ok(wishes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_path_and_declared_in_a_file() {
        for method in Method::ALL {
            let (service, name) = method.names();
            assert_eq!(Method::find(&format!("/{service}/{name}")), Ok(*method));
            let declared = FILES.iter().find_map(|file| file.streams(service, name));
            assert_eq!(declared, Some(method.streams()), "{name}");
            assert_eq!(method.is_unary(), method.streams() == Streams::Neither);
            assert_eq!(method.route().pattern(), format!("/{service}/{name}"));
        }
    }

    #[test]
    fn unknown_methods_are_refused_as_go_does() {
        for (path, text) in [
            (
                "/sum.SumNumbersService/Nope",
                "unknown method Nope for service sum.SumNumbersService",
            ),
            ("/nope.Nope/Sum", "unknown service nope.Nope"),
            ("/nope", "malformed method name: \"/nope\""),
        ] {
            let status = Method::find(path).unwrap_err();
            assert_eq!((status.code, status.message.as_str()), (code::UNIMPLEMENTED, text));
        }
    }

    #[test]
    fn metadata_asks_for_faults_and_bad_values_are_named() {
        let parse = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            Wishes::parse(&headers)
        };
        assert_eq!(parse(&[("user-agent", "x")]), Ok(Wishes::default()));
        let wishes = parse(&[("squall-delay", "20ms"), ("squall-status", "14")]).unwrap();
        assert_eq!((wishes.delay_ns, wishes.status), (Some(20_000_000), Some(14)));
        assert_eq!(parse(&[("squall-reset", "8")]).unwrap().reset, Some(Reset::Stream(8)));
        let reset = parse(&[("squall-reset", "connection")]).unwrap().reset;
        assert_eq!(reset, Some(Reset::Connection));
        assert!(parse(&[("trail-a", "b")]).unwrap().echoes);
        for name in ["squall-delay", "squall-status", "squall-reset", "squall-x"] {
            assert!(parse(&[(name, "soon")]).unwrap_err().message.contains(name));
        }
    }
}
