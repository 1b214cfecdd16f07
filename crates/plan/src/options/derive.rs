//! From shortcuts (`vus`, `duration`, `iterations`, `stages`) to scenarios.

use super::{ExecutorKind, Options, OptionsError, ScenarioConfig, Warning};
use crate::scenario::Scenario;

/// What deriving scenarios needs to know besides the options.
#[derive(Clone, Copy)]
pub struct Derivation<'a> {
    /// The number of VUs of shortcuts where `vus` is not set: 1, except that k6's `inspect` knows no default (0).
    pub default_vus: i64,
    /// Whether the script exports a function of that name.
    pub is_exported: &'a dyn Fn(&str) -> bool,
}

impl Options {
    /// The scenarios to run: shortcuts turned into one named `default`, then everything checked. Sorted by name.
    ///
    /// # Errors
    /// k6's text: exit code 104 for conflicts and invalid values.
    pub fn derive_scenarios(
        &self,
        derivation: Derivation<'_>,
    ) -> Result<(Vec<Scenario>, Vec<Warning>), OptionsError> {
        let (derived, warnings) = self.derived(derivation.default_vus)?;
        let scenarios = derived.validated(derivation.is_exported)?;
        Ok((scenarios, warnings))
    }

    /// The options with shortcuts turned into `scenarios`, unchecked: what `inspect --execution-requirements` and
    /// `exec.test.options` show. Not for options that were derived already: their shortcuts are still set and would
    /// be in conflict with the scenarios made of them.
    ///
    /// # Errors
    /// Shortcuts that exclude each other, exit code 104.
    pub fn derived(&self, default_vus: i64) -> Result<(Options, Vec<Warning>), OptionsError> {
        let mut warnings = Vec::new();
        let stages = self.stages.as_ref().filter(|stages| !stages.is_empty());
        let (vus, mut iterations) = (self.vus, self.iterations);
        let scenario = |kind| ScenarioConfig {
            assumed_vus: default_vus,
            ..ScenarioConfig::new("default", kind)
        };
        let derived = if self.iterations.is_some() {
            self.check_alone("iterations")?;
            let max_duration = self.duration;
            ScenarioConfig {
                vus,
                iterations,
                max_duration,
                ..scenario(ExecutorKind::SharedIterations)
            }
        } else if let Some(duration) = self.duration {
            self.check_alone("duration")?;
            if duration.nanos() <= 0 {
                return Err(OptionsError::config(
                    "`duration` option should be more than 0, for infinite duration use the externally-controlled \
                     executor",
                ));
            }
            ScenarioConfig { vus, duration: Some(duration), ..scenario(ExecutorKind::ConstantVus) }
        } else if let Some(stages) = stages {
            if self.scenarios.is_some() {
                return Err(conflict("stages", "scenarios"));
            }
            let stages = Some(stages.clone());
            ScenarioConfig { start_vus: vus, stages, ..scenario(ExecutorKind::RampingVus) }
        } else if let (Some(vus), None) = (self.vus, &self.stages) {
            if self.scenarios.is_some() {
                warnings
                    .push(Warning::new(format!("`vus={vus}` overrides scenarios configuration")));
            }
            iterations = Some(vus);
            ScenarioConfig {
                vus: Some(vus),
                iterations,
                ..scenario(ExecutorKind::SharedIterations)
            }
        } else if self.scenarios.as_ref().is_some_and(|scenarios| !scenarios.is_empty()) {
            return Ok((self.clone(), warnings));
        } else {
            for (name, is_set) in
                [("stages", self.stages.is_some()), ("scenarios", self.scenarios.is_some())]
            {
                if is_set {
                    warnings.push(Warning::new(format!(
                        "`{name}` was explicitly set to an empty value, running the script with 1 iteration in 1 VU"
                    )));
                }
            }
            ScenarioConfig::new("default", ExecutorKind::PerVuIterations)
        };
        Ok((Options { iterations, scenarios: Some(vec![derived]), ..self.clone() }, warnings))
    }

    /// A shortcut does not go with stages or scenarios of the same layer.
    fn check_alone(&self, shortcut: &str) -> Result<(), OptionsError> {
        if self.stages.as_ref().is_some_and(|stages| !stages.is_empty()) {
            return Err(conflict(shortcut, "stages"));
        }
        if self.scenarios.is_some() {
            return Err(conflict(shortcut, "scenarios"));
        }
        Ok(())
    }
}

fn conflict(a: &str, b: &str) -> OptionsError {
    OptionsError::config(format!("using `{a}` and `{b}` options simultaneously is not allowed"))
}
