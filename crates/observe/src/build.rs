//! Probes as a plan has them.

use plan::probe::{Probes, Via};

use crate::docker::DockerProbe;
use crate::generator::GeneratorProbe;
use crate::logs::LogProbe;
use crate::postgres::PostgresProbe;
use crate::probe::{Probe, ProbeError, Secrets};
use crate::prometheus::PrometheusProbe;
use crate::redis::RedisProbe;

/// Why probes can't be made, and which one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("probe `{probe}`: {error}")]
pub struct BuildError {
    /// Its name.
    pub probe: String,
    /// Why.
    pub error: ProbeError,
}

/// Makes the probes of a plan, and that of this program itself, which is always there. Nothing is asked yet. Probes of
/// Kubernetes, and servers behind its forwarded ports, are made by the crate above that knows clusters.
///
/// # Errors
/// A URL or pattern that can't be read, a variable that is not set.
pub fn build(plan: &Probes, secrets: &dyn Secrets) -> Result<Vec<Box<dyn Probe>>, BuildError> {
    let mut probes: Vec<Box<dyn Probe>> = vec![Box::new(GeneratorProbe::new())];
    for probe in &plan.prometheus {
        probes.push(boxed(&probe.name, PrometheusProbe::new(probe, secrets))?);
    }
    for probe in &plan.docker {
        probes.push(boxed(&probe.name, DockerProbe::new(probe, plan.interval.0, secrets))?);
    }
    for probe in &plan.postgres {
        refuse_forward(&probe.name, probe.via.as_ref())?;
        probes.push(boxed(&probe.name, PostgresProbe::new(probe, secrets))?);
    }
    for probe in &plan.redis {
        refuse_forward(&probe.name, probe.via.as_ref())?;
        probes.push(boxed(&probe.name, RedisProbe::new(probe, secrets))?);
    }
    for probe in &plan.logs {
        probes.push(boxed(&probe.name, LogProbe::new(probe))?);
    }
    Ok(probes)
}

fn boxed<P: Probe + 'static>(
    name: &str,
    probe: Result<P, ProbeError>,
) -> Result<Box<dyn Probe>, BuildError> {
    match probe {
        Ok(probe) => Ok(Box::new(probe)),
        Err(error) => Err(BuildError { probe: name.to_owned(), error }),
    }
}

/// Whoever forwards ports puts the local address into the URL and takes `via` away.
fn refuse_forward(name: &str, via: Option<&Via>) -> Result<(), BuildError> {
    let Some(Via::Forward(to)) = via else { return Ok(()) };
    let error = ProbeError::new(format!("`via: {{ forward: {to} }}` was not forwarded"));
    Err(BuildError { probe: name.to_owned(), error })
}
