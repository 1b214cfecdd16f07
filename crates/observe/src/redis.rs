//! A Redis server (or Valkey, KeyDB): memory, hit rate, clients, evictions, operations, slow log.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Contains::{Data, Default as Plain};
use plan::probe::{Redis, Via};
use serde_json::json;
use url::Url;

use crate::dialogue::Dialogue;
use crate::growth::Growth;
use crate::observation::Observation;
use crate::probe::{Looking, Probe, ProbeError, Secrets, Source};
use crate::resp::{Address, Connection, Value};
use crate::{secret, tls};

/// Entries of the slow log that are shown.
const MAX_SLOW: usize = 128;
/// Commands of the table at the end.
const MAX_COMMANDS: usize = 30;
/// The client program unless the plan names another.
const CLIENT: &str = "redis-cli";

/// Watches a Redis server.
pub struct RedisProbe {
    name: String,
    link: Link,
    login: Option<(String, String)>,
    database: Option<String>,
    first: Option<Info>,
    before: Option<(u64, Info)>,
    evicted: Growth,
    rejected: Growth,
    /// The newest entry of the slow log when the run began, and those since.
    slow_before: Option<i64>,
    slow: u64,
    /// Calls and microseconds by command when the run began, and commands of ours since.
    commands: BTreeMap<String, (u64, u64)>,
    own: BTreeMap<String, u64>,
    own_of_look: u64,
}

enum Link {
    Wire(Address, Option<Connection>),
    Exec(Box<Dialogue>),
}

impl RedisProbe {
    /// A probe as the plan has it.
    ///
    /// # Errors
    /// A URL that can't be read, or a variable with a secret that is not there.
    pub fn new(plan: &Redis, secrets: &dyn Secrets) -> Result<Self, ProbeError> {
        let (mut user, mut password, mut database, mut address) = (String::new(), None, None, None);
        if !plan.url.is_empty() {
            let bad =
                |why: &dyn std::fmt::Display| ProbeError::new(format!("`{}`: {why}", plan.url));
            let url = Url::parse(&plan.url).map_err(|error| bad(&error))?;
            let host = url.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']).to_owned();
            let tls = (url.scheme() == "rediss").then(|| tls::config(plan.insecure)).transpose()?;
            address = Some(Address { host, port: url.port().unwrap_or(6379), tls });
            user = tls::decoded(url.username());
            password = url.password().map(tls::decoded);
            database = Some(url.path().trim_matches('/').to_owned()).filter(|db| !db.is_empty());
        }
        if let Some(variable) = &plan.password_env {
            password = Some(secret(secrets, variable)?);
        }
        let link = match (&plan.via, address) {
            (Some(Via::Exec(exec)), _) => {
                let client = if exec.client.is_empty() {
                    vec![CLIENT.to_owned()]
                } else {
                    exec.client.clone()
                };
                let words = exec.command.iter().cloned().chain(client).collect();
                Link::Exec(Box::new(Dialogue::new(words, Vec::new()).refused_by("NOAUTH")))
            }
            (_, Some(address)) => Link::Wire(address, None),
            (_, None) => return Err(ProbeError::new("there is neither a `url` nor a `via`")),
        };
        Ok(Self {
            name: plan.name.clone(),
            link,
            login: password.map(|password| (user, password)),
            database,
            first: None,
            before: None,
            evicted: Growth::default(),
            rejected: Growth::default(),
            slow_before: None,
            slow: 0,
            commands: BTreeMap::new(),
            own: BTreeMap::new(),
            own_of_look: 0,
        })
    }

