//! Which endpoint a path belongs to: a fixed table, so that counts, the log and the metrics name
//! a bounded set of routes whatever paths a client invents.

/// How an endpoint is treated by the log, the modes and the fault parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Logged, counted, and subject to modes and fault parameters.
    Service,
    /// `/metrics`: neither logged nor delayed by modes, as if it were served on a port of its own,
    /// so that a probe does not disturb what it observes.
    Scrape,
    /// The `/_…` endpoints: outside everything.
    Admin,
}

/// The methods an endpoint answers; others get 405. HEAD goes where GET goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    Any,
    Get,
    Post,
    Put,
    Patch,
    Delete,
    GetOrPost,
    GetOrPut,
}

impl Allowed {
    pub(crate) fn permits(self, method: &[u8]) -> bool {
        let get = matches!(method, b"GET" | b"HEAD");
        match self {
            Allowed::Any => true,
            Allowed::Get => get,
            Allowed::Post => method == b"POST",
            Allowed::Put => method == b"PUT",
            Allowed::Patch => method == b"PATCH",
            Allowed::Delete => method == b"DELETE",
            Allowed::GetOrPost => get || method == b"POST",
            Allowed::GetOrPut => get || method == b"PUT",
        }
    }

    /// The value of the `Allow` header.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Allowed::Any => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            Allowed::Get => "GET, HEAD, OPTIONS",
            Allowed::Post => "POST, OPTIONS",
            Allowed::Put => "PUT, OPTIONS",
            Allowed::Patch => "PATCH, OPTIONS",
            Allowed::Delete => "DELETE, OPTIONS",
            Allowed::GetOrPost => "GET, HEAD, POST, OPTIONS",
            Allowed::GetOrPut => "GET, HEAD, PUT, OPTIONS",
        }
    }
}

macro_rules! routes {
    ($($name:ident $pattern:literal $kind:ident $allowed:ident,)*) => {
        /// One endpoint. A pattern segment `:x` stands for any one segment, a final `*` for the rest.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub(crate) enum Route { $($name,)* }

        impl Route {
            /// All routes in table order; `route as usize` indexes it.
            pub(crate) const ALL: &'static [Route] = &[$(Route::$name,)*];
            const PATTERNS: &'static [&'static str] = &[$($pattern,)*];
            const KINDS: &'static [Kind] = &[$(Kind::$kind,)*];
            const ALLOWED: &'static [Allowed] = &[$(Allowed::$allowed,)*];
        }
    };
}

routes! {
    Root "/" Service Any,
    Health "/health" Service Get,
    Healthz "/healthz" Service Get,
    Ready "/ready" Service Get,
    Healthcheck "/v1/healthcheck" Service Get,
    Results "/v1/results" Service Get,
    Predict "/predict" Service Post,
    PredictV1 "/v1/predict" Service Post,
    PredictApi "/api/v1/predict" Service Post,
    Feedback "/feedback" Service Post,
    Login "/api/auth/login" Service Post,
    Portfolio "/api/portfolio" Service Get,
    Trades "/api/trades" Service GetOrPost,
    Positions "/api/positions" Service Get,
    Signals "/api/signals" Service Get,
    ApiHealth "/api/v1/health/" Service Get,
    ApiHealthBare "/api/v1/health" Service Get,
    SessionLogin "/api/v1/auth/login/" Service Post,
    SessionLoginBare "/api/v1/auth/login" Service Post,
    SessionLogout "/api/v1/auth/logout/" Service Post,
    SessionUser "/api/v1/auth/me/" Service Get,
    Deployments "/api/v1/deployments/" Service GetOrPost,
    Deployment "/api/v1/deployments/:id/" Service Get,
    Approvals "/api/v1/approvals/" Service Get,
    Approve "/api/v1/approvals/:id/approve/" Service Post,
    Reject "/api/v1/approvals/:id/reject/" Service Post,
    CabPending "/api/v1/cab/pending/" Service Get,
    CabApprove "/api/v1/cab/:id/approve/" Service Post,
    CabReject "/api/v1/cab/:id/reject/" Service Post,
    Connectors "/api/v1/connectors/" Service Get,
    ConnectorPublish "/api/v1/connectors/publish/" Service Post,
    ConnectorStatus "/api/v1/connectors/status/:id/" Service Get,
    ConnectorRemediate "/api/v1/connectors/remediate/" Service Post,
    Metrics "/metrics" Scrape Get,
    Get "/get" Service Get,
    Post "/post" Service Post,
    Put "/put" Service Put,
    Patch "/patch" Service Patch,
    Delete "/delete" Service Delete,
    Anything "/anything" Service Any,
    AnythingBelow "/anything/*" Service Any,
    Headers "/headers" Service Get,
    Ip "/ip" Service Get,
    UserAgent "/user-agent" Service Get,
    Status "/status/:code" Service Any,
    Redirect "/redirect/:n" Service Any,
    RelativeRedirect "/relative-redirect/:n" Service Any,
    AbsoluteRedirect "/absolute-redirect/:n" Service Any,
    RedirectTo "/redirect-to" Service Any,
    Cookies "/cookies" Service Get,
    CookiesSet "/cookies/set" Service Get,
    CookieSetOne "/cookies/set/:name/:value" Service Get,
    CookiesDelete "/cookies/delete" Service Get,
    BasicAuth "/basic-auth/:user/:pass" Service Any,
    DigestAuth "/digest-auth/:qop/:user/:pass" Service Any,
    Gzip "/gzip" Service Get,
    Deflate "/deflate" Service Get,
    Brotli "/brotli" Service Get,
    Zstd "/zstd" Service Get,
    Bytes "/bytes/:n" Service Get,
    Stream "/stream/:n" Service Get,
    Drip "/drip" Service Get,
    Delay "/delay/:seconds" Service Any,
    Html "/html" Service Get,
    FormsPost "/forms/post" Service Get,
    Json "/json" Service Get,
    ResponseHeaders "/response-headers" Service Any,
    Utf8 "/encoding/utf8" Service Get,
    GrpcSum "/sum.SumNumbersService/SumNumbers" Service Post,
    GrpcEcho "/squall.demo.Streams/Echo" Service Post,
    GrpcCount "/squall.demo.Streams/Count" Service Post,
    GrpcCollect "/squall.demo.Streams/Collect" Service Post,
    GrpcChat "/squall.demo.Streams/Chat" Service Post,
    GrpcHealthCheck "/grpc.health.v1.Health/Check" Service Post,
    GrpcHealthWatch "/grpc.health.v1.Health/Watch" Service Post,
    GrpcReflect "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" Service Post,
    GrpcReflectAlpha "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" Service Post,
    WsEcho "/ws/echo" Service Get,
    Control "/_control" Admin GetOrPut,
    Log "/_log" Admin Get,
    Stats "/_stats" Admin Get,
    Reset "/_reset" Admin Post,
    Transcript "/_transcript" Admin Get,
    NotFound "(not found)" Service Any,
    Malformed "(malformed)" Service Any,
}

