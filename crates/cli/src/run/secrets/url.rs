//! The secret source `url`: each secret is asked of a web service, by an address with `{key}` in it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k6::SecretSource;
use net::http::{Client, Method, Request, canonical_name};
use serde_json::Value;

use crate::environment;
use crate::exit::{Failure, system_text};
use crate::run::fetch::{self, Way};

/// Largest configuration file and largest answer, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The longest wait before another attempt.
const MAX_BACKOFF: Duration = Duration::from_secs(600);

/// Who we say we are.
const USER_AGENT: &str = concat!("squall/", env!("CARGO_PKG_VERSION"));

/// What stands before each name in the environment.
const PREFIX: &str = "K6_SECRET_SOURCE_URL_";

/// What a source is told; the names are k6's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Config {
    url_template: String,
    method: String,
    headers: Vec<(String, String)>,
    response_path: String,
    timeout: Duration,
    requests_per_minute: i64,
    burst: i64,
    max_retries: i64,
    retry_backoff: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url_template: String::new(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            response_path: String::new(),
            timeout: Duration::from_secs(30),
            requests_per_minute: 300,
            burst: 10,
            max_retries: 3,
            retry_backoff: Duration::from_secs(1),
        }
    }
}

/// Names of the settings: in `--secret-source` and files, and behind [`PREFIX`].
const NAMES: [(&str, &str); 8] = [
    ("urlTemplate", "URL_TEMPLATE"),
    ("method", "METHOD"),
    ("responsePath", "RESPONSE_PATH"),
    ("timeout", "TIMEOUT"),
    ("maxRetries", "MAX_RETRIES"),
    ("retryBackoff", "RETRY_BACKOFF"),
    ("requestsPerMinuteLimit", "REQUESTS_PER_MINUTE_LIMIT"),
    ("requestsBurst", "REQUESTS_BURST"),
];

impl Config {
    /// Reads defaults, environment, file and command line, each over the one before.
    fn read(line: &str, environment: &[(String, String)]) -> Result<Self, Failure> {
        let mut config = Self::default();
        config.take_environment(environment)?;
        let pairs = pairs(line)?;
        if let Some((_, path)) = pairs.iter().find(|(key, _)| *key == "config") {
            config.take_file(path)?;
        }
        for (key, value) in pairs.into_iter().filter(|(key, _)| *key != "config") {
            config.set(key, value)?;
        }
        config.check()?;
        Ok(config)
    }

    fn take_environment(&mut self, environment: &[(String, String)]) -> Result<(), Failure> {
        for (name, value) in environment {
            let Some(name) = name.strip_prefix(PREFIX).filter(|_| !value.is_empty()) else {
                continue;
            };
            if let Some(header) = name.strip_prefix("HEADER_") {
                self.set_header(&header.replace('_', "-"), value);
            } else if let Some((key, _)) = NAMES.iter().find(|(_, known)| *known == name) {
                self.set(key, value)?;
            }
        }
        Ok(())
    }

    fn take_file(&mut self, path: &str) -> Result<(), Failure> {
        let failed = |error: &std::io::Error| {
            refused(format!("failed to open config file: open {path}: {}", system_text(error)))
        };
        let size = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
        if size > MAX_BYTES {
            return Err(refused(format!("{path} is larger than {MAX_BYTES} bytes")));
        }
        let text = std::fs::read(path).map_err(|error| failed(&error))?;
        let parsed = |why: String| refused(format!("failed to parse JSON config: {why}"));
        let json: Value =
            serde_json::from_slice(&text).map_err(|error| parsed(error.to_string()))?;
        let object = json.as_object().ok_or_else(|| parsed("it is no object".to_owned()))?;
        for (key, value) in object {
            match (key.as_str(), value) {
                (_, Value::Null) => {}
                ("headers", Value::Object(headers)) => {
                    for (name, value) in headers {
                        self.set_header(name, value.as_str().unwrap_or_default());
                    }
                }
                (key, Value::String(text)) => self.set(key, text)?,
                (key, Value::Number(number)) => self.set(key, &number.to_string())?,
                (key, _) => return Err(parsed(format!("{key} is of a wrong type"))),
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        let duration = || {
            let span = plan::duration::parse_go(value)
                .map_err(|error| refused(format!("invalid {key}: {error}")))?;
            Ok::<_, Failure>(span.as_duration())
        };
        let count = || {
            let number = value.parse::<i64>();
            number.map_err(|_| refused(format!("invalid {key}: expected integer")))
        };
        match key {
            "urlTemplate" => value.clone_into(&mut self.url_template),
            "method" => value.clone_into(&mut self.method),
            "responsePath" => value.clone_into(&mut self.response_path),
            "timeout" => self.timeout = duration()?,
            "maxRetries" => self.max_retries = count()?,
            "retryBackoff" => self.retry_backoff = duration()?,
            "requestsPerMinuteLimit" => self.requests_per_minute = count()?,
            "requestsBurst" => self.burst = count()?,
            _ => match key.strip_prefix("headers.") {
                Some(name) => self.set_header(name, value),
                None => return Err(refused(format!("unknown configuration key: {key:?}"))),
            },
        }
        Ok(())
    }

    /// Names of headers have no case: the variable `…_HEADER_AUTHORIZATION` and `headers.Authorization` are one.
    fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((canonical_name(name).into_owned(), value.to_owned()));
    }

    fn check(&self) -> Result<(), Failure> {
        for (is_wrong, text) in [
            (self.url_template.is_empty(), "urlTemplate is required"),
            (!self.url_template.contains("{key}"), "urlTemplate must contain {key} placeholder"),
            (self.requests_per_minute <= 0, "requestsPerMinuteLimit must be greater than 0"),
            (self.burst <= 0, "requestsBurst must be greater than 0"),
            (self.max_retries < 0, "maxRetries must be non-negative"),
            (self.timeout.is_zero(), "timeout must be greater than 0"),
        ] {
            if is_wrong {
                return Err(refused(text));
            }
        }
        Ok(())
    }
}

fn refused(why: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("missing or invalid config: {why}"))
}

