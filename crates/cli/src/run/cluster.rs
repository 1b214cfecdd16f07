//! Probes that need a cluster: those of Kubernetes, and servers that a forwarded port leads to.

use std::net::SocketAddr;

use kubernetes::forward::Note;
use kubernetes::{Access, Forwards, KubernetesProbe};
use plan::probe::{POD_EXEC, Probes, Via};

use super::forwards::{PATIENCE, failure, specs};
use crate::environment;
use crate::exit::Failure;
use crate::log::Logger;

/// What an address stands for while none is known: a plan is checked before anything is forwarded.
const UNKNOWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

/// Gives the probes of Kubernetes what the flags say and they do not, and clients in pods the program that starts them.
pub(crate) fn complete(plan: &mut Probes, access: &Access) {
    for probe in &mut plan.kubernetes {
        let kubeconfig = access.kubeconfig.as_ref().map(|path| path.to_string_lossy().into_owned());
        probe.kubeconfig = probe.kubeconfig.take().or(kubeconfig);
        probe.context = probe.context.take().or_else(|| access.context.clone());
        probe.namespace = probe.namespace.take().or_else(|| access.namespace.clone());
    }
    let access = access_of(plan, access);
    let vias = plan.postgres.iter_mut().map(|probe| &mut probe.via);
    for via in vias.chain(plan.redis.iter_mut().map(|probe| &mut probe.via)) {
        if let Some(Via::Exec(exec)) = via
            && exec.command.starts_with(&POD_EXEC.map(str::to_owned))
            && let Ok(program) = environment::own_program()
        {
            lead(&mut exec.command, &access);
            exec.command[0] = program.to_string_lossy().into_owned();
        }
    }
}

/// The cluster of what names none itself: where a plan watches a namespace, that one.
fn access_of(plan: &Probes, access: &Access) -> Access {
    match plan.kubernetes.first() {
        Some(probe) => Access {
            kubeconfig: probe.kubeconfig.as_ref().map(Into::into),
            context: probe.context.clone(),
            namespace: probe.namespace.clone(),
        },
        None => access.clone(),
    }
}

/// Adds to `squall k8s exec …` which cluster is meant, where it does not say.
fn lead(command: &mut Vec<String>, access: &Access) {
    let kubeconfig = access.kubeconfig.as_ref().map(|path| path.to_string_lossy().into_owned());
    let flags = [
        ("--kubeconfig", kubeconfig),
        ("--context", access.context.clone()),
        ("-n", access.namespace.clone()),
    ];
    let missing: Vec<String> = flags
        .into_iter()
        .filter(|(flag, _)| !command.iter().any(|word| word == flag))
        .filter_map(|(flag, value)| Some([flag.to_owned(), value?]))
        .flatten()
        .collect();
    let at = POD_EXEC.len();
    command.splice(at..at, missing);
}

/// The probes of Kubernetes.
pub(crate) fn probes(plan: &Probes) -> Result<Vec<Box<dyn observe::Probe>>, Failure> {
    let make = |probe: &plan::probe::Kubernetes| {
        KubernetesProbe::new(probe.clone())
            .map(|made| Box::new(made) as Box<dyn observe::Probe>)
            .map_err(|error| Failure::usage(format!("--observe: probe `{}`: {error}", probe.name)))
    };
    plan.kubernetes.iter().map(make).collect()
}

/// A plan whose servers behind forwards have addresses here, and the forwards; they close when they are dropped. Where
/// a plan watches a namespace, forwards are in its cluster and namespace unless they name another one.
pub(crate) fn reach(
    plan: &Probes,
    access: &Access,
    log: &Logger,
) -> Result<(Probes, Option<Forwards>), Failure> {
    let mut reached = plan.clone();
    let wanted: Vec<String> = vias(&mut reached).map(|(_, _, to)| to.to_owned()).collect();
    if wanted.is_empty() {
        return Ok((reached, None));
    }
    let specs = specs(wanted.iter().map(String::as_str))?;
    let access = access_of(plan, access);
    let log = log.clone();
    // That a probe has no connection is told by the probe.
    let tell = move |note: Note| log.log(crate::log::Level::Debug, &note.to_string(), &[]);
    let forwards =
        Forwards::open(&access, &specs, PATIENCE, tell).map_err(|error| failure(&error))?;
    let addresses: Vec<SocketAddr> =
        forwards.list().iter().map(|forwarded| forwarded.address).collect();
    put(&mut reached, addresses.into_iter());
    Ok((reached, Some(forwards)))
}

