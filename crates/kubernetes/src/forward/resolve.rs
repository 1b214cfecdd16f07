//! From a service, deployment or pod to the pods that take connections now, and their port.

use crate::access::Cluster;
use crate::api::{ApiError, Ask, DEPLOYMENTS, PODS, SERVICES};
use crate::object::NumberOrName;
use crate::object::deployment::Deployment;
use crate::object::pod::Pod;
use crate::object::service::Service;

use super::spec::{ForwardSpec, Port, TargetKind};

/// Where a connection can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) pod: String,
    pub(super) port: u16,
}

/// Why there is nowhere to go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Nowhere {
    #[error(transparent)]
    Api(#[from] ApiError),
    /// What was asked for can't be, now or later.
    #[error("{0}")]
    Never(String),
    /// There may be a pod soon.
    #[error("{0}")]
    NotNow(String),
}

impl Nowhere {
    /// Whether waiting can help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Api(error) => !error.is_lasting(),
            Self::Never(_) => false,
            Self::NotNow(_) => true,
        }
    }
}

#[derive(serde::Deserialize)]
struct PodList {
    #[serde(default)]
    items: Option<Vec<Pod>>,
}

/// Finds the pods.
pub(super) async fn resolve(
    cluster: &Cluster,
    spec: &ForwardSpec,
) -> Result<Vec<Endpoint>, Nowhere> {
    let (selector, port) = match spec.kind {
        TargetKind::Pod => {
            let pod: Pod = cluster.ask(&Ask::get(PODS, &spec.name), &[]).await?;
            return choose(&spec.to_string(), &[pod], &spec.port);
        }
        TargetKind::Deployment => {
            let ask = Ask::get(DEPLOYMENTS, &spec.name);
            let deployment: Deployment = cluster.ask(&ask, &[]).await?;
            (deployment.spec.selector.text(), spec.port.clone())
        }
        TargetKind::Service => {
            let service: Service = cluster.ask(&Ask::get(SERVICES, &spec.name), &[]).await?;
            behind(&service, &spec.port).map_err(Nowhere::Never)?
        }
    };
    let query = [("labelSelector", selector.as_str())];
    let pods: PodList = cluster.ask(&Ask::list(PODS), &query).await?;
    choose(&spec.to_string(), &pods.items.unwrap_or_default(), &port)
}

/// The selector behind a service, and the pods' port.
fn behind(service: &Service, wanted: &Port) -> Result<(String, Port), String> {
    let name = &service.metadata.name;
    if service.spec.kind == "ExternalName" || service.spec.selector.is_empty() {
        return Err(format!("service {name} has no pods of its own: it has no selector"));
    }
    let is_it = |port: &&crate::object::service::Port| match wanted {
        Port::Number(number) => port.port == *number,
        Port::Name(name) => port.name == *name,
    };
    let Some(port) = service.spec.ports.iter().find(is_it) else {
        let known = service.spec.ports.iter().map(|port| {
            if port.name.is_empty() {
                port.port.to_string()
            } else {
                format!("{} ({})", port.port, port.name)
            }
        });
        let known = known.collect::<Vec<_>>().join(", ");
        return Err(format!("service {name} has no port {wanted}; it has {known}"));
    };
    if !matches!(port.protocol.as_str(), "" | "TCP") {
        let protocol = &port.protocol;
        return Err(format!("port {wanted} of service {name} speaks {protocol}; TCP is forwarded"));
    }
    let target = match &port.target_port {
        None => Port::Number(port.port),
        Some(NumberOrName::Number(number)) => {
            let number = u16::try_from(*number).ok().filter(|number| *number > 0);
            Port::Number(number.ok_or_else(|| format!("service {name} has no valid targetPort"))?)
        }
        Some(NumberOrName::Name(name)) => Port::Name(name.clone()),
    };
    let labels = service.spec.selector.iter().map(|(key, value)| format!("{key}={value}"));
    Ok((labels.collect::<Vec<_>>().join(","), target))
}

