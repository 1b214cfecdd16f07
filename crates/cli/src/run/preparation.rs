//! Everything that happens before the first VU: the script's init code, options of all sources, thresholds, plan.

use std::sync::Arc;

use engine::RunOutcome;
use metrics::Registry;
use net::http::Http2;
use plan::options::{Derivation, Options};
use plan::scenario::{Executor, Requirements, Scenario, in_start_order};
use plan::segment::Striping;
use plan::threshold::ThresholdDef;
use record::{End, Meta, OutputEnd, SummarySettings, ThresholdGroup};

use super::absent;
use super::banner::Banner;
use super::consolidation::{Sources, options_of};
use super::ending;
use super::fail_on;
use super::features::Features;
use super::fetch;
use super::front;
use super::output::Planned;
use super::runtime::{Runtime, SummaryMode};
use super::script_log::ScriptLog;
use super::secrets;
use super::source::Source;
use super::view::View;
use crate::environment;
use crate::exit::{ExitStatus, Failure};
use crate::log::Level;
use crate::session::{Name, Session};

/// A test that is ready to run.
pub(crate) struct Prepared {
    /// The script.
    pub(crate) source: Source,
    /// How it is loaded and reported.
    pub(crate) runtime: Runtime,
    /// The options of all sources, scaled in time if asked for.
    pub(crate) options: Options,
    /// The same before scenarios were made of shortcuts: what archives keep.
    pub(crate) consolidated: Options,
    /// The scenarios to run.
    pub(crate) scenarios: Vec<Scenario>,
    /// This instance's share.
    pub(crate) striping: Striping,
    /// Thresholds by selector.
    pub(crate) thresholds: Vec<(String, Vec<ThresholdDef>)>,
    /// The outputs asked for.
    pub(crate) outputs: Planned,
    /// Tags of every sample.
    pub(crate) run_tags: Vec<(String, String)>,
    /// The test's metrics.
    pub(crate) registry: Arc<Registry>,
    /// The script as the engine takes it.
    pub(crate) test: Arc<k6::Test>,
    /// Where the script's lines go.
    pub(crate) log: ScriptLog,
    /// What fails a run that ended well.
    pub(crate) fail_on: Vec<fail_on::Cause>,
    time_scale: Option<f64>,
    is_squall: bool,
}

impl Prepared {
    /// Prepares a script.
    ///
    /// # Errors
    /// k6's texts and codes.
    pub(crate) fn new(session: &Session, source: Source) -> Result<Self, Failure> {
        Self::prepare(session, source, true)
    }

    /// Prepares a script to be archived: the environment is not part of it unless asked for.
    ///
    /// # Errors
    /// k6's texts and codes.
    pub(crate) fn for_archive(session: &Session, source: Source) -> Result<Self, Failure> {
        Self::prepare(session, source, false)
    }

    fn prepare(session: &Session, source: Source, system_env: bool) -> Result<Self, Failure> {
        let flags = &session.flags;
        let mut notes = absent::check(flags)?;
        let fail_on = fail_on::parse(flags)?;
        let runtime = Runtime::read(flags, system_env)?;
        notes.extend(runtime.notes.iter().cloned());
        notes.iter().for_each(|note| session.log.warn(note));
        let sources = Sources::read(flags)?;
        let features = Features::read(flags, sources.config_features(), &session.log);
        let time_scale = time_scale(flags.float("time-scale"))?;
        let log = ScriptLog::new(session.log.clone());
        let registry = Arc::new(Registry::with_builtins());
        let secrets = secrets::read(flags, &session.log)?;
        let loaded = front::load(&source, &runtime, &log, &registry, secrets)?;
        let (script, warnings) = options_of(&source, loaded.options_json.as_deref())?;
        tell(session, &warnings);
        let (mut options, warnings) = sources.layered(script, features.tag_layering());
        tell(session, &warnings);
        let thresholds = thresholds(session, &runtime, &options, &registry)?;
        let outputs = Planned::read(session, &options, &thresholds, features.native_histograms())?;
        let is_exported = |name: &str| loaded.exports(name);
        let derivation = Derivation { default_vus: 1, is_exported: &is_exported };
        let (mut scenarios, warnings) = options.derive_scenarios(derivation)?;
        tell(session, &warnings);
        words_of_k6_1(&options, &scenarios).iter().for_each(|note| session.log.warn(note));
        let consolidated = options.clone();
        // What scripts see are scenarios, not shortcuts.
        options = options.derived(1)?.0;
        if let Some(factor) = time_scale {
            options.time_scale(factor);
            scenarios = scenarios.into_iter().map(|scenario| scenario.scaled(factor)).collect();
        }
        let striping = options.striping()?;
        let mut run_tags = options.tags.clone().unwrap_or_default();
        run_tags.extend(features.run_tags());
        let wire = front::Wire {
            max_body_bytes: body_limit(session)?,
            http2: http2(session),
            proxies: fetch::proxies(),
        };
        let test = front::test(loaded, &options, &run_tags, wire, &session.log)?;
        Ok(Self {
            source,
            runtime,
            scenarios,
            options,
            consolidated,
            striping,
            thresholds,
            outputs,
            registry,
            run_tags,
            test,
            log,
            fail_on,
            time_scale,
            is_squall: session.name == Name::Squall,
        })
    }
}

