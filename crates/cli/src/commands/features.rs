//! `squall features`: k6's feature flags, and which of them do something here.

use serde_json::{Value, json};

use crate::exit::{CommandResult, ExitStatus, Failure};
use crate::run::features::KNOWN;
use crate::session::Session;

/// Prints the table, or JSON.
pub(crate) fn run(session: &Session) -> CommandResult {
    if let Some(word) = session.flags.args.first() {
        let program = session.name.word();
        return Err(Failure::usage(format!("unknown command {word:?} for \"{program} features\"")));
    }
    let text = if session.flags.is_on("json") {
        let list: Vec<_> = KNOWN
            .iter()
            .map(|(name, about)| {
                json!({ "feature": name, "lifecycle": "Experimental", "description": about })
            })
            .collect();
        format!("{:#}\n", Value::from(list))
    } else {
        let mut text = format!("{:<20}{:<15}DESCRIPTION\n", "FEATURE", "LIFECYCLE");
        for (name, about) in KNOWN {
            text.push_str(&format!("{name:<20}{:<15}{about}\n", "Experimental"));
        }
        text
    };
    session.terminal.out(&text);
    Ok(ExitStatus::Success)
}
