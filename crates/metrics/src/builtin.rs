//! k6's built-in metrics and ours, at fixed ids so that nobody looks them up.

use crate::registry::{Contains, MetricId, MetricKind};

macro_rules! builtins {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $kind:ident, $contains:ident;)*) => {
        builtins!(@ids 0u32; $($(#[$doc])* $constant)*);
        /// Name, kind and contents of each, in order of id.
        pub const ALL: &[(&str, MetricKind, Contains)] =
            &[$(($name, MetricKind::$kind, Contains::$contains)),*];
    };
    (@ids $id:expr; $(#[$doc:meta])* $constant:ident $($rest:tt)*) => {
        $(#[$doc])*
        pub const $constant: MetricId = MetricId($id);
        builtins!(@ids $id + 1; $($rest)*);
    };
    (@ids $id:expr;) => {};
}

builtins! {
    /// Active VUs.
    VUS = "vus", Gauge, Default;
    /// Initialised VUs.
    VUS_MAX = "vus_max", Gauge, Default;
    /// Full iterations.
    ITERATIONS = "iterations", Counter, Default;
    /// Time of a full iteration.
    ITERATION_DURATION = "iteration_duration", Trend, Time;
    /// Iterations that found no VU or no time.
    DROPPED_ITERATIONS = "dropped_iterations", Counter, Default;
    /// One sample per key of `check()`.
    CHECKS = "checks", Rate, Default;
    /// Time of a `group()`.
    GROUP_DURATION = "group_duration", Trend, Time;
    /// HTTP round trips.
    HTTP_REQS = "http_reqs", Counter, Default;
    /// Sending + waiting + receiving.
    HTTP_REQ_DURATION = "http_req_duration", Trend, Time;
    /// Time until a connection was at hand.
    HTTP_REQ_BLOCKED = "http_req_blocked", Trend, Time;
    /// TCP connect.
    HTTP_REQ_CONNECTING = "http_req_connecting", Trend, Time;
    /// TLS handshake.
    HTTP_REQ_TLS_HANDSHAKING = "http_req_tls_handshaking", Trend, Time;
    /// Writing the request.
    HTTP_REQ_SENDING = "http_req_sending", Trend, Time;
    /// Until the first byte of the response.
    HTTP_REQ_WAITING = "http_req_waiting", Trend, Time;
    /// Reading the response.
    HTTP_REQ_RECEIVING = "http_req_receiving", Trend, Time;
    /// Unexpected responses.
    HTTP_REQ_FAILED = "http_req_failed", Rate, Default;
    /// Bytes written to sockets.
    DATA_SENT = "data_sent", Counter, Data;
    /// Bytes read from sockets.
    DATA_RECEIVED = "data_received", Counter, Data;
    /// WebSocket connect attempts.
    WS_SESSIONS = "ws_sessions", Counter, Default;
    /// WebSocket messages sent.
    WS_MSGS_SENT = "ws_msgs_sent", Counter, Default;
    /// WebSocket messages received.
    WS_MSGS_RECEIVED = "ws_msgs_received", Counter, Default;
    /// From a WebSocket ping to its pong.
    WS_PING = "ws_ping", Trend, Time;
    /// Length of a WebSocket session.
    WS_SESSION_DURATION = "ws_session_duration", Trend, Time;
    /// WebSocket dial and handshake.
    WS_CONNECTING = "ws_connecting", Trend, Time;
    /// Time of an RPC.
    GRPC_REQ_DURATION = "grpc_req_duration", Trend, Time;
    /// gRPC streams opened.
    GRPC_STREAMS = "grpc_streams", Counter, Default;
    /// Messages sent on gRPC streams.
    GRPC_STREAMS_MSGS_SENT = "grpc_streams_msgs_sent", Counter, Default;
    /// Messages received on gRPC streams.
    GRPC_STREAMS_MSGS_RECEIVED = "grpc_streams_msgs_received", Counter, Default;
    /// Ours: response time from the intended start of the iteration (open-loop executors).
    RESPONSE_TIME = "squall_response_time", Trend, Time;
    /// Ours: actual minus intended start of arrivals.
    ARRIVAL_LATENESS = "squall_arrival_lateness", Trend, Time;
}

/// Whether the metric is one of ours that k6's summary does not know.
pub fn is_ours(name: &str) -> bool {
    name == "squall_response_time" || name == "squall_arrival_lateness"
}

/// Whether the metric is built in (k6's or ours).
pub fn is_builtin(name: &str) -> bool {
    ALL.iter().any(|(builtin, ..)| *builtin == name)
}