fn time_scale(factor: Option<f64>) -> Result<Option<f64>, Failure> {
    match factor {
        Some(factor) if factor > 0.0 && factor <= 1000.0 => Ok(Some(factor).filter(|f| *f != 1.0)),
        Some(factor) => Err(Failure::usage(format!(
            "invalid --time-scale {factor}: it must be above 0 and at most 1000"
        ))),
        None => Ok(None),
    }
}

fn tell(session: &Session, warnings: &[plan::options::Warning]) {
    for warning in warnings {
        session.log.log(Level::Warning, &warning.message, &warning.fields);
    }
}

/// What k6 2 has dropped and is still understood: a line each.
fn words_of_k6_1(options: &Options, scenarios: &[Scenario]) -> Vec<String> {
    let mut notes = Vec::new();
    if options.ext.as_ref().is_some_and(|ext| ext.get("loadimpact").is_some()) {
        notes.push("options.ext.loadimpact is for k6's cloud; it has no effect here".to_owned());
    }
    if scenarios.iter().any(|s| matches!(s.executor, Executor::ExternallyControlled(_))) {
        notes.push(
            "k6 2 has no externally-controlled executor; squall runs it as k6 1 did".to_owned(),
        );
    }
    notes
}

/// The thresholds to evaluate, checked against the metrics the script declared.
fn thresholds(
    session: &Session,
    runtime: &Runtime,
    options: &Options,
    registry: &Registry,
) -> Result<Vec<(String, Vec<ThresholdDef>)>, Failure> {
    let thresholds = options.thresholds.clone().unwrap_or_default();
    if runtime.no_thresholds {
        // Nothing is evaluated, but the submetrics that thresholds ask for are there, as in k6.
        let mut selectors = Vec::new();
        for (selector, _) in &thresholds {
            let name = selector.split('{').next().unwrap_or_default();
            if registry.get(name).is_none() {
                session.log.log(
                    Level::Warning,
                    &format!("Invalid metric '{selector}' in threshold definitions"),
                    &[
                        ("component", "metrics-engine".to_owned()),
                        ("error", format!("metric '{selector}' does not exist in the script")),
                    ],
                );
            } else if metrics::threshold::validate(registry, &[(selector.clone(), Vec::new())])
                .is_ok()
            {
                selectors.push((selector.clone(), Vec::new()));
            }
        }
        return Ok(selectors);
    }
    let warnings = metrics::threshold::validate(registry, &thresholds)
        .map_err(|error| Failure::config(error.to_string()))?;
    warnings.iter().for_each(|warning| session.log.warn(warning));
    Ok(thresholds)
}

