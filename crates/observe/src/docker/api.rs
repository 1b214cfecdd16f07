//! The few answers of Docker's Engine API that are read, as generously as possible: versions 1.24 to today's.

use hyper::StatusCode;
use serde_json::Value;

use crate::http::{Answer, Http};
use crate::observation::Observation;
use crate::probe::ProbeError;

/// Events of one answer that are read.
const MAX_EVENTS: usize = 1_000;

/// A container of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) state: String,
}

/// What is fixed about a container.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inspected {
    /// `None`: no limit.
    pub(crate) cpu_limit_cores: Option<f64>,
    pub(crate) memory_limit_bytes: Option<u64>,
    pub(crate) oom_killed: bool,
    pub(crate) finished_ns: Option<u64>,
    pub(crate) is_tty: bool,
}

/// A reading of a container's use of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stats {
    /// By the engine's clock.
    pub(crate) read_ns: u64,
    pub(crate) cpu_ns: u64,
    pub(crate) online_cpus: u64,
    pub(crate) periods: u64,
    pub(crate) throttled_periods: u64,
    /// Without the page cache that can be given back, as `docker stats` has it.
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) memory_limit_bytes: Option<u64>,
    /// Received and sent, of all networks.
    pub(crate) network_bytes: Option<(u64, u64)>,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EngineEvent {
    pub(crate) action: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) exit_code: String,
    pub(crate) time_ns: u64,
}

/// Asks for JSON.
pub(crate) async fn get(
    http: &mut Http,
    out: &mut Observation,
    path: &str,
) -> Result<Value, ProbeError> {
    let answer = http.get(out, path).await.map_err(hinted)?;
    if !answer.status.is_success() {
        return Err(refused(&answer));
    }
    answer.json()
}

/// As [`get`]; `None` where the container is gone or does not run any more.
async fn get_of_container(
    http: &mut Http,
    out: &mut Observation,
    path: &str,
) -> Result<Option<Value>, ProbeError> {
    let answer = http.get(out, path).await?;
    match answer.status {
        StatusCode::NOT_FOUND | StatusCode::CONFLICT => Ok(None),
        status if status.is_success() => answer.json().map(Some),
        _ => Err(refused(&answer)),
    }
}

fn hinted(error: ProbeError) -> ProbeError {
    let text = error.to_string();
    if text.contains("ermission denied") {
        return ProbeError::new(format!("{text}; add this user to the group `docker`"));
    }
    if text.contains("No such file") {
        return ProbeError::new(format!("{text}; is the engine running? else set DOCKER_HOST"));
    }
    error
}

fn refused(answer: &Answer) -> ProbeError {
    let message = answer.json().ok().and_then(|json| json["message"].as_str().map(str::to_owned));
    let message = message.unwrap_or_else(|| "an answer without a message".to_owned());
    ProbeError::new(format!("the engine says {}: {message}", answer.status.as_u16()))
}

/// The containers that pass these filters, those that do not run too.
pub(crate) async fn list(
    http: &mut Http,
    out: &mut Observation,
    filters: &Value,
) -> Result<Vec<Listed>, ProbeError> {
    let path = format!("/containers/json?all=1&filters={}", encoded(&filters.to_string()));
    parse_list(&get(http, out, &path).await?)
        .ok_or_else(|| ProbeError::new("the engine's answer is no list of containers"))
}

pub(crate) fn parse_list(json: &Value) -> Option<Vec<Listed>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let listed = json.as_array()?.iter().filter_map(|container| {
        // A name of its own has one slash; a link to another container has two.
        let names = container["Names"].as_array()?.iter().filter_map(Value::as_str);
        let name =
            names.map(|name| name.trim_start_matches('/')).find(|name| !name.contains('/'))?;
        Some(Listed {
            id: container["Id"].as_str().filter(|id| is_id(id))?.to_owned(),
            name: name.to_owned(),
            image: text(&container["Image"]),
            state: text(&container["State"]),
        })
    });
    Some(listed.collect())
}

/// Identifiers become parts of paths.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// What is fixed about a container; `None` when it is gone.
pub(crate) async fn inspect(
    http: &mut Http,
    out: &mut Observation,
    id: &str,
) -> Result<Option<Inspected>, ProbeError> {
    let json = get_of_container(http, out, &format!("/containers/{id}/json")).await?;
    Ok(json.map(|json| parse_inspected(&json)))
}