fn pairs(line: &str) -> Result<Vec<(&str, &str)>, Failure> {
    let parts = line.split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let why = || refused(format!("invalid config format {part:?}, expected key=value"));
            part.split_once('=').ok_or_else(why)
        })
        .collect()
}

/// Tokens of a bucket that fills evenly: how many there were at a moment.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: rt::Nanos,
}

/// The source.
pub(super) struct UrlSource {
    config: Config,
    way: Way,
    /// `None` before the first request.
    bucket: Mutex<Option<Bucket>>,
}

/// Reads what the source is told on the command line and in the environment.
///
/// # Errors
/// The setting that can't be.
pub(super) fn open(line: &str, insecure: bool) -> Result<UrlSource, Failure> {
    let config = Config::read(line, &environment::vars())?;
    method(&config)?;
    let way = Way { proxies: fetch::proxies(), insecure, max_body_bytes: MAX_BYTES };
    Ok(UrlSource { config, way, bucket: Mutex::default() })
}

fn method(config: &Config) -> Result<Method, Failure> {
    Method::parse(&config.method).map_err(refused)
}

impl SecretSource for UrlSource {
    fn get(&self, key: &str) -> Result<String, String> {
        let url = self.config.url_template.replace("{key}", key);
        let (config, way) = (self.config.clone(), self.way.clone());
        let start = self.reserve();
        let body = fetch::run("secrets", move || async move {
            rt::sleep_until(start).await;
            ask(&way.client()?, &url, &config).await
        })?;
        self.extract(body?)
    }
}

impl UrlSource {
    /// When the next request may start.
    fn reserve(&self) -> rt::Nanos {
        let now = rt::now();
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let before = bucket.unwrap_or(Bucket { tokens: self.config.burst as f64, at: now });
        let (start, after) = reserved(before, now, &self.config);
        *bucket = Some(after);
        start
    }

    fn extract(&self, body: String) -> Result<String, String> {
        let path = &self.config.response_path;
        if path.is_empty() {
            return Ok(body);
        }
        let found = gjson::get(&body, path);
        let kind = match found.kind() {
            gjson::Kind::String => return Ok(found.str().to_owned()),
            _ if !found.exists() => {
                let text = format!("failed to extract secret: path {path:?} not found in response");
                return Err(text);
            }
            // As the library of k6 calls them.
            gjson::Kind::Null => "Null",
            gjson::Kind::False => "False",
            gjson::Kind::True => "True",
            gjson::Kind::Number => "Number",
            gjson::Kind::Array | gjson::Kind::Object => "JSON",
        };
        Err(format!(
            "failed to extract secret: secret value at path {path:?} is not a string (got {kind})"
        ))
    }
}

/// Takes a token; the moment it is there, and the bucket without it.
fn reserved(bucket: Bucket, now: rt::Nanos, config: &Config) -> (rt::Nanos, Bucket) {
    let per_ns = config.requests_per_minute as f64 / 60e9;
    let filled = bucket.tokens + now.since(bucket.at).as_nanos() as f64 * per_ns;
    let tokens = filled.min(config.burst as f64) - 1.0;
    let wait_ns = if tokens < 0.0 { (-tokens / per_ns).round() as u64 } else { 0 };
    (rt::Nanos(now.0.saturating_add(wait_ns)), Bucket { tokens, at: now })
}