impl Prepared {
    /// What is printed before the run.
    pub(crate) fn banner(&self, color: bool, forwards: &[String]) -> String {
        let needs = Requirements::of(&self.scenarios, &self.striping);
        let describe = |s: &&Scenario| format!("{}: {}", s.name, s.describe(&self.striping));
        let active = |s: &&Scenario| !s.is_disabled(&self.striping);
        let lines: Vec<String> = in_start_order(&self.scenarios)
            .into_iter()
            .filter(active)
            .map(|s| describe(&s))
            .collect();
        let outputs = self.outputs.descriptions();
        let banner = Banner {
            script: &self.source.argument,
            outputs: &outputs,
            forwards,
            share: self.striping.share(),
            max_vus: needs.max_possible_vus,
            max_duration: needs.max_duration,
            scenarios: &lines,
            time_scale: self.time_scale,
        };
        banner.render(color)
    }

    /// VUs there may be at most at one time.
    pub(crate) fn max_vus(&self) -> u64 {
        Requirements::of(&self.scenarios, &self.striping).max_possible_vus
    }

    /// What the progress block needs of the plan.
    pub(crate) fn view(&self) -> View {
        let most = |scenario: &Scenario| {
            let steps = scenario.planned_vus(&self.striping);
            steps.iter().map(|step| step.planned_vus).max().unwrap_or(0)
        };
        let vus: Vec<u64> = self.scenarios.iter().map(most).collect();
        let needs = Requirements::of(&self.scenarios, &self.striping);
        View::new(&self.scenarios, &vus, needs.max_duration, needs.max_possible_vus)
    }

    /// Whether the summary shows groups and scenarios.
    pub(crate) fn is_full(&self) -> bool {
        self.runtime.summary_mode == SummaryMode::Full
    }

    /// Whether samples carry a system tag.
    pub(crate) fn has_system_tag(&self, name: &str) -> bool {
        match &self.options.system_tags {
            Some(tags) => tags.iter().any(|tag| tag == name),
            None => plan::options::DEFAULT_SYSTEM_TAGS.contains(&name),
        }
    }

    /// The head of the run's record.
    pub(crate) fn meta(&self) -> Meta {
        Meta {
            squall_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_unix_ns: rt::unix_nanos(),
            command_line: crate::environment::shown_args(),
            script_path: self.source.argument.clone(),
            script_source: String::from_utf8_lossy(&self.source.text).into_owned(),
            options: self.options.to_json(),
            summary: SummarySettings {
                mode: self.runtime.summary_mode.name().to_owned(),
                trend_stats: self.options.summary_trend_stats.clone().unwrap_or_default(),
                time_unit: self.options.summary_time_unit.clone().unwrap_or_default(),
                request_rows: self.is_squall,
            },
            thresholds: ThresholdGroup::record(&self.thresholds),
            ..Meta::default()
        }
    }

    /// The end of the run's record.
    pub(crate) fn end_of_record(
        &self,
        outcome: &RunOutcome,
        status: ExitStatus,
        deliveries: &[OutputEnd],
    ) -> End {
        let self_check = super::self_check::figures(&outcome.self_check);
        let setup_data = self.test.setup_data().and_then(|json| serde_json::from_str(&json).ok());
        End {
            exit_code: i32::from(status.code()),
            reason: ending::reason(&outcome.end),
            elapsed_ns: u64::try_from(outcome.elapsed.as_nanos()).unwrap_or(u64::MAX),
            ended_unix_ns: rt::unix_nanos(),
            self_check: serde_json::to_value(self_check).unwrap_or_default(),
            setup_data: setup_data.unwrap_or_default(),
            outputs: deliveries.to_vec(),
        }
    }
}

/// `--max-body`, in bytes.
fn body_limit(session: &Session) -> Result<Option<u64>, Failure> {
    let Some(mebibytes) = session.flags.int("max-body") else { return Ok(None) };
    u64::try_from(mebibytes)
        .ok()
        .and_then(|n| n.checked_mul(1 << 20))
        .map(Some)
        .ok_or_else(|| Failure::usage(format!("--max-body {mebibytes} is out of range")))
}

/// `--http2-cleartext`, and k6's way of doing without HTTP/2: `GODEBUG=http2client=0`.
fn http2(session: &Session) -> Http2 {
    let godebug = environment::var("GODEBUG").unwrap_or_default();
    if godebug.split(',').any(|setting| setting == "http2client=0") {
        return Http2::Off;
    }
    if session.flags.is_on("http2-cleartext") { Http2::Always } else { Http2::Negotiated }
}
