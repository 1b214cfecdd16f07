//! What kept requests from being answered, and what is usually behind it: said at the end of a run, so that nobody has to
//! read a hundred equal lines of a log.

use std::collections::HashMap;

use metrics::{Delta, Snapshot};

/// From this share of all requests on a kind of failure is told.
const WORTH_TELLING: f64 = 0.01;

/// A kind of failure with a likely cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Refused,
    Unknown,
    Late,
    Login,
    Overloaded,
}

/// All kinds, in the order they are told.
const ALL: [Trouble; 5] =
    [Trouble::Refused, Trouble::Unknown, Trouble::Late, Trouble::Login, Trouble::Overloaded];

/// What a series counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Requests(Option<Trouble>),
    /// Failures that are also among the requests.
    Failures(Trouble),
    /// A check about logging in: what is not true of it is trouble.
    LoginCheck,
}

/// Counts of a run's failures by their kind.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    roles: HashMap<(u32, u32), Role>,
    requests: u64,
    failures: [u64; ALL.len()],
}

impl Troubles {
    /// Takes in what a core, or a process, has measured.
    pub(crate) fn take(&mut self, snapshot: &Snapshot) {
        let agent = snapshot.agent();
        for series in snapshot.series() {
            let tag = |key: &str| series.tags().find(|(k, _)| *k == key).map(|(_, value)| value);
            let role = match series.metric.name {
                "http_reqs" => Some(Role::Requests(of_http(tag("error_code"), tag("status")))),
                "grpc_req_duration" => Some(Role::Requests(of_grpc(tag("status")))),
                "locust_requests" => Some(Role::Requests(None)),
                "locust_errors" => tag("error").and_then(of_text).map(Role::Failures),
                "checks" => tag("check").filter(|name| is_login(name)).map(|_| Role::LoginCheck),
                _ => None,
            };
            if let Some(role) = role {
                self.roles.insert((agent, series.id), role);
            }
        }
        for (id, delta) in snapshot.deltas() {
            let Some(role) = self.roles.get(&(agent, id)).copied() else { continue };
            let count = match delta {
                Delta::Counter { sum } => sum as u64,
                Delta::Trend { count, .. } => count,
                Delta::Rate { trues, total } => total.saturating_sub(trues),
                Delta::Gauge { .. } => 0,
            };
            match role {
                Role::Requests(trouble) => {
                    self.requests += count;
                    trouble.into_iter().for_each(|trouble| self.add(trouble, count));
                }
                Role::Failures(trouble) => self.add(trouble, count),
                Role::LoginCheck => self.add(Trouble::Login, count),
            }
        }
    }

    /// Takes in failures of a burst, by what it calls them.
    pub(crate) fn take_kinds(&mut self, requests: u64, kinds: &[(String, u64)]) {
        self.requests += requests;
        for (kind, count) in kinds {
            if let Some(trouble) = of_text(kind) {
                self.add(trouble, *count);
            }
        }
    }

    fn add(&mut self, trouble: Trouble, count: u64) {
        if let Some(at) = ALL.iter().position(|kind| *kind == trouble) {
            self.failures[at] += count;
        }
    }

    /// A sentence for each kind that there was enough of.
    pub(crate) fn hints(&self) -> Vec<String> {
        let least = (self.requests as f64 * WORTH_TELLING).max(1.0);
        ALL.iter()
            .zip(self.failures)
            .filter(|(_, count)| *count as f64 >= least)
            .map(|(trouble, count)| format!("{count} {}", trouble.text()))
            .collect()
    }
}

impl Trouble {
    fn text(self) -> &'static str {
        match self {
            Self::Refused => {
                "connections were refused: is the service started and ready (that may take half a minute), is the port \
                 right, is the port-forward still alive (`squall k8s forward status`)? `squall doctor URL` looks"
            }
            Self::Unknown => "requests went to a name that is not known here: check it and the DNS",
            Self::Late => {
                "requests were not answered in time: is the target, or this machine, saturated? Try fewer users or a \
                 lower rate"
            }
            Self::Login => {
                "requests or checks failed for want of a login: do the test users exist (run what creates them), is \
                 the password right, is the server's secret set? Try one login by hand"
            }
            Self::Overloaded => {
                "requests were answered with 502, 503 or 504: the service is overloaded or not ready; look for an \
                 exhausted connection pool (`QueuePool timeout`) in its log"
            }
        }
    }
}

