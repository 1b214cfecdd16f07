//! Who watches the engine: draws progress, feeds outputs, keeps the record.

use std::time::Duration;

use engine::coordinator::Uplink;
use engine::progress::{Phase, Progress};
use engine::{End, Observer, RunOutcome};
use metrics::{SampleBatch, Snapshot};
use rt::Nanos;

use super::observing::Observing;
use super::output::Outputs;
use super::progress;
use super::ram::Ram;
use super::recording::Recording;
use super::troubles::Troubles;
use super::view::View;
use crate::log::{Level, Logger};
use crate::terminal::Terminal;

/// k6's words, without an end of line.
const LINGERING: &str =
    "The test is done, but --linger was enabled, so k6 is waiting for Ctrl+C to continue...";

/// How often progress lines are printed where there is no terminal to redraw.
const PLAIN_EVERY: Duration = Duration::from_secs(1);

/// The run's observer.
pub(crate) struct Watch<'a> {
    /// Where progress is drawn.
    pub(crate) terminal: &'a Terminal,
    /// Where warnings go.
    pub(crate) log: &'a Logger,
    /// What the plan's texts are.
    pub(crate) view: View,
    /// No progress is wanted.
    pub(crate) quiet: bool,
    /// Where measurements go besides the summary.
    pub(crate) outputs: Outputs,
    /// The record, if there is one.
    pub(crate) recording: Option<Recording>,
    /// What watches the system under test, if anything does.
    pub(crate) observing: Option<Observing>,
    /// The coordinator of several processes, if there is one.
    pub(crate) uplink: Option<Uplink>,
    /// When plain lines are due next.
    pub(crate) plain_due: Nanos,
    /// Whether the VUs will fit, until that is known.
    pub(crate) ram: Option<Ram>,
    /// Where the run was when last looked at.
    pub(crate) phase: Phase,
    /// What kept requests from being answered.
    pub(crate) troubles: Troubles,
}

impl Watch<'_> {
    /// When the first plain lines are due, for a watch that begins now.
    pub(crate) fn first_due() -> Nanos {
        rt::now() + PLAIN_EVERY
    }

    /// The block as it was at the end, without escapes.
    pub(crate) fn last_frame(&self, outcome: &RunOutcome) -> String {
        let mut last = outcome.progress.clone();
        // Where no scenario was reached, k6 keeps showing what was going on instead.
        match outcome.end {
            End::VuInit(_) => last.phase = Phase::Init,
            End::Setup(_) => last.phase = Phase::Setup,
            End::Signal(_) | End::Aborted(_) if self.phase == Phase::Setup => {
                last.phase = Phase::Setup
            }
            _ => {}
        }
        progress::plain(&self.view.headline(&last), &self.view.rows(&last))
    }

    fn draw(&mut self, now: &Progress) {
        let (headline, rows) = (self.view.headline(now), self.view.rows(now));
        let abilities = self.terminal.abilities;
        if abilities.stdout_tty {
            let columns = self.terminal.columns();
            self.terminal.draw(progress::tty(&headline, &rows, columns, abilities.color));
        } else if rt::now() >= self.plain_due {
            self.plain_due = (self.plain_due + PLAIN_EVERY).max(rt::now());
            self.terminal.out(&progress::plain(&headline, &rows));
        }
    }
}

impl Observer for Watch<'_> {
    fn progress(&mut self, now: &Progress) {
        if let Some(observing) = &self.observing {
            observing.fetch(&mut self.outputs);
        }
        let was_init = matches!(self.phase, Phase::Init | Phase::Paused);
        let was_lingering = self.phase == Phase::Lingering;
        if now.phase != Phase::Done {
            self.phase = now.phase;
        }
        if was_init && !matches!(self.phase, Phase::Init | Phase::Paused) {
            let since = u64::try_from(now.elapsed.as_nanos()).unwrap_or(0);
            if let Some(recording) = &mut self.recording {
                recording.started(rt::unix_nanos().saturating_sub(since));
            }
        }
        if let Some(note) = self.ram.as_mut().and_then(|ram| ram.look(now)) {
            self.ram = None;
            if let Some(note) = note {
                self.log.warn(&note);
            }
        }
        if !self.quiet {
            match now.phase {
                Phase::Lingering if !was_lingering => self.terminal.out(LINGERING),
                // The last look is printed after the summary.
                Phase::Lingering | Phase::Done => {}
                _ => self.draw(now),
            }
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        self.outputs.snapshot(snapshot);
        self.troubles.take(snapshot);
        if let Some(recording) = &mut self.recording {
            recording.snapshot(snapshot);
        }
        if let Some(uplink) = &mut self.uplink
            && let Err(error) = uplink.send(snapshot)
        {
            let fields = [("error", error.to_string())];
            self.log.log(Level::Warning, "The coordinator can't be reached any more", &fields);
            self.uplink = None;
        }
    }

    fn samples(&mut self, batch: &SampleBatch) {
        self.outputs.samples(batch);
    }

    fn warning(&mut self, text: &str, fields: &[(&'static str, String)]) {
        self.log.log(Level::Warning, text, fields);
    }
}