pub(crate) fn parse_inspected(json: &Value) -> Inspected {
    let host = &json["HostConfig"];
    let positive = |value: &Value| value.as_u64().filter(|n| *n > 0);
    let nano = positive(&host["NanoCpus"]).map(|nano| nano as f64 / 1e9);
    let quota = positive(&host["CpuQuota"]).map(|quota| {
        let period = positive(&host["CpuPeriod"]).unwrap_or(100_000);
        quota as f64 / period as f64
    });
    Inspected {
        cpu_limit_cores: nano.or(quota),
        memory_limit_bytes: positive(&host["Memory"]),
        oom_killed: json["State"]["OOMKilled"] == true,
        finished_ns: json["State"]["FinishedAt"].as_str().and_then(unix_ns),
        is_tty: json["Config"]["Tty"] == true,
    }
}

/// A reading; `None` when the container is gone or does not run.
pub(crate) async fn stats(
    http: &mut Http,
    out: &mut Observation,
    id: &str,
) -> Result<Option<Stats>, ProbeError> {
    // Without `one-shot` the engine waits for a second reading.
    let path = format!("/containers/{id}/stats?stream=false&one-shot=true");
    Ok(get_of_container(http, out, &path).await?.and_then(|json| parse_stats(&json)))
}

pub(crate) fn parse_stats(json: &Value) -> Option<Stats> {
    let cpu = &json["cpu_stats"];
    let memory = &json["memory_stats"];
    let throttling = &cpu["throttling_data"];
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let cache = &memory["stats"];
    // cgroup v1 and v2.
    let inactive =
        cache["total_inactive_file"].as_u64().or_else(|| cache["inactive_file"].as_u64());
    let network = json["networks"].as_object().map(|networks| {
        networks.values().fold((0u64, 0u64), |(received, sent), network| {
            let (r, s) = (number(&network["rx_bytes"]), number(&network["tx_bytes"]));
            (received.saturating_add(r), sent.saturating_add(s))
        })
    });
    Some(Stats {
        read_ns: json["read"].as_str().and_then(unix_ns)?,
        cpu_ns: cpu["cpu_usage"]["total_usage"].as_u64()?,
        online_cpus: number(&cpu["online_cpus"]),
        periods: number(&throttling["periods"]),
        throttled_periods: number(&throttling["throttled_periods"]),
        memory_bytes: memory["usage"]
            .as_u64()
            .map(|usage| usage.saturating_sub(inactive.unwrap_or(0))),
        memory_limit_bytes: memory["limit"].as_u64(),
        network_bytes: network,
    })
}

/// Events from `since` to `until` by the engine's clock.
pub(crate) async fn events(
    http: &mut Http,
    out: &mut Observation,
    since: u64,
    until: u64,
    filters: &Value,
) -> Result<Vec<EngineEvent>, ProbeError> {
    let path = format!(
        "/events?since={}&until={}&filters={}",
        seconds(since),
        seconds(until),
        encoded(&filters.to_string())
    );
    let answer = http.get(out, &path).await?;
    if !answer.status.is_success() {
        return Err(refused(&answer));
    }
    Ok(parse_events(&answer.body))
}

/// One JSON value after another.
pub(crate) fn parse_events(body: &[u8]) -> Vec<EngineEvent> {
    let values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let read = |json: Value| {
        let attributes = &json["Actor"]["Attributes"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(EngineEvent {
            action: json["Action"].as_str().or_else(|| json["status"].as_str())?.to_owned(),
            id: json["Actor"]["ID"].as_str().or_else(|| json["id"].as_str())?.to_owned(),
            name: text(&attributes["name"]),
            exit_code: text(&attributes["exitCode"]),
            time_ns: json["timeNano"].as_u64()?,
        })
    };
    values.map_while(Result::ok).take(MAX_EVENTS).filter_map(read).collect()
}

/// The log since a time, each line with its time before it.
pub(crate) async fn logs(
    http: &mut Http,
    out: &mut Observation,
    id: &str,
    since: u64,
    is_tty: bool,
) -> Result<Vec<u8>, ProbeError> {
    let path =
        format!("/containers/{id}/logs?stdout=1&stderr=1&timestamps=1&since={}", seconds(since));
    let answer = http.get(out, &path).await?;
    if !answer.status.is_success() {
        return Err(refused(&answer));
    }
    Ok(if is_tty { answer.body.to_vec() } else { unframed(&answer.body) })
}

/// Standard output and error come in frames: the stream, three zeros, the length, the bytes. Where they do not, the
/// bytes are the log itself.
pub(crate) fn unframed(body: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let [stream, 0, 0, 0, l0, l1, l2, l3] = *head else { break };
        if stream > 2 {
            break;
        }
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let (frame, next) = after.split_at(length.min(after.len()));
        lines.extend_from_slice(frame);
        rest = next;
    }
    if rest.len() == body.len() {
        return body.to_vec();
    }
    lines
}

