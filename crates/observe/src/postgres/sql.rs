//! The queries. Each answers with one JSON text; the alias `squall_probe` tells our own statements from others'.

use super::Server;

/// Statements that are compared: the most `pg_stat_statements` keeps by default.
const MAX_STATEMENTS: u32 = 5_000;
/// Characters of a statement that are read.
const TEXT_CHARS: u32 = 2_000;

/// Once a connection.
pub(super) const SETTINGS: &str =
    "SET statement_timeout = '4s' /* squall_probe */; SET lock_timeout = '1s' /* squall_probe */";

/// What the server is and what we may see.
pub(super) const SERVER: &str = "SELECT json_build_object(\
    'version', current_setting('server_version_num')::int, \
    'started', extract(epoch FROM pg_postmaster_start_time())::float8, \
    'sees_all', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \
        OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), \
    'statements', (SELECT extversion FROM pg_extension WHERE extname = 'pg_stat_statements'), \
    'statements_schema', (SELECT quote_ident(n.nspname) FROM pg_extension e \
        JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements')) \
    AS squall_probe";

/// Who waits for whom.
pub(super) const BLOCKED: &str = "SELECT json_agg(row_to_json(waits)) AS squall_probe FROM (SELECT \
    w.pid AS pid, x.pid AS blocker, w.wait_event AS wait_event, w.datname AS database, \
    extract(epoch FROM clock_timestamp() - w.query_start)::float8 AS running_s, \
    w.query_start::text AS since, left(w.query, 1000) AS query, left(b.query, 1000) AS blocker_query, \
    b.state AS blocker_state, b.application_name AS blocker_application \
    FROM pg_stat_activity w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS x(pid) \
    LEFT JOIN pg_stat_activity b ON b.pid = x.pid WHERE w.wait_event_type = 'Lock' LIMIT 50) waits";

/// The look: sessions but ours, locks, counters of all databases.
pub(super) fn activity(server: &Server, own: &[String], with_statements: bool) -> String {
    const SESSIONS: &str =
        "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let totals = if with_statements { totals(server, own) } else { "NULL".to_owned() };
    format!(
        "SELECT json_build_object(\
        'clock', extract(epoch FROM clock_timestamp())::float8, \
        'max', current_setting('max_connections')::int, \
        'total', (SELECT count(*) {SESSIONS}), \
        'states', (SELECT json_object_agg(name, n) FROM (SELECT coalesce(state, 'unknown') AS name, \
            count(*) AS n {SESSIONS} GROUP BY 1) states), \
        'waits', (SELECT json_object_agg(name, n) FROM (SELECT coalesce(wait_event_type, 'CPU') AS name, \
            count(*) AS n {SESSIONS} AND state = 'active' GROUP BY 1) waits), \
        'idle_in_transaction_s', (SELECT max(extract(epoch FROM clock_timestamp() - state_change))::float8 \
            {SESSIONS} AND state LIKE 'idle in transaction%'), \
        'locks_waiting', (SELECT count(*) FROM pg_locks WHERE NOT granted), \
        'transactions', d.transactions, 'hit', d.hit, 'read', d.read, 'deadlocks', d.deadlocks, \
        'temp_bytes', d.temp_bytes, 'statements', {totals}) AS squall_probe \
        FROM (SELECT coalesce(sum(xact_commit + xact_rollback), 0)::int8 AS transactions, \
            coalesce(sum(blks_hit), 0)::int8 AS hit, coalesce(sum(blks_read), 0)::int8 AS read, \
            coalesce(sum(deadlocks), 0)::int8 AS deadlocks, \
            coalesce(sum(temp_bytes), 0)::int8 AS temp_bytes FROM pg_stat_database) d"
    )
}

fn totals(server: &Server, own: &[String]) -> String {
    format!(
        "(SELECT json_build_object('calls', coalesce(sum(calls), 0)::int8, \
        'ms', coalesce(sum({time}), 0)::float8) FROM {from}(false) WHERE {not_own})",
        time = time(server),
        from = relation(server),
        not_own = not_own(own),
    )
}

/// Which statements are ours.
pub(super) fn own_statements(server: &Server) -> String {
    let from = relation(server);
    format!(
        "SELECT json_agg(DISTINCT queryid::text) AS squall_probe FROM {from} \
        WHERE query LIKE '%squall_probe%' AND queryid IS NOT NULL"
    )
}

/// All statements, without their texts.
pub(super) fn statements(server: &Server, own: &[String]) -> String {
    let (from, time, max) = (relation(server), time(server), max_time(server));
    let not_own = not_own(own);
    format!(
        "SELECT json_agg(row_to_json(s)) AS squall_probe FROM (SELECT queryid::text AS id, \
        sum(calls)::int8 AS calls, sum({time})::float8 AS ms, max({max})::float8 AS max_ms, \
        sum(rows)::int8 AS rows, sum(shared_blks_hit)::int8 AS hit, sum(shared_blks_read)::int8 AS read, \
        sum(temp_blks_written)::int8 AS temp FROM {from}(false) \
        WHERE queryid IS NOT NULL AND {not_own} GROUP BY queryid ORDER BY 3 DESC LIMIT {MAX_STATEMENTS}) s"
    )
}

/// The texts of these statements.
pub(super) fn texts(server: &Server, ids: &[String]) -> String {
    let (from, ids) = (relation(server), list(ids));
    format!(
        "SELECT json_object_agg(id, query) AS squall_probe FROM (SELECT DISTINCT ON (queryid) \
        queryid::text AS id, left(query, {TEXT_CHARS}) AS query FROM {from} \
        WHERE queryid = ANY ('{{{ids}}}'::int8[])) s"
    )
}

fn relation(server: &Server) -> String {
    let schema = server.statements_schema.as_deref().unwrap_or("public");
    format!("{schema}.pg_stat_statements")
}

/// The columns were renamed in version 1.8.
fn is_new(server: &Server) -> bool {
    let version = server.statements.as_deref().unwrap_or_default();
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    version >= (1, 8)
}

fn time(server: &Server) -> &'static str {
    if is_new(server) { "total_exec_time" } else { "total_time" }
}

fn max_time(server: &Server) -> &'static str {
    if is_new(server) { "max_exec_time" } else { "max_time" }
}

fn not_own(own: &[String]) -> String {
    // One literal, however many they are: the server tells statements apart by their shape.
    format!("queryid <> ALL ('{{{}}}'::int8[])", list(own))
}

/// Numbers of statements, and nothing else: they become part of a query.
fn list(ids: &[String]) -> String {
    let is_number = |id: &&String| id.parse::<i64>().is_ok();
    ids.iter().filter(is_number).map(String::as_str).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_become_part_of_a_query() {
        let ids = ["-5", "7", "1) OR (1=1", ""].map(str::to_owned);
        assert_eq!(list(&ids), "-5,7");
    }

    #[test]
    fn old_and_new_columns_are_told_apart() {
        for (version, column) in [
            ("1.7", "total_time"),
            ("1.8", "total_exec_time"),
            ("1.10", "total_exec_time"),
            ("2", "total_exec_time"),
        ] {
            let server = Server {
                version: 150_000,
                started: 0.0,
                statements: Some(version.to_owned()),
                statements_schema: None,
                sees_all: true,
            };
            assert_eq!(time(&server), column, "{version}");
        }
    }
}
