//! Requests to the API server, and what can go wrong with them.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::access::{Cluster, Reading, chain};
use crate::stamp;

/// How long an answer may take to begin, and a whole one to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer, bytes: a list of some thousands of pods.
const MAX_ANSWER: usize = 64 << 20;
/// The largest text of a failure that is kept, bytes.
const MAX_FAILURE: usize = 64 << 10;

/// A kind of object in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    /// As in paths: `pods`.
    pub(crate) plural: &'static str,
}

const fn resource(group: &'static str, version: &'static str, plural: &'static str) -> Resource {
    Resource { group, version, plural }
}

pub(crate) const PODS: Resource = resource("", "v1", "pods");
pub(crate) const SERVICES: Resource = resource("", "v1", "services");
pub(crate) const EVENTS: Resource = resource("", "v1", "events");
pub(crate) const DEPLOYMENTS: Resource = resource("apps", "v1", "deployments");
pub(crate) const AUTOSCALERS: Resource = resource("autoscaling", "v2", "horizontalpodautoscalers");
pub(crate) const AUTOSCALERS_V1: Resource =
    resource("autoscaling", "v1", "horizontalpodautoscalers");
pub(crate) const POD_METRICS: Resource = resource("metrics.k8s.io", "v1beta1", "pods");

impl Resource {
    /// `pods.metrics.k8s.io`, as `kubectl` takes it.
    pub(crate) fn dotted(self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The verb as RBAC calls it.
    pub(crate) verb: &'static str,
    pub(crate) resource: Resource,
    /// Empty for a list.
    pub(crate) name: &'a str,
    /// `log`, `exec`, `portforward`; mostly empty.
    pub(crate) sub: &'static str,
}

impl<'a> Ask<'a> {
    pub(crate) fn list(resource: Resource) -> Ask<'static> {
        Ask { verb: "list", resource, name: "", sub: "" }
    }

    pub(crate) fn watch(resource: Resource) -> Ask<'static> {
        Ask { verb: "watch", resource, name: "", sub: "" }
    }

    pub(crate) fn get(resource: Resource, name: &'a str) -> Self {
        Ask { verb: "get", resource, name, sub: "" }
    }

    pub(crate) fn path(&self, namespace: &str, query: &[(&str, &str)]) -> String {
        let Resource { group, version, plural } = self.resource;
        let root = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        let mut path = format!("{root}/namespaces/{}/{plural}", segment(namespace));
        for part in [self.name, self.sub].into_iter().filter(|part| !part.is_empty()) {
            path.push('/');
            path.push_str(&segment(part));
        }
        if !query.is_empty() {
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            pairs.extend_pairs(query);
            path.push('?');
            path.push_str(&pairs.finish());
        }
        path
    }

    /// `list pods`, `get service "api"`, with the namespace.
    fn words(&self, namespace: &str) -> String {
        let sub = if self.sub.is_empty() { String::new() } else { format!("/{}", self.sub) };
        let name = if self.name.is_empty() { String::new() } else { format!(" {:?}", self.name) };
        format!("{} {}{sub}{name} in namespace {namespace:?}", self.verb, self.resource.dotted())
    }

    /// What shows the user whether RBAC lets it be done.
    fn can_i(&self, namespace: &str) -> String {
        let sub = if self.sub.is_empty() {
            String::new()
        } else {
            format!(" --subresource={}", self.sub)
        };
        format!("kubectl auth can-i {} {}{sub} -n {namespace}", self.verb, self.resource.dotted())
    }
}

/// A name as part of a path. Kubernetes' names need no escapes; others must not become other paths.
fn segment(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    if !name.is_empty() && name.bytes().all(is_plain) && name != "." && name != ".." {
        return name.to_owned();
    }
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('.', "%2E")
}

