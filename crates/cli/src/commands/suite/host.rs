//! The program as a suite sees it: processes, signals, the terminal, records.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use kubernetes::Access;
use plan::suite::Cluster;
use report::document::{Decision, Judged};
use report::{Document, RunData};
use rt::Nanos;
use suite::{Host, Outcome, Program as What, Say, Signal, Spawn};

use crate::environment;
use crate::exit::Failure;
use crate::run::pages::{self, Template};
use crate::run::reports::{Form, Report};
use crate::session::Session;
use crate::signals;

/// How often the live line is printed where there is no terminal to redraw.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// How long one look at a rollout may take.
const ROLLOUT_PATIENCE: Duration = Duration::from_secs(10);

/// This program, for a suite.
pub(super) struct Program<'a> {
    session: &'a Session,
    signals: Receiver<signals::Signal>,
    plain_due: Nanos,
}

impl<'a> Program<'a> {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// The system refused.
    pub(super) fn start(session: &'a Session) -> Result<Self, Failure> {
        let (send, signals) = channel();
        // The receiver may be gone at the end of the process; then nobody needs the signal.
        signals::watch(move |signal| send.send(signal).unwrap_or_default())
            .map_err(|error| Failure::usage(format!("can't listen to signals: {error}")))?;
        Ok(Self { session, signals, plain_due: rt::now() + PLAIN_EVERY })
    }

    pub(super) fn finish(self) {
        self.session.terminal.clear();
    }
}

impl Host for Program<'_> {
    fn say(&mut self, say: Say<'_>) {
        let terminal = &self.session.terminal;
        match say {
            Say::Line(line) => {
                if !self.session.quiet() {
                    terminal.out(&format!("{line}\n"));
                }
            }
            Say::Warning(text) => self.session.log.warn(text),
            Say::Live(line) if terminal.abilities.stdout_tty && !self.session.quiet() => {
                let columns = terminal.columns().saturating_sub(1);
                let line: String = line.chars().take(columns).collect();
                terminal.draw(format!("\r\x1b[J{line}"));
            }
            Say::Live(line) => {
                if rt::now() >= self.plain_due && !self.session.quiet() {
                    self.plain_due = rt::now() + PLAIN_EVERY;
                    terminal.err(&format!("{line}\n"));
                }
            }
        }
    }

    fn spawn(&mut self, spawn: Spawn) -> std::io::Result<Child> {
        let mut command = match &spawn.program {
            What::Own(words) => {
                let mut command = Command::new(environment::own_program()?);
                command.args(words);
                command
            }
            What::Shell(line) => {
                let mut command = Command::new("sh");
                // So that commands of a plan find the program that runs them.
                command.args(["-c", line]).env("SQUALL", environment::own_program()?);
                command
            }
        };
        let errors = spawn.output.try_clone()?;
        command
            .current_dir(&spawn.folder)
            .envs(spawn.env)
            .stdin(Stdio::null())
            .stdout(spawn.output)
            .stderr(errors);
        signals::lead_a_group(&mut command);
        command.spawn()
    }

    fn signal(&mut self, pid: u32, signal: Signal) {
        let number = match signal {
            Signal::Interrupt => libc::SIGINT,
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
        };
        signals::send_to_group(pid, number);
    }

    fn wait(&mut self, span: Duration) -> Option<Signal> {
        match self.signals.recv_timeout(span) {
            Ok(signals::Signal::Interrupt) => Some(Signal::Interrupt),
            Ok(signals::Signal::Terminate) => Some(Signal::Terminate),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    fn var(&self, name: &str) -> Option<String> {
        environment::var(name)
    }

    fn rollout(&mut self, name: &str, cluster: Cluster<'_>) -> Result<(), String> {
        let access = Access {
            kubeconfig: cluster.kubeconfig.map(Into::into),
            context: cluster.context.map(str::to_owned),
            namespace: cluster.namespace.map(str::to_owned),
        };
        match kubernetes::rollout(&access, name, ROLLOUT_PATIENCE) {
            Ok(None) => Ok(()),
            Ok(Some(missing)) => Err(missing),
            Err(error) => Err(error.to_string()),
        }
    }

    fn data(&mut self, record: &Path) -> Result<RunData, String> {
        crate::run::data::load(record)
    }
}

/// Writes every form of the report into the suite's folder, and in Markdown where the plan wants it too.
///
/// # Errors
/// A template that can't be read or filled.
pub(super) fn write_reports(
    session: &Session,
    outcome: &Outcome,
    folder: &Path,
) -> Result<(), Failure> {
    let document = document(outcome);
    let settings = &outcome.suite.report;
    let plan_folder = outcome.state.plan.parent().unwrap_or_else(|| Path::new("."));
    let template = match &settings.template {
        Some(name) => Some(Template::of_file(name, &plan_folder.join(name))?),
        None => None,
    };
    pages::write_all(session, &document, folder, template.as_ref())?;
    if let Some(name) = &settings.file {
        let file = plan_folder.join(name);
        let report = [Report::Page(Form::Markdown, file)];
        pages::write(session, &document, &report, folder, template.as_ref())?;
    }
    Ok(())
}

/// The report as data: each scenario, and what the plan and the suite's end add.
fn document(outcome: &Outcome) -> Document {
    let judged: Vec<Judged<'_>> = outcome
        .scenarios
        .iter()
        .filter_map(|judged| {
            let (run, judgement) = (judged.data.as_ref()?, judged.judgement.as_ref()?);
            Some(Judged { run, criteria: &judged.criteria, judgement })
        })
        .collect();
    let suite = &outcome.suite;
    let title = suite.report.title.as_deref().unwrap_or(&suite.suite);
    let mut document = report::document(title, &judged);
    document.verdict = outcome.verdict;
    document.decision = Decision::of(outcome.verdict);
    document.decision_text = document.decision.text().to_owned();
    let mut lead: Vec<String> = suite.description.iter().cloned().collect();
    lead.extend(outcome.stopped.iter().map(|why| format!("The suite ended early: {why}.")));
    let left_out: Vec<&str> = outcome
        .scenarios
        .iter()
        .filter(|judged| judged.data.is_none())
        .map(|judged| judged.name.as_str())
        .collect();
    if !left_out.is_empty() {
        lead.push(format!("Left out: {}.", left_out.join(", ")));
    }
    for row in outcome.whole.iter().flat_map(|whole| &whole.judgement).flat_map(|j| &j.rows) {
        let (verdict, criterion, measured) = (row.verdict.as_str(), &row.criterion, &row.measured);
        lead.push(format!("All scenarios together, {criterion}: {measured}, {verdict}."));
    }
    document.summary.splice(0..0, lead);
    document.summary.extend(suite.notes.iter().cloned());
    document.summary.extend(suite.approvers.iter().map(|who| format!("Approval by {who}: ______")));
    document
}
