//! A PostgreSQL server: sessions by state and wait, locks with who blocks whom, hit rate, transactions, statements.
//!
//! Each look is one query whose answer is one JSON text, so that it is the same over a connection of ours and through
//! `psql` next to the server. Counters become rates between two looks, and differences over the run.

mod blocked;
mod link;
mod sql;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics::Contains::{Data, Default as Plain, Time};
use plan::probe::Postgres;
use serde::Deserialize;
use serde_json::json;

use crate::growth::Growth;
use crate::observation::Observation;
use crate::probe::{Looking, Probe, ProbeError, Secrets, Source};
use blocked::Blocked;
use link::Link;
use statements::{Statements, Totals};

/// From one table of statements to the next; a run that is killed keeps the last one.
const STATEMENTS_EVERY_NS: u64 = 15_000_000_000;
/// From the first to the second.
const FIRST_AGAIN_NS: u64 = 2_000_000_000;
/// Sessions that are waiting for a lock and were told, at most.
const MAX_BLOCKED: usize = 1_000;

/// Watches a PostgreSQL server.
pub struct PostgresProbe {
    name: String,
    link: Link,
    server: Option<Server>,
    before: Option<(u64, Activity)>,
    deadlocks: Growth,
    temp_bytes: Growth,
    statements: Statements,
    statements_due: u64,
    /// Waits that were told: who waits for whom since when.
    told: BTreeSet<String>,
    max_connections_seen: u64,
}

/// What is asked once a connection.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Server {
    pub(crate) version: u32,
    /// `pg_postmaster_start_time()`, seconds.
    started: f64,
    /// Version of `pg_stat_statements`, and its schema, quoted.
    pub(crate) statements: Option<String>,
    pub(crate) statements_schema: Option<String>,
    /// May see what other users' sessions do.
    sees_all: bool,
}

/// The answer of a look.
#[derive(Debug, Clone, Deserialize)]
struct Activity {
    /// `clock_timestamp()`, seconds.
    clock: f64,
    max: u64,
    total: u64,
    #[serde(default)]
    states: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    waits: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    idle_in_transaction_s: Option<f64>,
    locks_waiting: u64,
    transactions: u64,
    hit: u64,
    read: u64,
    deadlocks: u64,
    temp_bytes: u64,
    #[serde(default)]
    statements: Option<Totals>,
}

impl PostgresProbe {
    /// A probe as the plan has it.
    ///
    /// # Errors
    /// A URL that can't be read, or a variable with a secret that is not there.
    pub fn new(plan: &Postgres, secrets: &dyn Secrets) -> Result<Self, ProbeError> {
        Ok(Self {
            name: plan.name.clone(),
            link: Link::new(plan, secrets)?,
            server: None,
            before: None,
            deadlocks: Growth::default(),
            temp_bytes: Growth::default(),
            statements: Statements::default(),
            statements_due: 0,
            told: BTreeSet::new(),
            max_connections_seen: 0,
        })
    }

    async fn look(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        if self.server.is_none() || !self.link.is_open() {
            let server: Server = self.link.ask(sql::SERVER).await?;
            self.met(out, server);
        }
        let Some(server) = self.server.clone() else { return Ok(()) };
        if !server.sees_all {
            let text = "this role is not told what sessions of others do: GRANT pg_monitor TO it";
            out.trouble("activity", text);
        }
        let mut asked = out.now();
        let with_statements = self.statements.is_wanted(&server);
        let query = sql::activity(&server, &self.statements.own, with_statements);
        let activity: Activity = match self.link.ask(&query).await {
            Err(error) if with_statements && error.to_string().contains("pg_stat_statements") => {
                // It is there but not loaded, or not for this role.
                self.statements.refusal = Some(error.to_string());
                asked = out.now();
                self.link.ask(&sql::activity(&server, &[], false)).await?
            }
            other => other?,
        };
        if let Some(refusal) = &self.statements.refusal {
            out.trouble("statements", refusal);
        }
        let source_ns = (activity.clock.max(0.0) * 1e6).round() as u64 * 1_000;
        out.answered_with_clock(asked, source_ns, Duration::from_micros(1));
        if server.statements.is_none() {
            let text = "pg_stat_statements is not there: no times of statements (CREATE EXTENSION pg_stat_statements, and shared_preload_libraries)";
            out.trouble("statements", text);
        }
        self.gauges(out, &activity);
        if activity.locks_waiting > 0 {
            self.blocked(out).await?;
        }
        self.before = Some((source_ns, activity));
        if self.statements.is_wanted(&server) && out.now() >= self.statements_due {
            // What of it is ours, the first time can't tell: it has not been asked yet.
            let pause = if self.statements_due == 0 { FIRST_AGAIN_NS } else { STATEMENTS_EVERY_NS };
            self.statements_due = out.now() + pause;
            self.statements(out, &server).await?;
        }
        Ok(())
    }

    fn met(&mut self, out: &mut Observation, server: Server) {
        let is_restarted = |known: &Server| (known.started - server.started).abs() > 1.0;
        if self.server.as_ref().is_some_and(is_restarted) {
            let event =
                out.new_event("server-restarted", &self.name, "the server was started again");
            out.event(event);
            self.before = None;
        }
        self.statements.refusal = None;
        self.server = Some(server);
    }