/// The same plan with an address for each forward that leads nowhere: to check the rest of it.
pub(crate) fn without_forwards(plan: &Probes) -> Probes {
    let mut plan = plan.clone();
    put(&mut plan, std::iter::repeat(UNKNOWN));
    plan
}

/// The servers behind forwards: their URL, its scheme, and where they are.
fn vias(plan: &mut Probes) -> impl Iterator<Item = (&mut String, &'static str, &str)> {
    let postgres = plan
        .postgres
        .iter_mut()
        .filter_map(|probe| Some((&mut probe.url, "postgresql", forward(&probe.via)?)));
    let redis = plan
        .redis
        .iter_mut()
        .filter_map(|probe| Some((&mut probe.url, "redis", forward(&probe.via)?)));
    postgres.chain(redis)
}

fn forward(via: &Option<Via>) -> Option<&str> {
    match via {
        Some(Via::Forward(to)) => Some(to),
        _ => None,
    }
}

fn put(plan: &mut Probes, addresses: impl Iterator<Item = SocketAddr>) {
    for ((url, scheme, _), address) in vias(plan).zip(addresses) {
        *url = with_address(url, scheme, address);
    }
    for probe in plan.postgres.iter_mut().filter(|probe| forward(&probe.via).is_some()) {
        probe.via = None;
    }
    for probe in plan.redis.iter_mut().filter(|probe| forward(&probe.via).is_some()) {
        probe.via = None;
    }
}

/// A URL with another host and port; user, password, path and query stay.
fn with_address(url: &str, scheme: &str, address: SocketAddr) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or((scheme, url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://{user}@{address}{tail}"),
        None => format!("{scheme}://{address}{tail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_the_place_of_the_host_alone() {
        for (url, want) in [
            ("", "redis://127.0.0.1:1"),
            ("redis://cache:6379/2", "redis://127.0.0.1:1/2"),
            (
                "postgresql://me:pw@db/shop?sslmode=disable",
                "postgresql://me:pw@127.0.0.1:1/shop?sslmode=disable",
            ),
            ("postgresql://me@/shop", "postgresql://me@127.0.0.1:1/shop"),
        ] {
            assert_eq!(with_address(url, "redis", UNKNOWN), want);
        }
    }

    #[test]
    fn a_client_in_a_pod_is_started_by_this_program_in_the_cluster_that_is_meant() {
        let via = |json: &str| Some(serde_json::from_str(json).unwrap());
        let mut plan = Probes {
            redis: vec![
                plan::probe::Redis {
                    via: via(r#"{"exec": {"pod": "cache-0", "namespace": "own"}}"#),
                    ..Default::default()
                },
                plan::probe::Redis {
                    via: via(r#"{"exec": "squall-like exec x"}"#),
                    ..Default::default()
                },
            ],
            ..Probes::default()
        };
        let access = Access {
            namespace: Some("shop".to_owned()),
            context: Some("lab".to_owned()),
            ..Access::default()
        };
        complete(&mut plan, &access);
        let words = |at: usize| match &plan.redis[at].via {
            Some(Via::Exec(exec)) => exec.command.join(" "),
            _ => String::new(),
        };
        let (program, rest) =
            words(0).split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert!(std::path::Path::new(&program).is_absolute(), "{program}");
        assert_eq!(rest, "k8s exec -i --context lab -n own cache-0 --");
        assert_eq!(words(1), "squall-like exec x");
    }

    #[test]
    fn flags_say_what_a_probe_does_not() {
        let mut plan = Probes::default();
        let named = |namespace: Option<&str>| plan::probe::Kubernetes {
            namespace: namespace.map(str::to_owned),
            ..Default::default()
        };
        plan.kubernetes = vec![named(None), named(Some("own"))];
        let access = Access { namespace: Some("shop".to_owned()), ..Access::default() };
        complete(&mut plan, &access);
        let namespaces: Vec<_> =
            plan.kubernetes.iter().map(|probe| probe.namespace.as_deref()).collect();
        assert_eq!(namespaces, [Some("shop"), Some("own")]);
    }
}
