//! Ports of a cluster that are forwarded while a run lasts: `--k8s-forward`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kubernetes::forward::{ForwardSpec, Note};
use kubernetes::{Access, ForwardError, Forwards};
use rt::Nanos;

use crate::exit::Failure;
use crate::flags::Parsed;
use crate::log::Logger;
use crate::session::Session;

/// How long pods that are not ready yet are waited for unless told otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Of what goes wrong on the way is told at most so often.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The cluster the flags mean.
pub(crate) fn access(flags: &Parsed) -> Access {
    Access {
        kubeconfig: flags.text("kubeconfig").map(Into::into),
        context: flags.text("context").map(str::to_owned),
        namespace: flags.text("namespace").map(str::to_owned),
    }
}

/// Reads what is to be forwarded.
///
/// # Errors
/// A text that is no specification.
pub(crate) fn specs<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<ForwardSpec>, Failure> {
    let read = |text: &str| {
        text.parse::<ForwardSpec>().map_err(|error| {
            Failure::usage(error.to_string()).hint("e.g. 8010:svc/api:80, pod/db-0:5432")
        })
    };
    texts.map(read).collect()
}

/// Forwards of a run; they close when this is dropped.
pub(crate) struct RunForwards(Option<Forwards>);

impl RunForwards {
    /// Opens what these flags ask for.
    ///
    /// # Errors
    /// A specification is wrong, or nothing of the cluster takes connections there.
    pub(crate) fn open(flags: &Parsed, log: &Logger) -> Result<Self, Failure> {
        let specs = specs(flags.all("k8s-forward"))?;
        if specs.is_empty() {
            return Ok(Self(None));
        }
        let log = log.clone();
        let limit = Limit::default();
        let tell = move |note: Note| {
            if !matches!(note, Note::Connected { .. })
                && let Some(passed_over) = limit.may_tell(rt::now())
            {
                log.warn(&format!("{note}{}", more(passed_over)));
            }
        };
        let opened = Forwards::open(&access(flags), &specs, PATIENCE, tell);
        opened.map(Some).map(Self).map_err(|error| failure(&error))
    }

    /// The same session with what scripts and URLs need to know: variables in `__ENV`, addresses in the place of
    /// `{NAME}`.
    pub(crate) fn tell(&self, session: &Session) -> Session {
        let Some(forwards) = &self.0 else { return session.with_flags(session.flags.clone()) };
        let mut flags = session.flags.clone().mapped(|text| forwards.expand(text));
        for (name, address) in forwards.variables() {
            flags = flags.preset("env", format!("{name}={address}"));
        }
        session.with_flags(flags)
    }

    /// Variables for a program that is started.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        self.0.as_ref().map(Forwards::variables).unwrap_or_default()
    }

    /// Puts addresses in the place of `{NAME}`.
    pub(crate) fn expand(&self, text: &str) -> String {
        self.0.as_ref().map_or_else(|| text.to_owned(), |forwards| forwards.expand(text))
    }

    /// A line for each: `svc/api:80 at 127.0.0.1:8010 (pods api-1, api-2)`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let forwards = self.0.iter().flat_map(Forwards::list);
        forwards.map(line).collect()
    }
}

/// One forward as people read it.
pub(crate) fn line(forwarded: &kubernetes::forward::Forwarded) -> String {
    let pods = &forwarded.pods;
    let shown = pods.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let rest = if pods.len() > 3 { format!(" and {} more", pods.len() - 3) } else { String::new() };
    let word = if pods.len() == 1 { "pod" } else { "pods" };
    format!("{} at {} ({word} {shown}{rest})", forwarded.spec, forwarded.address)
}

/// Why there is no forward, and what to look at.
pub(crate) fn failure(error: &ForwardError) -> Failure {
    let hint = match error {
        ForwardError::Bind { port, .. } => Some(format!(
            "leave the local port out for a free one, or look who has it: `ss -ltnp sport = :{port}`"
        )),
        ForwardError::Nowhere { .. } => {
            Some("`kubectl get pods,svc` shows what is there; -n chooses the namespace".to_owned())
        }
        ForwardError::Access(_) => {
            Some("--kubeconfig FILE and --context NAME choose one".to_owned())
        }
        ForwardError::Api { .. } | ForwardError::System(_) => None,
    };
    let failure = Failure::usage(error.to_string());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Lets something be told only now and then.
#[derive(Debug, Clone, Default)]
struct Limit(Arc<Mutex<(Option<Nanos>, u64)>>);

impl Limit {
    /// Whether it may be told now, and how often it was not since the last time.
    fn may_tell(&self, now: Nanos) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0.is_some_and(|last| now.since(last) < TELL_EVERY) {
            state.1 += 1;
            return None;
        }
        state.0 = Some(now);
        Some(std::mem::take(&mut state.1))
    }
}

fn more(passed_over: u64) -> String {
    if passed_over == 0 { String::new() } else { format!(" ({passed_over} more such)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_told_now_and_then_with_its_number() {
        let limit = Limit::default();
        let at = |seconds: u64| Nanos(seconds * 1_000_000_000);
        let told = [0, 1, 4, 5, 6].map(|second| limit.may_tell(at(second)));
        assert_eq!(told, [Some(0), None, None, Some(2), None]);
        assert_eq!(more(2), " (2 more such)");
    }
}
