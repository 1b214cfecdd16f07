//! What a child tells, read from its JSON. Unknown messages and fields are passed over: a newer child may tell more.

use serde_json::{Value, json};

/// What tasks raised, by traceback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExceptionRow {
    /// How often.
    pub count: u64,
    /// The exception's text.
    pub msg: String,
    /// Where it came from.
    pub traceback: String,
    /// Where it was raised: `local`, or workers.
    pub nodes: Vec<String>,
}

/// What part a process has in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All of it.
    Local,
    /// It tells workers what to do.
    Master,
    /// It makes load for a master.
    Worker,
}

impl Role {
    /// Whether the process decides what the test is: there is one such for a terminal.
    pub fn leads(self) -> bool {
        self != Self::Worker
    }
}

/// Who a child is.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// Its process.
    pub pid: u32,
    /// Its part.
    pub role: Role,
    /// Locust's options as its parser gives them, custom ones too.
    pub options: Value,
    /// The Locust file's name.
    pub locustfile: String,
    /// The folder of the `locust` package.
    pub package: String,
    /// Its version.
    pub locust_version: String,
    /// Python's version.
    pub python_version: String,
    /// Seconds its clock is ahead of UTC.
    pub utc_offset_s: i64,
}

impl Hello {
    /// An option that is a text; none where it is empty or not given.
    pub fn text(&self, option: &str) -> Option<&str> {
        self.options[option].as_str().filter(|text| !text.is_empty())
    }

    /// An option that is on or off.
    pub fn is_on(&self, option: &str) -> bool {
        self.options[option].as_bool().unwrap_or(false)
    }
}

/// The constants of `locust.stats` that Locust files overwrite.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Percentiles of console and CSV, 0 to 1.
    pub to_report: Vec<f64>,
    /// Percentiles of the page's table.
    pub to_statistics: Vec<f64>,
    /// Percentiles of the charts.
    pub to_chart: Vec<f64>,
    /// Percentiles of the HTML report.
    pub for_html: Vec<f64>,
    /// Seconds between tables.
    pub console_interval_s: f64,
    /// Seconds between points of the charts.
    pub history_interval_s: f64,
    /// Seconds between updates of the CSV files.
    pub csv_interval_s: f64,
    /// Seconds that percentiles of "now" are of.
    pub window_s: u64,
    /// Width of the column of names.
    pub name_width: i64,
    /// Width of the column of request types.
    pub type_width: i64,
    /// The file has a rounding of its own.
    pub own_buckets: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            to_report: vec![0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0],
            to_statistics: vec![0.95, 0.99],
            to_chart: vec![0.5, 0.95],
            for_html: vec![0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0],
            console_interval_s: 2.0,
            history_interval_s: 5.0,
            csv_interval_s: 1.0,
            window_s: 10,
            name_width: 80,
            type_width: 8,
            own_buckets: false,
        }
    }
}

/// How a test stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Locust's word for it.
    pub state: String,
    /// Users that run.
    pub user_count: u64,
    /// The target.
    pub host: Option<String>,
    /// Of a master: its workers, as Locust's API shows them.
    pub workers: Option<Value>,
    /// Of a master: how many of them are there.
    pub worker_count: u64,
}

/// How well a child kept up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// CPU time it used, seconds.
    pub cpu_s: f64,
    /// How often the lateness of its loop was looked at.
    pub beats: u64,
    /// How often it was late by more than 10 ms.
    pub late: u64,
    /// The worst, milliseconds.
    pub worst_ms: f64,
    /// Requests that took Locust's own way.
    pub slow_requests: u64,
    /// Why, with counts.
    pub slow_reasons: Vec<(String, u64)>,
}

/// When an entry began and had its last request, unix seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryTimes {
    /// The request type.
    pub method: String,
    /// The name.
    pub name: String,
    /// Its beginning.
    pub start_s: f64,
    /// The last request.
    pub last_s: Option<f64>,
}

/// How the test ended, as far as the child knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quitting {
    /// Distinct exceptions of tasks.
    pub exceptions: u64,
    /// Something was raised outside tasks.
    pub unhandled: bool,
    /// Why no user could be made, such as that there is no host.
    pub stop_test: Option<String>,
}

/// A message of a child.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Who it is.
    Hello(Box<Hello>),
    /// Constants.
    Settings(Box<Settings>),
    /// How the test stands.
    State(State),
    /// When the last request was, unix seconds.
    LastRequest(f64),
    /// Exact times of entries.
    EntryTimes(Vec<EntryTimes>),
    /// Statistics start anew; `true`: without the names they had.
    Reset {
        /// Whether names are forgotten too.
        forget: bool,
        /// When, unix seconds.
        time_s: f64,
    },
    /// What tasks raised so far.
    Exceptions(Vec<ExceptionRow>),
    /// How users and tasks are distributed.
    Tasks(Value),
    /// Lines of its log: level and text.
    Log(Vec<(String, String)>),
    /// How well it kept up.
    Health(Health),
    /// The test is over; it wants to know its exit code.
    Quitting(Quitting),
    /// Its web server listens.
    Web {
        /// Where, on 127.0.0.1.
        port: u16,
        /// It wants to answer every page itself: there is a login, or the Locust file changes what pages say.
        wants_all: bool,
    },
    /// Everything up to the question was told.
    Synced(u64),
    /// The process that leads wants what all others have measured; `true`: until they end.
    Merge(bool),
    /// Everything was told.
    Finished {
        /// The HTML report's file.
        html_file: Option<String>,
        /// The host as the report names it.
        host: Option<String>,
    },
    /// Something this version knows nothing of.
    Unknown,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn some_text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

