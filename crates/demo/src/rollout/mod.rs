//! The deployment API of the seeds: session login, deployments and the approvals they wait for, and the connectors that
//! publish them to five execution planes. `/api/v1/health/` needs no session, everything else does.
//!
//! What answers is real: a deployment that was created can be read, listed and approved once; a publication is found by
//! its deployment's id. Everything kept has a bound.

mod connectors;
mod deployments;
mod sessions;

use self::connectors::Connectors;
use self::deployments::{Decision, Deployments};
use self::sessions::Sessions;
use crate::answer::Answer;
use crate::form;
use crate::percent;
use crate::reader::Request;
use crate::route::Route;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Entries of one list, unless `?limit=` asks for fewer or more.
const PAGE: usize = 50;
/// The most that `?limit=` may ask for.
const MAX_PAGE: usize = 500;
/// The longest text of a field, bytes.
const MAX_TEXT: usize = 200;

/// The whole API's state.
pub(crate) struct Rollout {
    sessions: Sessions,
    deployments: Deployments,
    connectors: Connectors,
}

impl Rollout {
    pub(crate) fn new() -> Rollout {
        Rollout {
            sessions: Sessions::new(),
            deployments: Deployments::new(),
            connectors: Connectors::new(),
        }
    }

    /// Answers one of the endpoints.
    pub(crate) fn answer(&mut self, request: &Request<'_>, route: Route, out: &mut Answer) {
        match route {
            Route::ApiHealth | Route::ApiHealthBare => return out.json(&self.health()),
            Route::SessionLogin | Route::SessionLoginBare => {
                return match fields(request) {
                    Ok(fields) => self.sessions.login(&fields, out),
                    Err(detail) => out.error(400, &detail),
                };
            }
            Route::SessionLogout => return Sessions::logout(out),
            _ => {}
        }
        let Some(user) = sessions::user_of(request) else {
            out.error(401, "Authentication credentials were not provided.");
            return out.header("WWW-Authenticate", "Bearer");
        };
        if request.method() == b"POST" {
            match fields(request) {
                Ok(fields) => self.change(request, route, &user, &fields, out),
                Err(detail) => out.error(400, &detail),
            }
        } else {
            self.look(request, route, &user, out);
        }
    }

    fn health(&self) -> Value {
        json!({
            "status": "healthy",
            "deployments": self.deployments.count(),
            "pending_approvals": self.deployments.n_pending(),
            "planes": connectors::PLANES,
        })
    }

    fn look(&self, request: &Request<'_>, route: Route, user: &str, out: &mut Answer) {
        let (path, query) = request.path_and_query();
        match route {
            Route::SessionUser => out.json(&json!({ "user": { "username": user } })),
            Route::Deployments => match page(query) {
                Ok((offset, limit)) => out.json(&self.deployments.list(offset, limit)),
                Err(detail) => out.error(400, &detail),
            },
            Route::Deployment => match self.deployments.get(id(route, path)) {
                Some(deployment) => out.json(&deployment),
                None => out.error(404, "No deployment has this id."),
            },
            Route::Approvals | Route::CabPending => match page(query) {
                Ok((offset, limit)) => out.json(&self.deployments.pending(offset, limit)),
                Err(detail) => out.error(400, &detail),
            },
            Route::Connectors => out.json(&self.connectors.list()),
            Route::ConnectorStatus => match self.connectors.status(id(route, path)) {
                Some(status) => out.json(&status),
                None => out.error(404, "Nothing was published for this deployment."),
            },
            _ => out.error(404, "not found"),
        }
    }

    fn change(
        &mut self,
        request: &Request<'_>,
        route: Route,
        user: &str,
        fields: &Map<String, Value>,
        out: &mut Answer,
    ) {
        let (path, _) = request.path_and_query();
        let made = match route {
            Route::Deployments => self.deployments.create(fields, user).map(|made| (201, made)),
            Route::ConnectorPublish => self.connectors.publish(fields).map(|made| (200, made)),
            Route::ConnectorRemediate => match self.connectors.remediate(fields) {
                Ok(Some(made)) => Ok((200, made)),
                Ok(None) => Ok((404, missing("Nothing was published for this deployment."))),
                Err(detail) => Err(detail),
            },
            Route::Approve | Route::CabApprove | Route::Reject | Route::CabReject => {
                let decision = match route {
                    Route::Approve | Route::CabApprove => Decision::Approved,
                    _ => Decision::Rejected,
                };
                self.deployments.decide(id(route, path), decision, fields, user).map(|decided| {
                    match decided {
                        Some(deployment) => (200, deployment),
                        None => (404, missing("No pending approval has this id.")),
                    }
                })
            }
            _ => Ok((404, missing("not found"))),
        };
        match made {
            Ok((status, body)) => {
                out.json(&body);
                out.status = status;
            }
            Err(detail) => out.error(400, &detail),
        }
    }
}

fn missing(detail: &str) -> Value {
    json!({ "detail": detail })
}

/// The id in a path such as `/api/v1/cab/ID/approve/`.
fn id(route: Route, path: &str) -> &str {
    route.variables(path).split('/').next().unwrap_or("")
}

/// Offset and limit of a list.
fn page(query: &str) -> Result<(usize, usize), String> {
    let number = |key: &str, default: usize| {
        percent::value(query, key).map_or(Some(default), |text| text.parse().ok())
    };
    match (number("offset", 0), number("limit", PAGE)) {
        (Some(offset), Some(limit)) if limit <= MAX_PAGE => Ok((offset, limit)),
        _ => Err(format!("`limit` is a number up to {MAX_PAGE}, `offset` a number")),
    }
}

/// The fields of a body: JSON, or a form, urlencoded or multipart. The last of a form's values of one name counts, as in
/// the framework that the seed's service is written with.
fn fields(request: &Request<'_>) -> Result<Map<String, Value>, String> {
    let content_type = request.header("content-type").unwrap_or("");
    match form::media_type(content_type).as_str() {
        "application/json" => match serde_json::from_slice(request.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err("body is not a JSON object".to_owned()),
            Err(error) => Err(format!("body is not JSON: {error}")),
        },
        "multipart/form-data" => {
            let parts = form::parts(content_type, request.body).into_iter();
            let text = |data: &[u8]| Value::String(String::from_utf8_lossy(data).into_owned());
            Ok(parts.map(|part| (part.name, text(&part.data))).collect())
        }
        _ => {
            let body = String::from_utf8_lossy(request.body);
            let text = |value: Cow<'_, str>| Value::String(value.into_owned());
            Ok(percent::pairs(&body).map(|(key, value)| (key.into_owned(), text(value))).collect())
        }
    }
}

/// A text of the body; empty when it is missing.
fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) if text.len() <= MAX_TEXT => Ok(text),
        Some(_) => Err(format!("`{name}` is not a text of up to {MAX_TEXT} bytes")),
    }
}

/// A text that may not be missing.
fn required<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    match text(fields, name)? {
        "" => Err(format!("`{name}` is required")),
        text => Ok(text),
    }
}

#[cfg(test)]
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}