    async fn ask(&mut self, commands: &[&[&str]]) -> Result<Vec<Value>, ProbeError> {
        for words in commands {
            *self.own.entry(words[0].to_lowercase()).or_default() += 1;
            self.own_of_look += 1;
            if matches!(self.link, Link::Exec(_)) {
                *self.own.entry("echo".to_owned()).or_default() += 1;
                self.own_of_look += 1;
            }
        }
        let mut greeting: Vec<Vec<&str>> = Vec::new();
        match &self.login {
            Some((user, password)) if user.is_empty() => greeting.push(vec!["AUTH", password]),
            Some((user, password)) => greeting.push(vec!["AUTH", user, password]),
            None => {}
        }
        match &mut self.link {
            Link::Wire(address, kept) => {
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => {
                        let mut fresh = Connection::open(address).await?;
                        if let Some(database) = &self.database {
                            greeting.push(vec!["SELECT", database]);
                        }
                        greeting.push(vec!["CLIENT", "SETNAME", "squall"]);
                        let words: Vec<&[&str]> = greeting.iter().map(Vec::as_slice).collect();
                        let answers = fresh.ask(&words).await?;
                        for (words, answer) in greeting.iter().zip(answers) {
                            // A name is a courtesy that old and managed servers refuse.
                            if let (Value::Error(text), true) = (answer, words[0] != "CLIENT") {
                                return Err(login_failed(&text));
                            }
                        }
                        fresh
                    }
                };
                let answers = connection.ask(commands).await?;
                *kept = Some(connection);
                for answer in &answers {
                    if let Value::Error(text) = answer {
                        refuse(text)?;
                    }
                }
                Ok(answers)
            }
            Link::Exec(dialogue) => {
                let is_fresh = dialogue.is_fresh();
                let mark = |word: &str| format!("ECHO {word}");
                let refused = |error: ProbeError| match error.to_string() {
                    text if text.contains("NOAUTH") => login_failed(&text),
                    _ => error,
                };
                if is_fresh && let Some(words) = greeting.first() {
                    let said = dialogue.ask(&quoted(words), mark).await.map_err(refused)?;
                    if said.lines.first().is_none_or(|line| line.trim_matches('"') != "OK") {
                        return Err(login_failed(&said.lines.join(" ")));
                    }
                }
                let mut answers = Vec::new();
                for words in commands {
                    let said = dialogue.ask(&quoted(words), mark).await.map_err(refused)?;
                    let text = said.lines.join("\n");
                    if let Some(first) = said.lines.first() {
                        let error = first.strip_prefix("(error) ").unwrap_or(first);
                        let is_error = ["NOAUTH", "ERR ", "NOPERM", "LOADING", "WRONGPASS"]
                            .iter()
                            .any(|kind| error.starts_with(kind));
                        if is_error {
                            refuse(error)?;
                            answers.push(Value::Error(error.to_owned()));
                            continue;
                        }
                    }
                    if text.starts_with("Could not connect") {
                        return Err(ProbeError::new(text));
                    }
                    answers.push(match words[0] {
                        "TIME" | "SLOWLOG" => Value::List(
                            said.lines
                                .iter()
                                .map(|line| Value::Text(line.clone().into_bytes()))
                                .collect(),
                        ),
                        _ => Value::Text(text.into_bytes()),
                    });
                }
                Ok(answers)
            }
        }
    }

    async fn look(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let asked = out.now();
        let answers = self.ask(&[&["TIME"], &["INFO"], &["SLOWLOG", "GET", "1"]]).await?;
        let time = match &answers[0] {
            Value::List(parts) => {
                match (parts.first().and_then(Value::int), parts.get(1).and_then(Value::int)) {
                    (Some(s), Some(us)) => {
                        u64::try_from(s.saturating_mul(1_000_000_000).saturating_add(us * 1_000))
                            .ok()
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        match time {
            Some(time) => out.answered_with_clock(asked, time, Duration::from_micros(1)),
            None => out.answered(asked),
        }
        let info = Info::parse(&answers[1].text());
        if info.0.is_empty() {
            return Err(ProbeError::new("the answer to INFO is none of a Redis server"));
        }
        self.slow_log(out, &answers[2]);
        self.gauges(out, &info, time.unwrap_or_else(|| out.now()));
        if self.first.is_none() {
            if let Ok(answers) = self.ask(&[&["INFO", "commandstats"]]).await {
                self.commands = Info::parse(&answers[0].text()).commands();
                self.own.clear();
            }
            self.first = Some(info.clone());
        }
        self.before = Some((time.unwrap_or_else(|| out.now()), info));
        self.own_of_look = 0;
        Ok(())
    }

    fn slow_log(&mut self, out: &mut Observation, answer: &Value) {
        if let Value::Error(text) = answer {
            out.trouble("slow log", text);
            return;
        }
        // An entry's number is the first of its values; by `redis-cli` all values follow each other.
        let newest = match answer.list().first() {
            Some(Value::List(entry)) => entry.first().and_then(Value::int),
            Some(first) => first.int(),
            None => None,
        };
        let newest = newest.unwrap_or(-1);
        match self.slow_before {
            Some(before) if newest >= before => self.slow += newest.abs_diff(before),
            // Emptied, or the server was restarted.
            Some(_) => self.slow += newest.saturating_add(1).unsigned_abs(),
            None => {}
        }
        self.slow_before = Some(newest);
        out.gauge("redis_slowlog", &[], self.slow as f64, Plain);
    }

    fn gauges(&mut self, out: &mut Observation, info: &Info, time: u64) {
        for (field, metric, contains) in [
            ("used_memory", "redis_memory_bytes", Data),
            ("connected_clients", "redis_clients", Plain),
            ("blocked_clients", "redis_blocked_clients", Plain),
        ] {
            if let Some(value) = info.number(field) {
                out.gauge(metric, &[], value, contains);
            }
        }
        if let (Some(used), Some(most)) = (info.number("used_memory"), info.number("maxmemory"))
            && most > 0.0
        {
            out.gauge("redis_memory_limit_ratio", &[], used / most, Plain);
        }
        if let Some((then, before)) = self.before.take() {
            if before.get("run_id") != info.get("run_id") {
                let text = "the server was started again";
                let event = out.new_event("server-restarted", &self.name, text);
                out.event(event);
            } else {
                let elapsed_s = time.saturating_sub(then) as f64 / 1e9;
                delta_gauges(out, &before, info, self.own_of_look, elapsed_s);
            }
        }
        if let Some(evicted) = info.count("evicted_keys") {
            let evicted = self.evicted.add(evicted) as f64;
            out.gauge("redis_evicted_keys", &[], evicted, Plain);
        }
        if let Some(rejected) = info.count("rejected_connections") {
            let rejected = self.rejected.add(rejected) as f64;
            out.gauge("redis_rejected_connections", &[], rejected, Plain);
        }
    }

    async fn finish(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let Some(first) = self.first.clone() else { return Ok(()) };
        let answers = self.ask(&[&["INFO"], &["INFO", "commandstats"]]).await?;
        let info = Info::parse(&answers[0].text());
        self.table_of_server(out, &first, &info);
        let commands = Info::parse(&answers[1].text()).commands();
        let mut rows: Vec<(u64, u64, String)> = commands
            .into_iter()
            .filter_map(|(name, (calls, us))| {
                let (calls_before, us_before) =
                    self.commands.get(&name).copied().unwrap_or_default();
                let calls = calls.checked_sub(calls_before).unwrap_or(calls);
                let own = self.own.get(name.split('|').next().unwrap_or_default());
                let calls = calls.saturating_sub(own.copied().unwrap_or(0));
                (calls > 0).then(|| (us.checked_sub(us_before).unwrap_or(us), calls, name))
            })
            .collect();
        rows.sort_by(|a, b| b.cmp(a));
        let row = |(us, calls, name): (u64, u64, String)| {
            vec![json!(name), json!(calls), json!(us as f64 / 1e3), json!(us as f64 / calls as f64)]
        };
        let rows = rows.into_iter().take(MAX_COMMANDS).map(row).collect();
        out.table("commands", &["command", "calls", "total_ms", "mean_us"], rows);
        match self.slow_entries().await? {
            Value::Error(text) => out.trouble("slow log", text),
            entries => {
                let rows = entries.list().iter().filter_map(|e| slow_row(out, e)).collect();
                out.table("slow log", &["at_unix_s", "duration_ms", "command", "client"], rows);
            }
        }
        Ok(())
    }

    /// The newest entries of the slow log. What `redis-cli` prints of them can't be taken apart again, so there a script
    /// of the server's puts them into JSON.
    async fn slow_entries(&mut self) -> Result<Value, ProbeError> {
        let count = MAX_SLOW.to_string();
        if matches!(self.link, Link::Wire(..)) {
            return Ok(self.ask(&[&["SLOWLOG", "GET", &count]]).await?.swap_remove(0));
        }
        let script = format!("return cjson.encode(redis.call('SLOWLOG','GET','{count}'))");
        let answer = self.ask(&[&["EVAL", &script, "0"]]).await?.swap_remove(0);
        if matches!(answer, Value::Error(_)) {
            return Ok(answer);
        }
        let json = serde_json::from_str(&answer.text()).map_err(ProbeError::new)?;
        Ok(from_json(&json))
    }

    fn table_of_server(&self, out: &mut Observation, first: &Info, last: &Info) {
        let delta = |field: &str| match (first.number(field), last.number(field)) {
            (Some(first), Some(last)) if last >= first => Some(last - first),
            (_, last) => last,
        };
        let (hits, misses) = (delta("keyspace_hits"), delta("keyspace_misses"));
        let ratio = match (hits, misses) {
            (Some(hits), Some(misses)) if hits + misses > 0.0 => Some(hits / (hits + misses)),
            _ => None,
        };
        let mut rows: Vec<Vec<serde_json::Value>> = vec![
            vec![json!("version"), json!(last.get("redis_version"))],
            vec![json!("role"), json!(last.get("role"))],
            vec![json!("hit_ratio"), json!(ratio)],
            vec![json!("slow log entries"), json!(self.slow)],
        ];
        for field in [
            "keyspace_hits",
            "keyspace_misses",
            "evicted_keys",
            "expired_keys",
            "total_commands_processed",
            "total_connections_received",
            "rejected_connections",
        ] {
            rows.push(vec![json!(field), json!(delta(field))]);
        }
        for field in ["used_memory", "used_memory_peak", "maxmemory", "mem_fragmentation_ratio"] {
            rows.push(vec![json!(field), json!(last.number(field))]);
        }
        out.table("server", &["figure", "value"], rows);
    }
}

fn delta_gauges(
    out: &mut Observation,
    before: &Info,
    info: &Info,
    own_commands: u64,
    elapsed_s: f64,
) {
    let delta = |field: &str| match (before.number(field), info.number(field)) {
        (Some(before), Some(now)) if now >= before => Some(now - before),
        _ => None,
    };
    if let (Some(hits), Some(misses)) = (delta("keyspace_hits"), delta("keyspace_misses"))
        && hits + misses > 0.0
    {
        out.gauge("redis_hit_ratio", &[], hits / (hits + misses), Plain);
    }
    if elapsed_s <= 0.0 {
        return;
    }
    if let Some(commands) = delta("total_commands_processed") {
        let others = (commands - own_commands as f64).max(0.0);
        out.gauge("redis_ops_per_second", &[], others / elapsed_s, Plain);
    }
    if let (Some(user), Some(system)) = (delta("used_cpu_user"), delta("used_cpu_sys")) {
        out.gauge("redis_cpu_cores", &[], (user + system) / elapsed_s, Plain);
    }
}

/// An entry of the slow log that is of this run: time, duration, command with its key, who asked.
fn slow_row(out: &Observation, entry: &Value) -> Option<Vec<serde_json::Value>> {
    let values = entry.list();
    let at_s = u64::try_from(values.get(1)?.int()?).ok()?;
    let at = out.ours(at_s.checked_mul(1_000_000_000)?);
    // The server's times are whole seconds.
    if at + 1_000_000_000 < out.began() {
        return None;
    }
    let duration_us = values.get(2)?.int()?;
    let words = values.get(3)?.list();
    // What is stored is nobody's business: only the command and its key.
    let mut command = words.iter().take(2).map(Value::text).collect::<Vec<_>>().join(" ");
    if words.len() > 2 {
        command.push_str(&format!(" … ({} words)", words.len()));
    }
    let client = values.get(4).map(Value::text).unwrap_or_default();
    let command = plan::probe::redact::text(&command);
    Some(vec![
        json!(at as f64 / 1e9),
        json!(duration_us as f64 / 1e3),
        json!(command),
        json!(client),
    ])
}

fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(list) => Value::List(list.iter().map(from_json).collect()),
        serde_json::Value::String(text) => Value::Text(text.clone().into_bytes()),
        number => number.as_i64().map_or(Value::Nil, Value::Int),
    }
}

/// Errors that mean that nothing can be seen; others are an answer.
fn refuse(text: &str) -> Result<(), ProbeError> {
    let is_login = ["NOAUTH", "WRONGPASS"].iter().any(|kind| text.starts_with(kind));
    if is_login || text.starts_with("LOADING") {
        return Err(if is_login { login_failed(text) } else { ProbeError::new(text) });
    }
    Ok(())
}

fn login_failed(text: &str) -> ProbeError {
    ProbeError::new(format!(
        "the login is refused: {text}; check the user of the URL and `password_env`"
    ))
}

/// Words for `redis-cli`'s own reader.
fn quoted(words: &[&str]) -> String {
    let quote = |word: &&str| {
        let is_plain = !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if is_plain {
            return (*word).to_owned();
        }
        let mut out = String::from("\"");
        for byte in word.bytes() {
            match byte {
                b'"' | b'\\' => out.extend(['\\', byte as char]),
                b' '..=b'~' => out.push(byte as char),
                other => out.push_str(&format!("\\x{other:02x}")),
            }
        }
        out.push('"');
        out
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// What `INFO` says.
#[derive(Debug, Clone, Default)]
struct Info(BTreeMap<String, String>);

impl Info {
    fn parse(text: &str) -> Self {
        let pair = |line: &str| {
            let (name, value) = line.trim_end().split_once(':')?;
            let is_name = !name.is_empty() && !name.starts_with('#') && !name.contains(' ');
            is_name.then(|| (name.to_owned(), value.to_owned()))
        };
        Self(text.lines().filter_map(pair).take(10_000).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok().filter(|value: &f64| value.is_finite())
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// `cmdstat_get:calls=5,usec=11,…`: calls and microseconds by command.
    fn commands(&self) -> BTreeMap<String, (u64, u64)> {
        let read = |(name, value): (&String, &String)| {
            let name = name.strip_prefix("cmdstat_")?;
            let field = |wanted: &str| {
                value
                    .split(',')
                    .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == wanted))
            };
            let calls = field("calls")?.1.parse().ok()?;
            let us = field("usec")?.1.parse().ok()?;
            Some((name.to_owned(), (calls, us)))
        };
        self.0.iter().filter_map(read).collect()
    }
}

impl Probe for RedisProbe {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> Source {
        Source::Redis
    }

    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(self.look(out))
    }

    fn finish<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(self.finish(out))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_info_says_is_read() {
        let info = Info::parse(
            "# Server\r\nredis_version:7.0.15\r\n\r\nused_memory:100\r\ncmdstat_get:calls=5,usec=11,usec_per_call=2.20\r\nbad\r\n:x\r\n",
        );
        assert_eq!(
            (info.get("redis_version"), info.number("used_memory")),
            (Some("7.0.15"), Some(100.0))
        );
        assert_eq!(info.commands(), [("get".to_owned(), (5, 11))].into());
        assert_eq!(info.0.len(), 3);
    }

    #[test]
    fn words_for_its_own_client_are_quoted() {
        assert_eq!(quoted(&["AUTH", "a \"b\\ü\n"]), r#"AUTH "a \"b\\\xc3\xbc\x0a""#);
        assert_eq!(quoted(&["SLOWLOG", "GET", "1", ""]), "SLOWLOG GET 1 \"\"");
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_info(text in ".{0,200}") {
            let info = Info::parse(&text);
            let _ = (info.commands(), info.number("a"), info.count("a"));
        }
    }
}