/// Why the API server gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// RBAC lets this user not do it.
    #[error("not allowed to {what}; `{can_i}` shows what is missing ({message})")]
    Forbidden {
        /// Verb, resource and namespace.
        what: String,
        /// The command that checks it.
        can_i: String,
        /// The server's words.
        message: String,
    },
    /// The server does not know the user.
    #[error(
        "the API server {server} refuses the login ({message}): has the token or certificate expired?"
    )]
    Unauthorized {
        /// The server.
        server: String,
        /// Its words.
        message: String,
    },
    /// There is no such object, or nobody serves this API.
    #[error("can't {what}: {message}")]
    NotFound {
        /// Verb, resource and namespace.
        what: String,
        /// The server's words.
        message: String,
    },
    /// What was asked for has been forgotten: begin again.
    #[error("the API server has forgotten where to go on from ({0})")]
    Gone(String),
    /// The server has too much to do.
    #[error("the API server is busy ({message})")]
    Busy {
        /// Its words.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// Any other failure the server tells.
    #[error("can't {what}: the API server answered {code}: {message}")]
    Refused {
        /// Verb, resource and namespace.
        what: String,
        /// The status.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// The answer is not what it should be.
    #[error("can't {what}: the answer can't be understood: {error}")]
    Malformed {
        /// Verb, resource and namespace.
        what: String,
        /// Where it goes wrong.
        error: String,
    },
    /// There is no connection.
    #[error(
        "the API server {server} can't be reached ({error}): does the cluster run, and does `kubectl get --raw /readyz` \
         answer from here?"
    )]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        error: String,
    },
    /// The login could not be made: a plugin is missing or failed.
    #[error("the kubeconfig's login failed: {0}")]
    Login(String),
    /// No answer came in time.
    #[error("can't {what}: no answer within {} s", patience.as_secs())]
    TimedOut {
        /// Verb, resource and namespace.
        what: String,
        /// How long it was waited for.
        patience: Duration,
    },
}

impl ApiError {
    /// Whether asking again soon can't help: rights, logins and missing APIs change slowly.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::Forbidden { .. }
                | Self::Unauthorized { .. }
                | Self::NotFound { .. }
                | Self::Login(_)
        )
    }
}

/// A failure as the API tells it; every field may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) message: String,
    pub(crate) reason: String,
    pub(crate) code: u16,
}