impl Route {
    pub(crate) const COUNT: usize = Route::ALL.len();

    /// The route of a path without its query; `NotFound` when no endpoint has it.
    pub(crate) fn of(path: &[u8]) -> Route {
        // The endpoints that load is usually put on skip the walk over the table.
        match path {
            b"/" => return Route::Root,
            b"/v1/results" => return Route::Results,
            b"/v1/healthcheck" => return Route::Healthcheck,
            b"/predict" => return Route::Predict,
            b"/api/v1/deployments/" => return Route::Deployments,
            _ => {}
        }
        if path.first() != Some(&b'/') {
            return Route::NotFound;
        }
        let found = Route::PATTERNS.iter().position(|pattern| matches(pattern.as_bytes(), path));
        found.map_or(Route::NotFound, |index| Route::ALL[index])
    }

    /// The pattern, which is the route's name in the log and in metrics.
    pub(crate) fn pattern(self) -> &'static str {
        Route::PATTERNS[self as usize]
    }

    pub(crate) fn kind(self) -> Kind {
        Route::KINDS[self as usize]
    }

    pub(crate) fn allowed(self) -> Allowed {
        Route::ALLOWED[self as usize]
    }

    /// True when the pattern is the only path of the route.
    pub(crate) fn is_exact(self) -> bool {
        !self.pattern().bytes().any(|b| matches!(b, b':' | b'*' | b'('))
    }

    /// The part of `path` from the pattern's first variable on; empty for an exact route.
    pub(crate) fn variables(self, path: &str) -> &str {
        match self.pattern().find([':', '*']) {
            Some(start) => path.get(start..).unwrap_or(""),
            None => "",
        }
    }
}

fn matches(pattern: &[u8], path: &[u8]) -> bool {
    if !pattern.contains(&b':') && !pattern.ends_with(b"*") {
        return pattern == path;
    }
    let mut segments = path.split(|b| *b == b'/');
    for want in pattern.split(|b| *b == b'/') {
        if want == b"*" {
            return segments.next().is_some();
        }
        match segments.next() {
            Some(have) if want == have || (want.starts_with(b":") && !have.is_empty()) => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_route_and_unknown_ones_find_none() {
        let cases = [
            ("/", Route::Root),
            ("/v1/results", Route::Results),
            ("/status/418", Route::Status),
            ("/status/", Route::NotFound),
            ("/status/418/x", Route::NotFound),
            ("/anything", Route::Anything),
            ("/anything/a/b", Route::AnythingBelow),
            ("/cookies/set", Route::CookiesSet),
            ("/cookies/set/a/b", Route::CookieSetOne),
            ("/basic-auth/u/p", Route::BasicAuth),
            ("/_stats", Route::Stats),
            ("/api/v1/deployments/", Route::Deployments),
            ("/api/v1/deployments/7/", Route::Deployment),
            ("/api/v1/deployments/7", Route::NotFound),
            ("/api/v1/cab/7/approve/", Route::CabApprove),
            ("/api/v1/connectors/status/7/", Route::ConnectorStatus),
            ("/nope", Route::NotFound),
            ("", Route::NotFound),
            ("(not found)", Route::NotFound),
        ];
        for (path, route) in cases {
            assert_eq!(Route::of(path.as_bytes()), route, "{path}");
        }
        for route in Route::ALL {
            if route.is_exact() {
                assert_eq!(Route::of(route.pattern().as_bytes()), *route);
            }
        }
    }

    #[test]
    fn variables_are_what_follows_the_fixed_part() {
        assert_eq!(Route::Status.variables("/status/418"), "418");
        assert_eq!(Route::BasicAuth.variables("/basic-auth/u/p"), "u/p");
        assert_eq!(Route::CabApprove.variables("/api/v1/cab/7/approve/"), "7/approve/");
        assert_eq!(Route::Root.variables("/"), "");
    }
}
