//! Settings of `--out influxdb`, and of the newer API that k6 has in an extension.

use std::time::Duration;

use net::url::Url;

use super::line::{FieldKind, Precision};
use crate::config::{Layers, parse_bool, parse_duration};
use crate::context::Context;
use crate::http::unescape;
use crate::wanted::OutputError;

/// Which API is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Api {
    /// `/write`, with a database.
    V1 {
        username: Option<String>,
        password: Option<String>,
        retention: String,
        consistency: String,
    },
    /// `/api/v2/write`, with an organization and a bucket.
    V2 { organization: String, bucket: String, token: String },
}

/// The output's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Scheme, host and port, perhaps with a path; `udp://host:port` is possible.
    pub(super) address: String,
    pub(super) database: String,
    pub(super) api: Api,
    pub(super) insecure: bool,
    pub(super) payload_size: usize,
    pub(super) precision: Precision,
    pub(super) push_interval: Duration,
    pub(super) concurrent_writes: usize,
    /// Sorted by name.
    pub(super) fields: Vec<(String, FieldKind)>,
}

/// What the sources say, before it is put together.
#[derive(Default)]
struct Said {
    address: Option<String>,
    database: Option<String>,
    username: Option<String>,
    password: Option<String>,
    insecure: Option<bool>,
    payload_size: Option<i64>,
    precision: Option<String>,
    retention: Option<String>,
    consistency: Option<String>,
    push_interval: Option<Duration>,
    concurrent_writes: Option<i64>,
    fields: Option<Vec<String>>,
    organization: Option<String>,
    bucket: Option<String>,
    token: Option<String>,
}

/// Bytes of a UDP packet unless set, as in InfluxDB's client.
const UDP_PAYLOAD: usize = 512;
/// The largest packet UDP carries.
const MAX_UDP_PAYLOAD: i64 = 65_507;

impl Settings {
    /// Reads the URL, variables and the configuration file.
    ///
    /// # Errors
    /// k6's texts.
    pub(crate) fn read(argument: &str, context: &Context) -> Result<Self, OutputError> {
        let layers = Layers::of("influxdb", context);
        if layers.text("proxy", "K6_INFLUXDB_PROXY")?.is_some() {
            return Err(refused(
                "K6_INFLUXDB_PROXY is not available in squall: name the database itself".into(),
            ));
        }
        let mut said = Said {
            address: layers.text("addr", "K6_INFLUXDB_ADDR")?,
            database: layers.text("db", "K6_INFLUXDB_DB")?,
            username: layers.text("username", "K6_INFLUXDB_USERNAME")?,
            password: layers.text("password", "K6_INFLUXDB_PASSWORD")?,
            insecure: layers.switch("insecure", "K6_INFLUXDB_INSECURE")?,
            payload_size: layers.int("payloadSize", "K6_INFLUXDB_PAYLOAD_SIZE")?,
            precision: layers.text("precision", "K6_INFLUXDB_PRECISION")?,
            retention: layers.text("retention", "K6_INFLUXDB_RETENTION")?,
            consistency: layers.text("consistency", "K6_INFLUXDB_CONSISTENCY")?,
            push_interval: layers.duration("pushInterval", "K6_INFLUXDB_PUSH_INTERVAL")?,
            concurrent_writes: layers.int("concurrentWrites", "K6_INFLUXDB_CONCURRENT_WRITES")?,
            fields: layers.list("tagsAsFields", "K6_INFLUXDB_TAGS_AS_FIELDS")?,
            organization: layers.text("organization", "K6_INFLUXDB_ORGANIZATION")?,
            bucket: layers.text("bucket", "K6_INFLUXDB_BUCKET")?,
            token: layers.text("token", "K6_INFLUXDB_TOKEN")?,
        };
        if !argument.is_empty() {
            said.read_url(argument)?;
        }
        said.settle()
    }
}

impl Said {
    fn read_url(&mut self, text: &str) -> Result<(), OutputError> {
        let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        if !url.authority().is_empty() {
            self.address = Some(format!("{}://{}", url.scheme_str(), url.authority()));
        }
        let database = url.path().trim_start_matches('/');
        if !database.is_empty() {
            self.database = Some(unescape(database, false));
        }
        if let Some((name, password)) = url.user_info() {
            self.username = Some(name);
            self.password = Some(password.unwrap_or_default());
        }
        let mut fields = Vec::new();
        for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = unescape(value, true);
            match unescape(key, true).as_str() {
                "insecure" if value.is_empty() => {}
                "insecure" => match value.as_str() {
                    "true" | "false" => self.insecure = parse_bool(&value),
                    _ => {
                        return Err(refused(format!(
                            "insecure must be true or false, not {value}"
                        )));
                    }
                },
                "payload_size" => self.payload_size = Some(number(&value)?),
                "precision" => self.precision = Some(value),
                "retention" => self.retention = Some(value),
                "consistency" => self.consistency = Some(value),
                "pushInterval" => self.push_interval = Some(parse_duration(&value)?),
                "concurrentWrites" => self.concurrent_writes = Some(number(&value)?),
                "tagsAsFields" => fields.push(value),
                "organization" | "org" => self.organization = Some(value),
                "bucket" => self.bucket = Some(value),
                "token" => self.token = Some(value),
                other => return Err(refused(format!("unknown query parameter: {other}"))),
            }
        }
        if !fields.is_empty() {
            self.fields = Some(fields);
        }
        Ok(())
    }

    fn settle(self) -> Result<Settings, OutputError> {
        let concurrent_writes = self.concurrent_writes.unwrap_or(4);
        if concurrent_writes <= 0 {
            return Err(refused("influxdb's ConcurrentWrites must be a positive number".into()));
        }
        let is_v2 = self.bucket.is_some() || self.organization.is_some() || self.token.is_some();
        let database = self.database.filter(|db| !db.is_empty()).unwrap_or_else(|| "k6".into());
        let api = if is_v2 {
            Api::V2 {
                organization: self.organization.unwrap_or_default(),
                bucket: self.bucket.unwrap_or_else(|| database.clone()),
                token: self.token.unwrap_or_default(),
            }
        } else {
            Api::V1 {
                username: self.username,
                password: self.password,
                retention: self.retention.unwrap_or_default(),
                consistency: self.consistency.unwrap_or_default(),
            }
        };
        let default_fields = || vec!["vu".to_owned(), "iter".to_owned(), "url".to_owned()];
        let payload = self.payload_size.filter(|size| *size > 0).map(|n| n.min(MAX_UDP_PAYLOAD));
        Ok(Settings {
            address: self
                .address
                .filter(|address| !address.is_empty())
                .unwrap_or_else(|| "http://localhost:8086".into()),
            database,
            api,
            insecure: self.insecure.unwrap_or(false),
            payload_size: payload.and_then(|n| n.try_into().ok()).unwrap_or(UDP_PAYLOAD),
            precision: Precision::parse(self.precision.as_deref().unwrap_or_default()).ok_or_else(
                || refused("invalid precision of influxdb: use ns, us, ms, s, m or h".into()),
            )?,
            push_interval: self.push_interval.unwrap_or(Duration::from_secs(1)),
            concurrent_writes: usize::try_from(concurrent_writes).unwrap_or(1),
            fields: field_kinds(&self.fields.unwrap_or_else(default_fields))?,
        })
    }
}