    fn gauges(&mut self, out: &mut Observation, now: &Activity) {
        for (state, n) in now.states.iter().flatten() {
            out.gauge("pg_connections", &[("state", state)], *n as f64, Plain);
        }
        for (kind, n) in now.waits.iter().flatten() {
            out.gauge("pg_wait", &[("event_type", kind)], *n as f64, Plain);
        }
        self.max_connections_seen = self.max_connections_seen.max(now.total);
        out.gauge("pg_connections_total", &[], now.total as f64, Plain);
        out.gauge("pg_connections_max", &[], now.max as f64, Plain);
        out.gauge("pg_locks_waiting", &[], now.locks_waiting as f64, Plain);
        let idle = now.idle_in_transaction_s.unwrap_or(0.0).max(0.0);
        out.gauge("pg_idle_in_transaction_max_s", &[], idle, Plain);
        let deadlocks = self.deadlocks.add(now.deadlocks);
        out.gauge("pg_deadlocks", &[], deadlocks as f64, Plain);
        let temp_bytes = self.temp_bytes.add(now.temp_bytes);
        out.gauge("pg_temp_bytes", &[], temp_bytes as f64, Data);
        let Some((_, before)) = &self.before else { return };
        // States that were there before and are not now have no session.
        for (old, new, metric, tag) in [
            (&before.states, &now.states, "pg_connections", "state"),
            (&before.waits, &now.waits, "pg_wait", "event_type"),
        ] {
            for name in old.iter().flatten().map(|(name, _)| name) {
                if !new.as_ref().is_some_and(|new| new.contains_key(name)) {
                    out.gauge(metric, &[(tag, name)], 0.0, Plain);
                }
            }
        }
        let elapsed_s = now.clock - before.clock;
        if let (Some(transactions), true) =
            (now.transactions.checked_sub(before.transactions), elapsed_s > 0.0)
        {
            let rate = transactions as f64 / elapsed_s;
            out.gauge("pg_transactions_per_second", &[], rate, Plain);
        }
        if let (Some(hit), Some(read)) =
            (now.hit.checked_sub(before.hit), now.read.checked_sub(before.read))
            && hit + read > 0
        {
            let ratio = hit as f64 / (hit + read) as f64;
            out.gauge("pg_cache_hit_ratio", &[], ratio, Plain);
        }
        if let (Some(new), Some(old)) = (now.statements, before.statements)
            && let Some((calls, ms)) = new.since(old)
        {
            out.gauge("pg_query_mean_ms", &[], ms / calls as f64, Time);
            if elapsed_s > 0.0 {
                out.gauge("pg_queries_per_second", &[], calls as f64 / elapsed_s, Plain);
            }
        }
    }

    /// Tells who waits for whom, each wait once.
    async fn blocked(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let waits: Option<Vec<Blocked>> = self.link.ask(sql::BLOCKED).await?;
        for wait in waits.unwrap_or_default() {
            if self.told.len() < MAX_BLOCKED && self.told.insert(wait.key()) {
                let event = wait.event(out);
                out.event(event);
            }
        }
        Ok(())
    }

    async fn statements(
        &mut self,
        out: &mut Observation,
        server: &Server,
    ) -> Result<(), ProbeError> {
        let own: Option<Vec<String>> = self.link.ask(&sql::own_statements(server)).await?;
        self.statements.own = own.unwrap_or_default();
        let list: Option<Vec<statements::Row>> =
            self.link.ask(&sql::statements(server, &self.statements.own)).await?;
        let texts = self.statements.take(list.unwrap_or_default());
        if !texts.is_empty() {
            let found: Option<BTreeMap<String, String>> =
                self.link.ask(&sql::texts(server, &texts)).await?;
            self.statements.learn(found.unwrap_or_default());
        }
        let rows = self.statements.table();
        out.table("statements", statements::COLUMNS, rows);
        Ok(())
    }

    async fn finish(&mut self, out: &mut Observation) -> Result<(), ProbeError> {
        let Some(server) = self.server.clone() else { return Ok(()) };
        let version = format!("{}.{}", server.version / 10_000, server.version % 10_000);
        let max = self.before.as_ref().map(|(_, before)| before.max);
        let rows = vec![
            vec![json!("version"), json!(version)],
            vec![json!("max_connections"), json!(max)],
            vec![json!("most_connections_seen"), json!(self.max_connections_seen)],
            vec![json!("deadlocks"), json!(self.deadlocks.sum())],
            vec![json!("temp_bytes"), json!(self.temp_bytes.sum())],
            vec![json!("lock_waits_told"), json!(self.told.len())],
        ];
        out.table("server", &["figure", "value"], rows);
        if self.statements.is_wanted(&server) {
            self.statements(out, &server).await?;
        }
        Ok(())
    }
}

impl Probe for PostgresProbe {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> Source {
        Source::Postgres
    }

    fn look<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(self.look(out))
    }

    fn finish<'a>(&'a mut self, out: &'a mut Observation) -> Looking<'a> {
        Box::pin(self.finish(out))
    }
}
