//! The outputs of a run: what they are told of the command, and what they tell the user.

use std::io::{self, Write};
use std::sync::Arc;

use metrics::{Needs, Output, SampleBatch, Snapshot};
use outputs::{Configured, Context, OutputError, Wanted};
use plan::options::{DEFAULT_SYSTEM_TAGS, Options};
use plan::threshold::ThresholdDef;
use record::OutputEnd;

use crate::environment;
use crate::exit::Failure;
use crate::log::{Level, Logger};
use crate::session::Session;
use crate::terminal::Terminal;

/// The outputs asked for, with their settings.
pub(crate) struct Planned {
    context: Context,
    all: Vec<Configured>,
}

impl Planned {
    /// Reads what `--out`, `K6_OUT` or the configuration file ask for, and the settings of each.
    ///
    /// # Errors
    /// k6's texts.
    pub(crate) fn read(
        session: &Session,
        options: &Options,
        thresholds: &[(String, Vec<ThresholdDef>)],
        native_histograms: bool,
    ) -> Result<Self, Failure> {
        let context = context(session, options, thresholds, native_histograms);
        let mut wanted: Vec<String> = options.outer.out.clone().unwrap_or_default();
        if options.outer.web_dashboard == Some(true) {
            wanted.push("web-dashboard".to_owned());
        }
        let mut all = Vec::new();
        for text in wanted {
            let wanted = Wanted::parse(&text).map_err(|error| failure(&error))?;
            if let Some(note) = wanted.note() {
                session.log.warn(note);
            }
            all.extend(wanted.configure(&context).map_err(|error| failure(&error))?);
        }
        Ok(Self { context, all })
    }

    /// As the banner shows them.
    pub(crate) fn descriptions(&self) -> Vec<String> {
        self.all.iter().map(Configured::description).collect()
    }

    /// Begins all of them.
    ///
    /// # Errors
    /// A file can't be made.
    pub(crate) fn open(&self) -> Result<Outputs, Failure> {
        let open = |output: &Configured| output.open(&self.context);
        let all = self.all.iter().map(open).collect::<Result<_, _>>();
        all.map(Outputs).map_err(|error| failure(&error))
    }
}

fn context(
    session: &Session,
    options: &Options,
    thresholds: &[(String, Vec<ThresholdDef>)],
    native_histograms: bool,
) -> Context {
    let system_tags = match &options.system_tags {
        Some(tags) => tags.clone(),
        None => DEFAULT_SYSTEM_TAGS.iter().map(|tag| (*tag).to_owned()).collect(),
    };
    let terminal = session.terminal.clone();
    Context {
        environment: Arc::new(environment::vars().into_iter().collect()),
        collectors: Arc::new(options.outer.collectors.clone().unwrap_or_default()),
        thresholds: thresholds.into(),
        system_tags: system_tags.into(),
        native_histograms,
        log: Arc::new(Told(session.log.clone())),
        stdout: Arc::new(move || Box::new(Stdout(terminal.clone()))),
    }
}

fn failure(error: &OutputError) -> Failure {
    let failure = Failure::usage(error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The outputs of a run in progress.
pub(crate) struct Outputs(Vec<Box<dyn Output>>);

impl Outputs {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of them needs every sample.
    pub(crate) fn need_samples(&self) -> bool {
        self.0.iter().any(|output| output.needs() == Needs::Samples)
    }

    /// Gives a batch to those that need samples.
    pub(crate) fn samples(&mut self, batch: &SampleBatch) {
        let batch = Arc::new(batch.clone());
        for output in self.0.iter_mut().filter(|output| output.needs() == Needs::Samples) {
            output.samples(&batch);
        }
    }

    /// Gives a snapshot to those that need snapshots.
    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) {
        let mut shared = None;
        for output in self.0.iter_mut().filter(|output| output.needs() == Needs::Snapshots) {
            output.snapshot(shared.get_or_insert_with(|| Arc::new(snapshot.clone())));
        }
    }

    /// Ends all of them, and tells what was lost.
    pub(crate) fn finish(&mut self, log: &Logger) -> Vec<OutputEnd> {
        let ends: Vec<OutputEnd> =
            self.0.iter_mut().map(|output| OutputEnd::from(&output.finish())).collect();
        tell_losses(&ends, log);
        ends
    }
}

/// Tells what outputs lost.
pub(crate) fn tell_losses(ends: &[OutputEnd], log: &Logger) {
    for end in ends.iter().filter(|end| end.overflowed > 0 || end.undelivered > 0) {
        let mut parts = Vec::new();
        if end.overflowed > 0 {
            let n = end.overflowed;
            parts.push(format!(
                "{n} were dropped because they came faster than they could be written"
            ));
        }
        if end.undelivered > 0 {
            parts.push(format!("{} could not be delivered", end.undelivered));
        }
        let text = format!("samples were lost in an output: {}", parts.join(", "));
        let fields = [
            ("output", end.output.clone()),
            ("delivered", end.delivered.to_string()),
            ("overflowed", end.overflowed.to_string()),
            ("undelivered", end.undelivered.to_string()),
        ];
        log.log(Level::Warning, &text, &fields);
    }
}

/// The log as outputs see it.
struct Told(Logger);

impl outputs::Log for Told {
    fn log(&self, level: outputs::Level, message: &str, fields: &[(&'static str, String)]) {
        let level = match level {
            outputs::Level::Error => Level::Error,
            outputs::Level::Warning => Level::Warning,
            outputs::Level::Debug => Level::Debug,
        };
        self.0.log(level, message, fields);
    }
}

/// Standard output as outputs see it.
struct Stdout(Terminal);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.out_raw(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