impl Cluster {
    /// Asks for a whole answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
        query: &[(&str, &str)],
    ) -> Result<T, ApiError> {
        let bytes = self.ask_bytes(ask, query).await?;
        serde_json::from_slice(&bytes).map_err(|error| ApiError::Malformed {
            what: ask.words(self.namespace()),
            error: error.to_string(),
        })
    }

    async fn ask_bytes(&self, ask: &Ask<'_>, query: &[(&str, &str)]) -> Result<Bytes, ApiError> {
        let what = || ask.words(self.namespace());
        let answer = self.begin(ask, query).await?;
        let whole = Limited::new(answer.into_body(), MAX_ANSWER).collect();
        match tokio::time::timeout(PATIENCE, whole).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(ApiError::Unreachable {
                server: self.server().to_owned(),
                error: chain(error.as_ref()),
            }),
            Err(_) => Err(ApiError::TimedOut { what: what(), patience: PATIENCE }),
        }
    }

    /// Asks for an answer that comes bit by bit.
    pub(crate) async fn begin(
        &self,
        ask: &Ask<'_>,
        query: &[(&str, &str)],
    ) -> Result<Response<Body>, ApiError> {
        let what = || ask.words(self.namespace());
        let (answer, _) = self.send(&ask.path(self.namespace(), query)).await.map_err(|error| {
            error.unwrap_or_else(|| ApiError::TimedOut { what: what(), patience: PATIENCE })
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.failure(ask, answer).await)
    }

    /// Asks for `/version`, which everybody may read, to read the server's clock.
    pub(crate) async fn ask_clock(&self) -> Result<Option<Reading>, ApiError> {
        let (answer, reading) = self.send_bare("/version").await?;
        // The connection can be used again when the answer has been read.
        let _ = Limited::new(answer.into_body(), MAX_FAILURE).collect().await;
        Ok(reading)
    }

    /// Kubernetes' version.
    pub(crate) async fn version(&self) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        let (answer, _) = self.send_bare("/version").await?;
        let unreachable =
            |error: String| ApiError::Unreachable { server: self.server().to_owned(), error };
        let body = Limited::new(answer.into_body(), MAX_FAILURE).collect().await;
        let body = body.map_err(|error| unreachable(chain(error.as_ref())))?.to_bytes();
        let version: Result<Version, _> = serde_json::from_slice(&body);
        version.map(|version| version.git_version).map_err(|_| ApiError::Malformed {
            what: "get /version".to_owned(),
            error: "this is no Kubernetes API server".to_owned(),
        })
    }

    /// Whether the server has an API, as `autoscaling/v2`; one that may not be asked has.
    pub(crate) async fn serves(&self, api: &str) -> Result<bool, ApiError> {
        let (answer, _) = self.send_bare(&format!("/apis/{api}")).await?;
        let status = answer.status();
        let _ = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        Ok(status != StatusCode::NOT_FOUND)
    }

    async fn send_bare(&self, path: &str) -> Result<(Response<Body>, Option<Reading>), ApiError> {
        self.send(path).await.map_err(|error| {
            let what = format!("get {path}");
            error.unwrap_or(ApiError::TimedOut { what, patience: PATIENCE })
        })
    }

    /// Sends a request; `Err(None)` when no answer came in time.
    async fn send(
        &self,
        path: &str,
    ) -> Result<(Response<Body>, Option<Reading>), Option<ApiError>> {
        let request = Request::get(path)
            .header(http::header::ACCEPT, "application/json")
            .body(Body::from(Vec::new()))
            .map_err(|error| Some(ApiError::Login(error.to_string())))?;
        let asked = rt::unix_nanos();
        let client = self.client();
        let answer = match tokio::time::timeout(PATIENCE, client.send(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(kube::Error::Auth(error))) => return Err(Some(ApiError::Login(chain(&error)))),
            Ok(Err(error)) => {
                let (server, error) = (self.server().to_owned(), bare(&error));
                return Err(Some(ApiError::Unreachable { server, error }));
            }
            Err(_) => return Err(None),
        };
        let answered = rt::unix_nanos();
        let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        let server = date.and_then(stamp::http_date);
        let reading = server.map(|server| Reading { asked, answered, server });
        if let Some(reading) = reading {
            self.read_clock(reading);
        }
        Ok((answer, reading))
    }

    async fn failure(&self, ask: &Ask<'_>, answer: Response<Body>) -> ApiError {
        let code = answer.status();
        let seconds = answer.headers().get(http::header::RETRY_AFTER);
        let retry_after =
            seconds.and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        let body = Limited::new(answer.into_body(), MAX_FAILURE).collect();
        let bytes = match tokio::time::timeout(PATIENCE, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            _ => Bytes::new(),
        };
        let status: Status = serde_json::from_slice(&bytes).unwrap_or_else(|_| Status {
            message: String::from_utf8_lossy(&bytes).trim().chars().take(300).collect(),
            ..Status::default()
        });
        self.refusal(ask, code, status.message, retry_after)
    }

    /// What a status other than success means.
    pub(crate) fn refusal(
        &self,
        ask: &Ask<'_>,
        code: StatusCode,
        message: String,
        retry_after: Option<Duration>,
    ) -> ApiError {
        let what = ask.words(self.namespace());
        match code {
            StatusCode::UNAUTHORIZED => {
                ApiError::Unauthorized { server: self.server().to_owned(), message }
            }
            StatusCode::FORBIDDEN => {
                ApiError::Forbidden { what, can_i: ask.can_i(self.namespace()), message }
            }
            StatusCode::NOT_FOUND => ApiError::NotFound { what, message },
            StatusCode::GONE => ApiError::Gone(message),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                ApiError::Busy { message, retry_after }
            }
            code => ApiError::Refused { what, code: code.as_u16(), message },
        }
    }
}

/// The reason behind the wrappings of the client's layers.
fn bare(error: &kube::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let text = inner.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_commands_name_what_is_asked_for() {
        let ask = Ask { sub: "log", ..Ask::get(PODS, "web-1") };
        assert_eq!(
            ask.path("default", &[("container", "a b"), ("follow", "true")]),
            "/api/v1/namespaces/default/pods/web-1/log?container=a+b&follow=true"
        );
        assert_eq!(
            ask.can_i("default"),
            "kubectl auth can-i get pods --subresource=log -n default"
        );
        let list = Ask::list(AUTOSCALERS);
        assert_eq!(
            list.path("calories", &[]),
            "/apis/autoscaling/v2/namespaces/calories/horizontalpodautoscalers"
        );
        assert_eq!(
            list.words("calories"),
            "list horizontalpodautoscalers.autoscaling in namespace \"calories\""
        );
    }

    #[test]
    fn names_from_outside_stay_one_part_of_a_path() {
        for (name, part) in
            [("a/../b", "a%2F%2E%2E%2Fb"), ("..", "%2E%2E"), ("", ""), ("a?b", "a%3Fb")]
        {
            assert_eq!(segment(name), part);
        }
    }
}