/// A time; Python has 0 or nothing where there is none.
fn time(value: &Value) -> Option<f64> {
    value.as_f64().filter(|time| *time > 0.0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Message {
    /// Reads a message.
    pub fn of(value: &Value) -> Self {
        match value["type"].as_str().unwrap_or_default() {
            "hello" => Self::Hello(Box::new(hello(value))),
            "settings" => Self::Settings(Box::new(settings(value))),
            "state" => Self::State(state(value)),
            "times" => time(&value["last"]).map_or(Self::Unknown, Self::LastRequest),
            "entry_times" => {
                Self::EntryTimes(list(&value["entries"]).iter().filter_map(entry_times).collect())
            }
            "reset" => {
                Self::Reset { forget: value["kind"] == "clear_all", time_s: float(&value["time"]) }
            }
            "exceptions" => Self::Exceptions(list(&value["rows"]).iter().map(exception).collect()),
            "tasks" => {
                Self::Tasks(json!({"per_class": value["per_class"], "total": value["total"]}))
            }
            "log" => Self::Log(
                list(&value["lines"]).iter().map(|line| (text(&line[0]), text(&line[1]))).collect(),
            ),
            "health" => Self::Health(Health {
                cpu_s: float(&value["cpu_s"]),
                beats: count(&value["beats"]),
                late: count(&value["late"]),
                worst_ms: float(&value["worst_ms"]),
                slow_requests: count(&value["slow_requests"]),
                slow_reasons: value["slow_reasons"].as_object().map_or_else(Vec::new, |reasons| {
                    reasons.iter().map(|(reason, n)| (reason.clone(), count(n))).collect()
                }),
            }),
            "quitting" => Self::Quitting(Quitting {
                exceptions: count(&value["exceptions"]),
                unhandled: value["unhandled"].as_bool().unwrap_or(false),
                stop_test: some_text(&value["stop_test"]),
            }),
            "web" => match u16::try_from(count(&value["port"])) {
                Ok(port @ 1..) => {
                    Self::Web { port, wants_all: value["wants_all"].as_bool().unwrap_or(false) }
                }
                _ => Self::Unknown,
            },
            "merge" => Self::Merge(value["last"].as_bool().unwrap_or(false)),
            "synced" => Self::Synced(count(&value["id"])),
            "finished" => Self::Finished {
                html_file: some_text(&value["html_file"]),
                host: some_text(&value["host"]),
            },
            _ => Self::Unknown,
        }
    }
}

fn hello(value: &Value) -> Hello {
    let role = match value["role"].as_str() {
        Some("master") => Role::Master,
        Some("worker") => Role::Worker,
        _ => Role::Local,
    };
    Hello {
        pid: u32::try_from(count(&value["pid"])).unwrap_or(0),
        role,
        options: value["options"].clone(),
        locustfile: text(&value["locustfile"]),
        package: text(&value["package"]),
        locust_version: text(&value["locust_version"]),
        python_version: text(&value["python_version"]),
        utc_offset_s: value["utc_offset_s"].as_i64().unwrap_or(0),
    }
}

fn settings(value: &Value) -> Settings {
    let known = Settings::default();
    let parts = |key: &str, or: Vec<f64>| {
        value[key].as_array().map_or(or, |list| list.iter().filter_map(Value::as_f64).collect())
    };
    // A table every 0 s would be all the program does.
    let interval =
        |key: &str, or: f64| value[key].as_f64().filter(|s| s.is_finite()).unwrap_or(or).max(0.1);
    let width = |key: &str, or: i64| value[key].as_i64().unwrap_or(or).clamp(-1_000, 1_000);
    Settings {
        to_report: parts("percentiles_to_report", known.to_report),
        to_statistics: parts("percentiles_to_statistics", known.to_statistics),
        to_chart: parts("percentiles_to_chart", known.to_chart),
        for_html: parts("percentiles_for_html", known.for_html),
        console_interval_s: interval("console_interval_s", known.console_interval_s),
        history_interval_s: interval("history_interval_s", known.history_interval_s),
        csv_interval_s: interval("csv_interval_s", known.csv_interval_s),
        window_s: value["window_s"].as_u64().unwrap_or(known.window_s),
        name_width: width("name_width", known.name_width),
        type_width: width("type_width", known.type_width),
        own_buckets: value["own_buckets"].as_bool().unwrap_or(false),
    }
}

fn state(value: &Value) -> State {
    State {
        state: text(&value["state"]),
        user_count: count(&value["user_count"]),
        host: some_text(&value["host"]),
        workers: value["workers"].is_array().then(|| value["workers"].clone()),
        worker_count: count(&value["worker_count"]),
    }
}

fn entry_times(row: &Value) -> Option<EntryTimes> {
    Some(EntryTimes {
        method: text(&row[0]),
        name: text(&row[1]),
        start_s: time(&row[2])?,
        last_s: time(&row[3]),
    })
}

fn exception(row: &Value) -> ExceptionRow {
    ExceptionRow {
        count: count(&row["count"]),
        msg: text(&row["msg"]),
        traceback: text(&row["traceback"]),
        nodes: list(&row["nodes"]).iter().map(text).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_messages_are_passed_over_and_wrong_fields_are_empty() {
        for value in [json!({}), json!([1]), json!({"type": "news"}), json!({"type": "times"})] {
            assert_eq!(Message::of(&value), Message::Unknown);
        }
        let odd = json!({"type": "exceptions", "rows": [{"count": -1, "msg": 3}, 7]});
        assert_eq!(Message::of(&odd), Message::Exceptions(vec![ExceptionRow::default(); 2]));
        assert_eq!(
            Message::of(&json!({"type": "settings", "console_interval_s": 0})),
            Message::Settings(Box::new(Settings {
                console_interval_s: 0.1,
                ..Settings::default()
            }))
        );
    }
}