/// The time before a line, and the line.
pub(crate) fn stamped(line: &[u8]) -> (Option<u64>, &[u8]) {
    let Some(end) = line.iter().take(40).position(|byte| *byte == b' ') else {
        return (None, line);
    };
    match std::str::from_utf8(&line[..end]).ok().and_then(unix_ns) {
        Some(at) => (Some(at), &line[end + 1..]),
        None => (None, line),
    }
}

/// A time as `2026-11-27T08:15:00.123456789Z`, unix nanoseconds; `None` for the zero time and what is none.
pub(crate) fn unix_ns(text: &str) -> Option<u64> {
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(timestamp.as_nanosecond()).ok().filter(|ns| *ns > 0)
}

fn seconds(unix_ns: u64) -> String {
    format!("{}.{:09}", unix_ns / 1_000_000_000, unix_ns % 1_000_000_000)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn readings_of_both_cgroup_versions_are_read() {
        let v1 = json!({
            "read": "2026-11-27T08:15:00.5Z",
            "cpu_stats": { "cpu_usage": { "total_usage": 5_000 }, "online_cpus": 2,
                           "throttling_data": { "periods": 10, "throttled_periods": 4, "throttled_time": 7 } },
            "memory_stats": { "usage": 1000, "limit": 4000, "stats": { "total_inactive_file": 100, "inactive_file": 7 } },
            "networks": { "eth0": { "rx_bytes": 3, "tx_bytes": 5 }, "eth1": { "rx_bytes": 1, "tx_bytes": 1 } },
        });
        let stats = parse_stats(&v1).unwrap();
        assert_eq!((stats.read_ns, stats.memory_bytes), (1_795_767_300_500_000_000, Some(900)));
        assert_eq!((stats.network_bytes, stats.throttled_periods), (Some((4, 6)), 4));
        let v2 = json!({
            "read": "2026-11-27T08:15:00Z",
            "cpu_stats": { "cpu_usage": { "total_usage": 5_000 } },
            "memory_stats": { "usage": 1000, "limit": 4000, "stats": { "inactive_file": 7 } },
        });
        let stats = parse_stats(&v2).unwrap();
        assert_eq!((stats.memory_bytes, stats.network_bytes, stats.periods), (Some(993), None, 0));
        // One that has just stopped.
        assert_eq!(parse_stats(&json!({ "read": "0001-01-01T00:00:00Z", "cpu_stats": {} })), None);
    }

    #[test]
    fn limits_are_told_in_either_form() {
        for (host, cores) in [
            (json!({ "NanoCpus": 1_500_000_000u64 }), Some(1.5)),
            (json!({ "CpuQuota": 20_000, "CpuPeriod": 100_000 }), Some(0.2)),
            (json!({ "CpuQuota": 50_000, "CpuPeriod": 0 }), Some(0.5)),
            (json!({ "CpuQuota": -1 }), None),
            (json!(null), None),
        ] {
            assert_eq!(parse_inspected(&json!({ "HostConfig": host })).cpu_limit_cores, cores);
        }
    }

    #[test]
    fn logs_come_in_frames_or_as_they_are() {
        let mut framed =
            vec![1, 0, 0, 0, 0, 0, 0, 2, b'a', b'\n', 2, 0, 0, 0, 0, 0, 0, 3, b'b', b'c', b'\n'];
        assert_eq!(unframed(&framed), b"a\nbc\n");
        framed.truncate(19);
        assert_eq!(unframed(&framed), b"a\nb");
        assert_eq!(unframed(b"2026-11-27T08:15:00Z plain\n"), b"2026-11-27T08:15:00Z plain\n");
        assert_eq!(
            stamped(b"2026-11-27T08:15:00.000000001Z x y"),
            (Some(1_795_767_300_000_000_001), &b"x y"[..])
        );
        assert_eq!(stamped(b"no time here"), (None, &b"no time here"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (unframed(&body), stamped(&body), parse_events(&body));
        }

        #[test]
        fn any_json_is_read_without_panic(text in r#"[\[\]\{\}":,a-zA-Z0-9.-]{0,120}"#) {
            if let Ok(json) = serde_json::from_str::<Value>(&text) {
                let _ = (parse_list(&json), parse_stats(&json), parse_inspected(&json));
            }
        }
    }
}