/// The ready ones of some pods, with the number of their port.
fn choose(what: &str, pods: &[Pod], port: &Port) -> Result<Vec<Endpoint>, Nowhere> {
    let mut endpoints = Vec::new();
    let mut troubles = Vec::new();
    for pod in pods {
        let name = &pod.metadata.name;
        if !pod.is_ready() {
            troubles.push(format!("{name} {}", pod.trouble()));
            continue;
        }
        match number(pod, port) {
            Some(port) => endpoints.push(Endpoint { pod: name.clone(), port }),
            None => troubles.push(format!("{name} has no port named {port}")),
        }
    }
    if !endpoints.is_empty() {
        return Ok(endpoints);
    }
    Err(Nowhere::NotNow(if pods.is_empty() {
        format!("there is no pod behind {what}")
    } else {
        troubles.truncate(5);
        format!("no pod behind {what} is ready: {}", troubles.join(", "))
    }))
}

fn number(pod: &Pod, port: &Port) -> Option<u16> {
    match port {
        Port::Number(number) => Some(*number),
        Port::Name(name) => {
            let mut ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
            ports.find(|port| port.name == *name).map(|port| port.container_port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: &str) -> Service {
        serde_json::from_str(&format!(r#"{{"metadata": {{"name": "api"}}, "spec": {spec}}}"#))
            .unwrap()
    }

    #[test]
    fn a_services_port_leads_to_the_pods_port_by_number_or_name() {
        let named = |name: &str| Port::Name(name.to_owned());
        let api = service(
            r#"{"selector": {"app": "api", "tier": "front"}, "ports": [
                {"name": "http", "port": 80, "targetPort": "web"}, {"name": "grpc", "port": 50051},
                {"name": "metrics", "port": 9090, "targetPort": 8080}, {"port": 53, "name": "dns", "protocol": "UDP"}]}"#,
        );
        let selector = "app=api,tier=front".to_owned();
        for (wanted, port) in [
            (Port::Number(80), named("web")),
            (named("http"), named("web")),
            (Port::Number(50051), Port::Number(50051)),
            (named("metrics"), Port::Number(8080)),
        ] {
            assert_eq!(behind(&api, &wanted), Ok((selector.clone(), port)));
        }
        let error = behind(&api, &Port::Number(8000)).unwrap_err();
        assert_eq!(
            error,
            "service api has no port 8000; it has 80 (http), 50051 (grpc), 9090 (metrics), 53 (dns)"
        );
        assert!(behind(&api, &named("dns")).unwrap_err().contains("speaks UDP"));
        let bare = service(r#"{"ports": [{"port": 80}]}"#);
        assert!(behind(&bare, &Port::Number(80)).unwrap_err().contains("no selector"));
    }

    #[test]
    fn only_ready_pods_take_connections_and_the_others_are_named() {
        let pod = |name: &str, status: &str, port: &str| -> Pod {
            serde_json::from_str(&format!(
                r#"{{"metadata": {{"name": "{name}"}},
                    "spec": {{"containers": [{{"name": "c", "ports": [{{"name": "{port}", "containerPort": 8000}}]}}]}},
                    "status": {status}}}"#
            ))
            .unwrap()
        };
        let ready = r#"{"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}"#;
        let crashing = r#"{"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}"#;
        let pods = [
            pod("a", ready, "web"),
            pod("b", crashing, "web"),
            pod("c", r#"{"phase": "Pending"}"#, "web"),
        ];
        let port = Port::Name("web".to_owned());
        let chosen = choose("svc/api:80", &pods, &port).unwrap();
        assert_eq!(chosen, [Endpoint { pod: "a".to_owned(), port: 8000 }]);
        let none = choose("svc/api:80", &pods[1..], &port).unwrap_err();
        assert_eq!(
            none.to_string(),
            "no pod behind svc/api:80 is ready: b CrashLoopBackOff, c Pending"
        );
        assert!(none.may_pass());
        let empty = choose("svc/api:80", &[], &port).unwrap_err();
        assert_eq!(empty.to_string(), "there is no pod behind svc/api:80");
    }
}
