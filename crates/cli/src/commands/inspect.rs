//! `squall inspect`: the options of a script, or the consolidated plan.

use std::sync::Arc;

use metrics::Registry;
use plan::duration::format_go;
use plan::options::{Derivation, TagLayering, to_go_json};
use plan::scenario::Requirements;
use serde_json::Value;

use crate::exit::{CommandResult, ExitStatus};
use crate::flags::UsageError;
use crate::log::Level;
use crate::run::consolidation::{Sources, options_of};
use crate::run::front;
use crate::run::runtime::Runtime;
use crate::run::script_log::ScriptLog;
use crate::run::secrets;
use crate::run::source::Source;
use crate::session::Session;

/// Prints the options.
pub(crate) fn run(session: &Session) -> CommandResult {
    if session.flags.args.len() != 1 {
        let text = format!("accepts 1 arg(s), received {}", session.flags.args.len());
        return Err(UsageError(text).into());
    }
    let source = Source::read(session)?;
    let runtime = Runtime::read(&session.flags, false)?;
    let log = ScriptLog::new(session.log.clone());
    let registry = Arc::new(Registry::with_builtins());
    let secrets = secrets::read(&session.flags, &session.log)?;
    let loaded = front::load(&source, &runtime, &log, &registry, secrets)?;
    let (options, mut warnings) = options_of(&source, loaded.options_json.as_deref())?;
    let json = if session.flags.is_on("execution-requirements") {
        let (options, layered) =
            Sources::read(&session.flags)?.layered(options, TagLayering::Replace);
        warnings.extend(layered);
        // k6 knows no default of one VU here, so neither do we.
        let is_exported = |name: &str| loaded.exports(name);
        let (scenarios, derived) =
            options.derive_scenarios(Derivation { default_vus: 0, is_exported: &is_exported })?;
        warnings.extend(derived);
        let needs = Requirements::of(&scenarios, &options.striping()?);
        let mut json = options.derived(0)?.0.to_json();
        if let Value::Object(map) = &mut json {
            map.insert("totalDuration".into(), format_go(needs.max_duration).into());
            map.insert("maxVUs".into(), needs.max_possible_vus.into());
        }
        json
    } else {
        options.to_json()
    };
    for warning in &warnings {
        session.log.log(Level::Warning, &warning.message, &warning.fields);
    }
    session.terminal.out(&to_go_json(&json));
    Ok(ExitStatus::Success)
}
