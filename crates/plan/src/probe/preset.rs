//! Ready sets of queries: what is usually asked of the usual exporters.
//!
//! Names become metrics (`prom_<name>`), so they are the same whatever the exporter; each preset says whose metrics it
//! asks for. Rates are over a minute, as the shortest scrape intervals in use (15 s) need.

/// A ready set of queries.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// As `preset:` names it.
    pub name: &'static str,
    /// Whose metrics it asks for.
    pub about: &'static str,
    /// Names and PromQL.
    pub queries: &'static [(&'static str, &'static str)],
}

/// The preset of that name.
pub fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|preset| preset.name == name)
}

/// All there are.
pub const ALL: &[Preset] = &[
    Preset {
        name: "seed-api",
        about: "an API that counts `app_requests_total` by route and times `app_request_latency_seconds`",
        queries: &[
            ("rps", "sum by (route) (rate(app_requests_total[1m]))"),
            (
                "latency_p95_seconds",
                "histogram_quantile(0.95, sum by (le) (rate(app_request_latency_seconds_bucket[1m])))",
            ),
            ("rolling_rmsle_5m", "app_rolling_rmsle_5m"),
        ],
    },
    Preset {
        name: "seed-inference",
        about: "an inference service that counts `sentinel_predictions_total`",
        queries: &[
            ("predictions_per_second", "sum(rate(sentinel_predictions_total[1m]))"),
            ("predictions_total", "sum(sentinel_predictions_total)"),
        ],
    },
    Preset {
        name: "http",
        about: "services with the conventional `http_requests_total` and `http_request_duration_seconds`",
        queries: &[
            ("http_rps", "sum(rate(http_requests_total[1m]))"),
            (
                "http_error_ratio",
                "sum(rate(http_requests_total{status=~\"5..\"}[1m])) / sum(rate(http_requests_total[1m]))",
            ),
            (
                "http_latency_p50_seconds",
                "histogram_quantile(0.50, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))",
            ),
            (
                "http_latency_p95_seconds",
                "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))",
            ),
            (
                "http_latency_p99_seconds",
                "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))",
            ),
        ],
    },
    Preset {
        name: "process",
        about: "any process with a Prometheus client library",
        queries: &[
            ("process_cpu_cores", "sum by (job) (rate(process_cpu_seconds_total[1m]))"),
            ("process_memory_bytes", "sum by (job) (process_resident_memory_bytes)"),
            ("process_open_fds", "sum by (job) (process_open_fds)"),
            ("up", "up"),
        ],
    },
    Preset {
        name: "node",
        about: "node_exporter",
        queries: &[
            (
                "node_cpu_ratio",
                "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m]))",
            ),
            (
                "node_memory_ratio",
                "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
            ),
            ("node_load1", "node_load1"),
            (
                "node_network_receive_bytes_per_second",
                "sum by (instance) (rate(node_network_receive_bytes_total{device!=\"lo\"}[1m]))",
            ),
            (
                "node_disk_busy_ratio",
                "max by (instance) (rate(node_disk_io_time_seconds_total[1m]))",
            ),
        ],
    },
    Preset {
        name: "kubernetes",
        about: "cAdvisor and kube-state-metrics",
        queries: &[
            (
                "pod_cpu_cores",
                "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{container!=\"\"}[1m]))",
            ),
            (
                "pod_memory_bytes",
                "sum by (namespace, pod) (container_memory_working_set_bytes{container!=\"\"})",
            ),
            (
                "pod_cpu_throttled_ratio",
                "sum by (namespace, pod) (rate(container_cpu_cfs_throttled_periods_total[1m])) / sum by (namespace, pod) (rate(container_cpu_cfs_periods_total[1m]))",
            ),
            ("pod_restarts", "sum by (namespace, pod) (kube_pod_container_status_restarts_total)"),
            ("hpa_replicas", "kube_horizontalpodautoscaler_status_current_replicas"),
        ],
    },
    Preset {
        name: "postgres",
        about: "postgres_exporter",
        queries: &[
            ("pg_connections", "sum by (state) (pg_stat_activity_count)"),
            (
                "pg_cache_hit_ratio",
                "sum(rate(pg_stat_database_blks_hit[1m])) / (sum(rate(pg_stat_database_blks_hit[1m])) + sum(rate(pg_stat_database_blks_read[1m])))",
            ),
            ("pg_transactions_per_second", "sum(rate(pg_stat_database_xact_commit[1m]))"),
            ("pg_deadlocks", "sum(pg_stat_database_deadlocks)"),
        ],
    },
    Preset {
        name: "redis",
        about: "redis_exporter",
        queries: &[
            ("redis_memory_bytes", "redis_memory_used_bytes"),
            (
                "redis_hit_ratio",
                "rate(redis_keyspace_hits_total[1m]) / (rate(redis_keyspace_hits_total[1m]) + rate(redis_keyspace_misses_total[1m]))",
            ),
            ("redis_commands_per_second", "rate(redis_commands_processed_total[1m])"),
            ("redis_clients", "redis_connected_clients"),
            ("redis_evicted_keys", "redis_evicted_keys_total"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn presets_and_their_queries_have_names_of_their_own() {
        let names: BTreeSet<&str> = ALL.iter().map(|preset| preset.name).collect();
        assert_eq!(names.len(), ALL.len());
        for preset in ALL {
            assert!(!preset.about.is_empty() && !preset.queries.is_empty(), "{}", preset.name);
            let names: BTreeSet<&str> = preset.queries.iter().map(|(name, _)| *name).collect();
            assert_eq!(names.len(), preset.queries.len(), "{}", preset.name);
            for (name, promql) in preset.queries {
                let is_open = promql.matches(['(', '{', '[']).count();
                assert_eq!(is_open, promql.matches([')', '}', ']']).count(), "{name}: {promql}");
            }
        }
        assert!(find("seed-api").is_some() && find("none").is_none());
    }
}
