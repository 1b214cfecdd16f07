//! `/v1/groups`: groups and their checks.

use hyper::StatusCode;
use metrics::{CheckTotal, GroupTotal};

use super::{Api, ApiError, Response, TEXT, json, respond};

/// A group and the one it is in.
struct Entry<'a> {
    group: &'a GroupTotal,
    parent: Option<&'a GroupTotal>,
}

/// All groups, each before those in it.
fn flat<'a>(root: &'a GroupTotal) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    let mut open = vec![Entry { group: root, parent: None }];
    while let Some(entry) = open.pop() {
        let group = entry.group;
        let inner = group.groups.iter().rev();
        open.extend(inner.map(|child| Entry { group: child, parent: Some(group) }));
        entries.push(entry);
    }
    entries
}

fn check(check: &CheckTotal) -> String {
    format!(
        "{{\"id\":\"{}\",\"path\":{},\"name\":{},\"passes\":{},\"fails\":{}}}",
        report::path_id(&check.path),
        json::text(&check.path),
        json::text(&check.name),
        check.passes,
        check.fails,
    )
}

fn reference(group: &GroupTotal) -> String {
    format!("{{\"type\":\"groups\",\"id\":\"{}\"}}", report::path_id(&group.path))
}

impl Entry<'_> {
    fn document(&self) -> String {
        let group = self.group;
        let checks: Vec<String> = group.checks.iter().map(check).collect();
        // An empty list is `null` in k6.
        let checks =
            if checks.is_empty() { "null".to_owned() } else { format!("[{}]", checks.join(",")) };
        let groups: Vec<String> = group.groups.iter().map(reference).collect();
        format!(
            "{{\"type\":\"groups\",\"id\":\"{}\",\"attributes\":{{\"path\":{},\"name\":{},\"checks\":{checks}}},\
             \"relationships\":{{\"groups\":{{\"data\":[{}]}},\"parent\":{{\"data\":{}}}}}}}",
            report::path_id(&group.path),
            json::text(&group.path),
            json::text(&group.name),
            groups.join(","),
            self.parent.map_or_else(|| "null".to_owned(), reference),
        )
    }
}

impl Api {
    pub(super) async fn get_groups(&self) -> Response {
        match self.totals().await {
            Ok((totals, _)) => {
                let all: Vec<String> =
                    flat(&totals.root_group).iter().map(Entry::document).collect();
                respond(StatusCode::OK, TEXT, format!("{{\"data\":[{}]}}", all.join(",")))
            }
            Err(error) => error.response(TEXT),
        }
    }

    pub(super) async fn get_group(&self, id: &str) -> Response {
        self.group_document(id).await.unwrap_or_else(|error| error.response(TEXT))
    }

    async fn group_document(&self, id: &str) -> Result<Response, ApiError> {
        let (totals, _) = self.totals().await?;
        let all = flat(&totals.root_group);
        let entry = all.iter().find(|entry| report::path_id(&entry.group.path) == id);
        let entry = entry.ok_or_else(|| {
            let detail = "No group with that ID was found";
            ApiError::new(StatusCode::NOT_FOUND, "Not Found", detail)
        })?;
        Ok(respond(StatusCode::OK, TEXT, format!("{{\"data\":{}}}", entry.document())))
    }
}