/// Asks until there is an answer that counts.
async fn ask(client: &Client, url: &str, config: &Config) -> Result<String, String> {
    let mut request =
        Request::get(url).map_err(|error| format!("failed to create request: {error}"))?;
    request.method = Method::parse(&config.method).map_err(|error| error.to_string())?;
    for (name, value) in &config.headers {
        request.headers.set(name, value.as_bytes()).map_err(|error| error.to_string())?;
    }
    if request.headers.get("user-agent").is_none() {
        let _ = request.headers.set("User-Agent", USER_AGENT.as_bytes());
    }
    request.headers.sort();
    let method = &config.method;
    let (first, rest) = method.split_at_checked(1).unwrap_or((method, ""));
    let asked = format!("{first}{} {:?}", rest.to_lowercase(), request.url.as_str());
    let mut attempt = 0;
    loop {
        let deadline = rt::Nanos(rt::now().0 + config.timeout.as_nanos() as u64);
        let why = match client.send(&request, Some(deadline)).await.result {
            Ok(response) => match response.status {
                200..=299 => return Ok(String::from_utf8_lossy(response.body()).into_owned()),
                status @ (429 | 500..=599) => format!("status code {status}: failed to get secret"),
                status => return Err(format!("status code {status}: failed to get secret")),
            },
            Err(error) => format!("failed to get secret: {asked}: {}", error.detail()),
        };
        if attempt == config.max_retries {
            return Err(why);
        }
        attempt += 1;
        rt::sleep(backoff(config.retry_backoff, attempt, rt::unix_nanos())).await;
    }
}

/// The wait before a repetition: the base to the power of its number, and up to a second by chance.
fn backoff(base: Duration, attempt: i64, chance: u64) -> Duration {
    let power = base.as_secs_f64().powi(i32::try_from(attempt).unwrap_or(i32::MAX));
    let power = Duration::try_from_secs_f64(power).unwrap_or(MAX_BACKOFF).min(MAX_BACKOFF);
    power + Duration::from_nanos(chance % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).into())).collect()
    }

    #[test]
    fn the_command_line_lies_over_the_environment_and_that_over_the_defaults() {
        let environment = variables(&[
            ("URL_TEMPLATE", "http://a/{key}"),
            ("HEADER_X_API_KEY", "from the environment"),
            ("HEADER_AUTHORIZATION", "kept"),
            ("TIMEOUT", "5s"),
            ("MAX_RETRIES", "7"),
            ("METHOD", ""),
            ("UNKNOWN", "x"),
        ]);
        let config =
            Config::read("timeout=2s,headers.X-Api-Key=given,responsePath=a.b", &environment)
                .unwrap();
        assert_eq!(
            config,
            Config {
                url_template: "http://a/{key}".to_owned(),
                headers: vec![
                    ("Authorization".to_owned(), "kept".to_owned()),
                    ("X-Api-Key".to_owned(), "given".to_owned()),
                ],
                response_path: "a.b".to_owned(),
                timeout: Duration::from_secs(2),
                max_retries: 7,
                ..Config::default()
            }
        );
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        for (line, named) in [
            ("urlTemplate=http://a/{key},timeout=0s", "timeout must be greater than 0"),
            ("urlTemplate=http://a/{key},method=a b", "invalid method"),
            ("config=/nowhere/at/all.json", "/nowhere/at/all.json"),
        ] {
            let error =
                Config::read(line, &[]).and_then(|config| method(&config).map(drop)).unwrap_err();
            assert!(error.message.contains(named), "{line}: {}", error.message);
        }
    }

    #[test]
    fn requests_beyond_the_burst_wait_for_their_turn() {
        let config = Config { requests_per_minute: 60, burst: 2, ..Config::default() };
        let second = |n: u64| rt::Nanos(n * 1_000_000_000);
        let mut bucket = Bucket { tokens: 2.0, at: second(100) };
        let starts = [100, 100, 100, 100, 200, 200, 200].map(|at| {
            let (start, after) = reserved(bucket, second(at), &config);
            bucket = after;
            start
        });
        assert_eq!(starts, [100, 100, 101, 102, 200, 200, 201].map(second));
    }

    #[test]
    fn waits_grow_as_powers_of_the_base() {
        let wait =
            |base_ms, attempt| backoff(Duration::from_millis(base_ms), attempt, 3_000_000_500);
        assert_eq!(wait(2000, 3), Duration::from_nanos(8_000_000_500));
        assert_eq!(wait(1000, 3), Duration::from_nanos(1_000_000_500));
        assert_eq!(wait(60_000, 90), MAX_BACKOFF + Duration::from_nanos(500));
        assert_eq!(wait(0, 1), Duration::from_nanos(500));
    }
}
