//! Gates: what must answer before a suite or a scenario begins.

use serde::Deserialize;

use super::values::{Amount, Time};

/// A gate, as a plan has it: one of `url`, `grpc`, `tcp`, `rollout`, with what concerns it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gate {
    /// A URL that answers.
    pub url: Option<String>,
    /// With this status; 200 to 399 by default.
    pub status: Option<Amount>,
    /// With this text in its body.
    pub contains: Option<String>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// `host:port` of a gRPC server whose health service says SERVING.
    pub grpc: Option<String>,
    /// The service it is asked for; the whole server by default.
    pub service: Option<String>,
    /// `host:port` that takes connections.
    pub tcp: Option<String>,
    /// A rollout that is complete: `deployment/NAME`.
    pub rollout: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// The context of the kubeconfig.
    pub context: Option<String>,
    /// The kubeconfig's path.
    pub kubeconfig: Option<String>,
    /// How long it is waited for; a minute by default.
    pub deadline: Option<Time>,
    /// Between two looks; half a second by default.
    pub every: Option<Time>,
}

/// What a gate looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness<'a> {
    /// A URL.
    Url {
        /// Which.
        url: &'a str,
        /// The status wanted; `None` for 200 to 399.
        status: Option<u32>,
        /// A text of its body.
        contains: Option<&'a str>,
        /// Any certificate will do.
        insecure: bool,
    },
    /// A gRPC server's health service.
    Grpc {
        /// `host:port`.
        address: &'a str,
        /// Empty for the whole server.
        service: &'a str,
    },
    /// A port.
    Tcp {
        /// `host:port`.
        address: &'a str,
    },
    /// A rollout.
    Rollout {
        /// `deployment/NAME`.
        name: &'a str,
        /// Of which cluster.
        cluster: Cluster<'a>,
    },
}

/// A namespace of a cluster; what is `None` is the user's own choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// The namespace.
    pub namespace: Option<&'a str>,
    /// The context of the kubeconfig.
    pub context: Option<&'a str>,
    /// The kubeconfig's path.
    pub kubeconfig: Option<&'a str>,
}

impl Gate {
    /// What it looks at; `None` where the plan names nothing.
    pub fn readiness(&self) -> Option<Readiness<'_>> {
        if let Some(url) = &self.url {
            return Some(Readiness::Url {
                url,
                status: self.status.map(|status| status.0),
                contains: self.contains.as_deref(),
                insecure: self.insecure,
            });
        }
        if let Some(address) = &self.grpc {
            let service = self.service.as_deref().unwrap_or_default();
            return Some(Readiness::Grpc { address, service });
        }
        if let Some(address) = &self.tcp {
            return Some(Readiness::Tcp { address });
        }
        let name = self.rollout.as_deref()?;
        let cluster = Cluster {
            namespace: self.namespace.as_deref(),
            context: self.context.as_deref(),
            kubeconfig: self.kubeconfig.as_deref(),
        };
        Some(Readiness::Rollout { name, cluster })
    }

    /// The keys of [`readiness`](Self::readiness) that are given.
    pub(super) fn subjects(&self) -> Vec<&'static str> {
        let given = [
            ("url", self.url.is_some()),
            ("grpc", self.grpc.is_some()),
            ("tcp", self.tcp.is_some()),
            ("rollout", self.rollout.is_some()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(key, _)| key).collect()
    }

    /// Keys that say something about another subject than the gate's.
    pub(super) fn strays(&self) -> Vec<(&'static str, &'static str)> {
        let given = [
            ("status", "url", self.status.is_some()),
            ("contains", "url", self.contains.is_some()),
            ("insecure", "url", self.insecure),
            ("service", "grpc", self.service.is_some()),
            ("namespace", "rollout", self.namespace.is_some()),
            ("context", "rollout", self.context.is_some()),
            ("kubeconfig", "rollout", self.kubeconfig.is_some()),
        ];
        let subjects = self.subjects();
        given
            .into_iter()
            .filter(|(_, subject, is_given)| *is_given && !subjects.contains(subject))
            .map(|(key, subject, _)| (key, subject))
            .collect()
    }
}

impl std::fmt::Display for Readiness<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url { url, .. } => f.write_str(url),
            Self::Grpc { address, service: "" } => write!(f, "gRPC health of {address}"),
            Self::Grpc { address, service } => write!(f, "gRPC health of {service} at {address}"),
            Self::Tcp { address } => write!(f, "port {address}"),
            Self::Rollout { name, cluster } => match cluster.namespace {
                None => write!(f, "rollout of {name}"),
                Some(namespace) => write!(f, "rollout of {name} in {namespace}"),
            },
        }
    }
}
