//! From how a run ended to the last error line and the exit code (k6's reference, sections D and E).

use engine::End;
use engine::script::ScriptError;

use crate::exit::{ExitStatus, Failure};

/// What a run's end means for the process; `None` where all is well.
pub(crate) fn failure(end: &End, marked_failed: bool) -> Option<Failure> {
    let marked = || Failure::new(ExitStatus::MarkedFailed, "test run was marked as failed");
    Some(match end {
        End::Finished if marked_failed => marked(),
        End::Finished => return None,
        End::Thresholds { aborted: false, .. } if marked_failed => marked(),
        End::Thresholds { crossed, aborted } => {
            let names = crossed.join(", ");
            let what = if *aborted {
                "were crossed; at least one has abortOnFail enabled, stopping test prematurely"
            } else {
                "have been crossed"
            };
            let text = format!("thresholds on metrics '{names}' {what}");
            Failure::new(ExitStatus::ThresholdsCrossed, text)
        }
        End::Aborted(text) => Failure::new(ExitStatus::ScriptAborted, text.clone()),
        End::Signal(name) => Failure::new(
            ExitStatus::Signal,
            format!("test run was aborted because k6 received a '{name}' signal"),
        ),
        End::Api => Failure::new(ExitStatus::Code(103), "test run stopped from REST API"),
        End::Setup(error) | End::Teardown(error) | End::VuInit(error) => script_failure(error),
        End::Internal(text) => Failure::new(ExitStatus::Panic, format!("internal error: {text}"))
            .hint("this is a defect of squall; the summary above is not to be trusted"),
    })
}

/// What a script threw outside an iteration.
pub(crate) fn script_failure(error: &ScriptError) -> Failure {
    let mut failure = Failure::new(ExitStatus::Code(error.exit_code), error.message.clone());
    if let Some(hint) = &error.hint {
        failure = failure.hint(hint.clone());
        if error.exit_code == ExitStatus::ScriptException.code() {
            failure.fields.push(("source", "stacktrace".into()));
        }
    }
    failure
}

/// The end in a word or two, for the record.
pub(crate) fn reason(end: &End) -> String {
    match end {
        End::Finished => "finished".into(),
        End::Thresholds { aborted: true, .. } => "stopped by thresholds".into(),
        End::Thresholds { .. } => "thresholds crossed".into(),
        End::Aborted(_) => "aborted by the script".into(),
        End::Signal(name) => format!("signal {name}"),
        End::Api => "stopped by the REST API".into(),
        End::Setup(_) => "setup() failed".into(),
        End::Teardown(_) => "teardown() failed".into(),
        End::VuInit(_) => "init code failed".into(),
        End::Internal(text) => format!("internal error: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(end: &End, marked: bool, code: u8, text: &str) {
        let failure = failure(end, marked);
        let seen = failure.map_or((0, String::new()), |f| (f.status.code(), f.message));
        assert_eq!(seen, (code, text.to_owned()), "{end:?}");
    }

    #[test]
    fn each_end_has_the_code_and_text_of_k6() {
        let crossed =
            |aborted| End::Thresholds { crossed: vec!["cc".into(), "tt".into()], aborted };
        check(&End::Finished, false, 0, "");
        check(&End::Finished, true, 110, "test run was marked as failed");
        check(&crossed(false), false, 99, "thresholds on metrics 'cc, tt' have been crossed");
        check(
            &crossed(true),
            false,
            99,
            "thresholds on metrics 'cc, tt' were crossed; at least one has abortOnFail enabled, stopping test \
             prematurely",
        );
        check(&crossed(false), true, 110, "test run was marked as failed");
        check(&End::Aborted("test aborted: x".into()), false, 108, "test aborted: x");
        check(
            &End::Signal("interrupt".into()),
            false,
            105,
            "test run was aborted because k6 received a 'interrupt' signal",
        );
        let timeout = ScriptError {
            message: "setup() execution timed out after 1 seconds".into(),
            exit_code: 100,
            hint: None,
        };
        check(&End::Setup(timeout), false, 100, "setup() execution timed out after 1 seconds");
    }
}