/// `name[:string|bool|float|int]` of each, sorted by name.
fn field_kinds(texts: &[String]) -> Result<Vec<(String, FieldKind)>, OutputError> {
    let mut fields: Vec<(String, FieldKind)> = Vec::new();
    for text in texts {
        let (name, kind) = text.split_once(':').unwrap_or((text, ""));
        if fields.iter().any(|(known, _)| known == name) {
            return Err(refused(format!(
                "a tag name ({name}) shows up more than once in InfluxDB field type configurations"
            )));
        }
        let kind = match kind {
            "" | "string" => FieldKind::Text,
            "bool" => FieldKind::Bool,
            "float" => FieldKind::Float,
            "int" => FieldKind::Int,
            _ => {
                return Err(refused(format!(
                    "an invalid type ({kind}) is specified for an InfluxDB field ({name})"
                )));
            }
        };
        fields.push((name.to_owned(), kind));
    }
    fields.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(fields)
}

fn number(text: &str) -> Result<i64, OutputError> {
    text.parse().map_err(|_| refused(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))
}

fn refused(text: String) -> OutputError {
    OutputError::Start(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::context;

    #[test]
    fn the_url_beats_the_environment_and_this_the_file() {
        let context = context(
            &[("K6_INFLUXDB_ADDR", "http://env:1"), ("K6_INFLUXDB_DB", "envdb")],
            r#"{"influxdb": {"addr": "http://json:1", "precision": "ms", "tagsAsFields": ["vu"]}}"#,
        );
        let plain = Settings::read("", &context).unwrap();
        assert_eq!((plain.address.as_str(), plain.database.as_str()), ("http://env:1", "envdb"));
        assert_eq!(plain.precision, Precision::parse("ms").unwrap());
        assert_eq!(plain.fields, [("vu".to_owned(), FieldKind::Text)]);
        let url = "https://me:p%40w@db:8086/my%20db?insecure=true&pushInterval=3s&concurrentWrites=2\
                   &tagsAsFields=vu:int&tagsAsFields=url";
        let given = Settings::read(url, &context).unwrap();
        assert_eq!((given.address.as_str(), given.database.as_str()), ("https://db:8086", "my db"));
        assert!(given.insecure && given.concurrent_writes == 2);
        assert_eq!(given.push_interval, Duration::from_secs(3));
        let expected = [("url".to_owned(), FieldKind::Text), ("vu".to_owned(), FieldKind::Int)];
        assert_eq!(given.fields, expected);
        let Api::V1 { username, password, .. } = given.api else { panic!("not v1") };
        assert_eq!((username.as_deref(), password.as_deref()), (Some("me"), Some("p@w")));
        assert_eq!(Settings::read("mydb", &context).unwrap().database, "mydb");
    }

    #[test]
    fn a_bucket_or_a_token_ask_for_the_newer_api() {
        let context = context(&[("K6_INFLUXDB_TOKEN", "t")], "{}");
        let settings = Settings::read("http://h:1/?bucket=b&org=o", &context).unwrap();
        let (organization, bucket, token) = ("o".into(), "b".into(), "t".into());
        assert_eq!(settings.api, Api::V2 { organization, bucket, token });
    }

    #[test]
    fn mistakes_are_told_in_k6s_words() {
        let context = context(&[], "{}");
        for (url, text) in [
            ("http://h/db?foo=1", "unknown query parameter: foo"),
            ("http://h/db?insecure=x", "insecure must be true or false, not x"),
            (
                "http://h/db?concurrentWrites=0",
                "influxdb's ConcurrentWrites must be a positive number",
            ),
            (
                "http://h/db?tagsAsFields=a:x",
                "an invalid type (x) is specified for an InfluxDB field (a)",
            ),
            (
                "http://h/db?tagsAsFields=a&tagsAsFields=a:int",
                "a tag name (a) shows up more than once in InfluxDB field type configurations",
            ),
        ] {
            assert_eq!(Settings::read(url, &context).unwrap_err().to_string(), text);
        }
    }
}
