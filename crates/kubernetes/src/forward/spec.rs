//! `[LOCAL:]svc/NAME:PORT`: what is forwarded.

use std::fmt;
use std::str::FromStr;

/// What the name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// `svc/NAME`: the ready pods behind a service; the port is the service's.
    Service,
    /// `deployment/NAME`: the ready pods of a deployment; the port is a container's.
    Deployment,
    /// `pod/NAME`: that pod; the port is a container's.
    Pod,
}

impl TargetKind {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Service => "svc",
            Self::Deployment => "deployment",
            Self::Pod => "pod",
        }
    }
}

/// A port by number or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// By number.
    Number(u16),
    /// By the name it has in the service or container.
    Name(String),
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What is forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardSpec {
    /// The port of 127.0.0.1; a free one if none is said.
    pub local: Option<u16>,
    /// The namespace if it is not that of the others: `NAMESPACE/svc/NAME:PORT`.
    pub namespace: Option<String>,
    /// What the name stands for.
    pub kind: TargetKind,
    /// The name of the service, deployment or pod.
    pub name: String,
    /// The port.
    pub port: Port,
}

/// Why a text is no specification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not `[LOCAL:]svc/NAME:PORT` (or pod/NAME, deployment/NAME): {why}")]
pub struct SpecError {
    text: String,
    why: String,
}

impl FromStr for ForwardSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let wrong = |why: String| SpecError { text: text.to_owned(), why };
        let (local, rest) = match text.split_once(':') {
            // A colon before the first slash ends the local port.
            Some((local, rest)) if !local.contains('/') => {
                let port = local.parse::<u16>();
                let port = port.map_err(|_| wrong(format!("`{local}` is no local port")))?;
                (Some(port).filter(|port| *port > 0), rest)
            }
            _ => (None, text),
        };
        let (path, port) =
            rest.rsplit_once(':').ok_or_else(|| wrong("the port is missing".into()))?;
        let parts: Vec<&str> = path.split('/').collect();
        let (namespace, kind, name) = match parts[..] {
            [kind, name] => (None, kind, name),
            [namespace, kind, name] if !namespace.is_empty() => {
                (Some(namespace.to_owned()), kind, name)
            }
            _ => return Err(wrong("it names no service, pod or deployment".into())),
        };
        let kind = match kind {
            "svc" | "service" | "services" => TargetKind::Service,
            "deploy" | "deployment" | "deployments" => TargetKind::Deployment,
            "po" | "pod" | "pods" => TargetKind::Pod,
            other => return Err(wrong(format!("`{other}` can't be forwarded to"))),
        };
        let is_name = |name: &str| {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
            !name.is_empty() && name.bytes().all(fits)
        };
        if !is_name(name) {
            return Err(wrong(format!("`{name}` is no name of Kubernetes")));
        }
        let port = match port.parse::<u16>() {
            Ok(0) => return Err(wrong("0 is no port of a pod".into())),
            Ok(number) => Port::Number(number),
            Err(_) if is_name(port) && port.len() <= 15 => Port::Name(port.to_owned()),
            Err(_) => return Err(wrong(format!("`{port}` is neither a port nor the name of one"))),
        };
        Ok(Self { local, namespace, kind, name: name.to_owned(), port })
    }
}

impl fmt::Display for ForwardSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        write!(f, "{}/{}:{}", self.kind.word(), self.name, self.port)
    }
}

impl ForwardSpec {
    /// The variable that tells scripts the address: `SQUALL_FORWARD_API_GATEWAY` of `svc/api-gateway`.
    #[must_use]
    pub fn variable(&self) -> String {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        format!("SQUALL_FORWARD_{}", self.name.chars().map(letter).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let spec = |local, kind, name: &str, port| ForwardSpec {
            local,
            namespace: None,
            kind,
            name: name.to_owned(),
            port,
        };
        let named = |name: &str| Port::Name(name.to_owned());
        for (text, want) in [
            ("svc/api:80", spec(None, TargetKind::Service, "api", Port::Number(80))),
            ("8010:svc/api:80", spec(Some(8010), TargetKind::Service, "api", Port::Number(80))),
            ("0:svc/api:80", spec(None, TargetKind::Service, "api", Port::Number(80))),
            ("8010:service/api:http", spec(Some(8010), TargetKind::Service, "api", named("http"))),
            ("pod/db-0:5432", spec(None, TargetKind::Pod, "db-0", Port::Number(5432))),
            ("deploy/web:8000", spec(None, TargetKind::Deployment, "web", Port::Number(8000))),
        ] {
            assert_eq!(text.parse::<ForwardSpec>().unwrap(), want, "{text}");
        }
        let other = "9090:monitoring/svc/prometheus:web".parse::<ForwardSpec>().unwrap();
        assert_eq!(other.namespace.as_deref(), Some("monitoring"));
        assert_eq!(other.to_string(), "monitoring/svc/prometheus:web");
        let gateway = "svc/api-gateway.v2:80".parse::<ForwardSpec>().unwrap();
        assert_eq!(gateway.variable(), "SQUALL_FORWARD_API_GATEWAY_V2");
    }

    #[test]
    fn a_wrong_one_is_told_with_its_form() {
        for (text, why) in [
            ("svc/api", "the port is missing"),
            ("api:80", "`api` is no local port"),
            ("8010:api:80", "it names no service"),
            ("x:svc/api:80", "`x` is no local port"),
            ("70000:svc/api:80", "`70000` is no local port"),
            ("svc/api:0", "0 is no port"),
            ("node/n1:80", "`node` can't be forwarded to"),
            ("svc/API:80", "`API` is no name"),
            ("svc/a/b/c:80", "it names no service"),
            ("svc/api:not a port", "neither a port nor"),
        ] {
            let error = text.parse::<ForwardSpec>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