/// By k6's numbers of errors, and by status.
fn of_http(error_code: Option<&str>, status: Option<&str>) -> Option<Trouble> {
    match (error_code, status) {
        (Some("1212"), _) => Some(Trouble::Refused),
        (Some("1100" | "1101"), _) => Some(Trouble::Unknown),
        (Some("1050" | "1211"), _) => Some(Trouble::Late),
        (_, Some("401" | "403")) => Some(Trouble::Login),
        (_, Some("502" | "503" | "504")) => Some(Trouble::Overloaded),
        _ => None,
    }
}

fn of_grpc(status: Option<&str>) -> Option<Trouble> {
    match status? {
        "4" => Some(Trouble::Late),
        "7" | "16" => Some(Trouble::Login),
        "14" => Some(Trouble::Refused),
        _ => None,
    }
}

/// By what Python, or a burst, calls it.
fn of_text(text: &str) -> Option<Trouble> {
    const WORDS: &[(&str, Trouble)] = &[
        ("connection refused", Trouble::Refused),
        ("connectionrefused", Trouble::Refused),
        ("name or service not known", Trouble::Unknown),
        ("no such host", Trouble::Unknown),
        ("timed out", Trouble::Late),
        ("timeout", Trouble::Late),
        ("log in", Trouble::Login),
        ("401", Trouble::Login),
        ("403", Trouble::Login),
        ("502", Trouble::Overloaded),
        ("503", Trouble::Overloaded),
        ("504", Trouble::Overloaded),
    ];
    let text = text.to_lowercase();
    WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, trouble)| *trouble)
}

fn is_login(check: &str) -> bool {
    let check = check.to_lowercase();
    ["login", "token", "auth"].iter().any(|word| check.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{Registry, Shard, ShardConfig, builtin};
    use std::sync::Arc;

    fn hints(record: impl FnOnce(&mut Shard)) -> Vec<String> {
        let registry = Arc::new(Registry::with_builtins());
        let mut shard = Shard::new(0, registry, ShardConfig::STANDARD);
        record(&mut shard);
        let mut troubles = Troubles::default();
        troubles.take(&shard.flush(1_000_000_000));
        troubles.hints()
    }

    #[test]
    fn what_is_behind_refusals_and_logins_is_told() {
        let told = hints(|shard| {
            let refused = shard.tag_set(&[("error_code", "1212"), ("status", "0")]);
            let denied = shard.tag_set(&[("status", "401")]);
            for _ in 0..50 {
                shard.add(builtin::HTTP_REQS, refused, 1.0, 0);
                shard.add(builtin::HTTP_REQS, denied, 1.0, 0);
            }
        });
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("50 connections were refused: is the service started"));
        assert!(told[1].contains("do the test users exist"));
    }

    #[test]
    fn a_rare_failure_is_not_worth_a_word() {
        let told = hints(|shard| {
            let fine = shard.tag_set(&[("status", "200")]);
            let refused = shard.tag_set(&[("error_code", "1212")]);
            for _ in 0..1_000 {
                shard.add(builtin::HTTP_REQS, fine, 1.0, 0);
            }
            shard.add(builtin::HTTP_REQS, refused, 1.0, 0);
        });
        assert_eq!(told, [""; 0]);
    }

    #[test]
    fn a_login_that_a_check_misses_counts() {
        let told = hints(|shard| {
            let login = shard.tag_set(&[("check", "login successful")]);
            let other = shard.tag_set(&[("check", "status 200")]);
            for _ in 0..10 {
                shard.add(builtin::CHECKS, login, 0.0, 0);
                shard.add(builtin::CHECKS, other, 0.0, 0);
            }
        });
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("10 requests or checks"), "{told:?}");
    }

    #[test]
    fn words_of_other_front_ends_are_understood() {
        let mut troubles = Troubles::default();
        troubles.take_kinds(10, &[("dial: connection refused".into(), 9), ("reset".into(), 1)]);
        assert_eq!(troubles.hints().len(), 1);
        let text = "ConnectionRefusedError(111, 'Connection refused')";
        assert_eq!(of_text(text), Some(Trouble::Refused));
        assert_eq!(of_text("could not log in: 401"), Some(Trouble::Login));
        assert_eq!(of_text("status 404"), None);
    }
}
