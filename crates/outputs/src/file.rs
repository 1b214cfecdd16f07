//! Outputs that are files: formatting and writing happen on a thread of their own, so that a slow disk never holds up
//! the run. Samples wait in a bounded queue; those that find it full are counted.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use metrics::{Delivery, Needs, Output, SampleBatch, Snapshot};

use crate::context::{Context, Level, Log};
use crate::queue::Tally;
use crate::wanted::{OutputError, system_text};

/// How long the end of a run may wait for what is left to reach the file. A pipe that nobody reads would keep it for ever.
const FINISH_PATIENCE: Duration = Duration::from_secs(60);

/// How samples become lines.
pub(crate) trait Lines: Send + 'static {
    /// What stands before everything else.
    fn head(&mut self, out: &mut String);
    /// Appends the lines of a batch; returns how many samples they are.
    fn lines(&mut self, batch: &SampleBatch, out: &mut String) -> u64;
}

/// Where lines go.
pub(crate) struct Place<'a> {
    /// The file; an empty name or `-` is standard output.
    pub(crate) name: &'a str,
    /// How often what is buffered reaches the file.
    pub(crate) flush_every: Duration,
    /// The output, for the report of what was lost.
    pub(crate) description: String,
    /// What is logged when writing fails.
    pub(crate) trouble: &'static str,
}

/// An output that is a file.
pub(crate) struct FileOutput {
    queue: Option<Sender<Arc<SampleBatch>>>,
    writer: Option<JoinHandle<()>>,
    ended: Receiver<()>,
    tally: Tally,
    description: String,
    log: Arc<dyn Log>,
}

impl FileOutput {
    /// Opens the file and starts the thread.
    ///
    /// # Errors
    /// The file can't be made, in Go's words.
    pub(crate) fn start(
        place: Place<'_>,
        context: &Context,
        lines: impl Lines,
    ) -> Result<Self, OutputError> {
        let sink = open(place.name, context)?;
        let tally = Tally::default();
        let (queue, batches) = channel();
        let (end, ended) = channel();
        let writer = Writer {
            sink: Some(sink),
            lines,
            tally: tally.clone(),
            flush_every: place.flush_every,
            buffer: String::new(),
            log: Arc::clone(&context.log),
            trouble: place.trouble,
        };
        let body = move || {
            writer.run(&batches);
            let _ = end.send(());
        };
        let writer = rt::thread::start("squall-file", body)
            .map_err(|error| OutputError::Start(system_text(&error)))?;
        Ok(Self {
            queue: Some(queue),
            writer: Some(writer),
            ended,
            tally,
            description: place.description,
            log: Arc::clone(&context.log),
        })
    }
}

fn open(name: &str, context: &Context) -> Result<Sink, OutputError> {
    if name.is_empty() || name == "-" {
        return Ok(Sink::Plain((context.stdout)()));
    }
    let file = File::create(name)
        .map_err(|error| OutputError::Start(format!("open {name}: {}", system_text(&error))))?;
    let file = BufWriter::with_capacity(256 * 1024, file);
    Ok(if name.ends_with(".gz") {
        Sink::Gzip(GzEncoder::new(file, Compression::fast()))
    } else {
        Sink::Plain(Box::new(file))
    })
}

impl Output for FileOutput {
    fn needs(&self) -> Needs {
        Needs::Samples
    }

    fn samples(&mut self, batch: &Arc<SampleBatch>) {
        self.tally.overflow(batch.dropped());
        let Some(queue) = &self.queue else { return };
        let n = batch.len() as u64;
        if self.tally.admit(n) && queue.send(Arc::clone(batch)).is_err() {
            self.tally.taken(n);
            self.tally.undelivered(n);
        }
    }

    fn snapshot(&mut self, _: &Arc<Snapshot>) {}

    fn finish(&mut self) -> Delivery {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A thread that panicked has ended too: its end of the channel is gone.
            match self.ended.recv_timeout(FINISH_PATIENCE) {
                Err(RecvTimeoutError::Timeout) => self.log.log(
                    Level::Error,
                    "an output did not end in time; what it still had to write is lost",
                    &[("output", self.description.clone())],
                ),
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    let _ = writer.join();
                }
            }
        }
        self.tally.delivery(&self.description)
    }
}

enum Sink {
    Plain(Box<dyn Write + Send>),
    Gzip(GzEncoder<BufWriter<File>>),
}

impl Sink {
    fn write(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(text.as_bytes()),
            Self::Gzip(file) => file.write_all(text.as_bytes()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            // Flushing a compressor costs compression; its file is whole only at the end anyway.
            Self::Gzip(_) => Ok(()),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzip(file) => file.finish()?.flush(),
        }
    }
}

struct Writer<L> {
    /// `None` once writing failed: k6 too loses samples then and runs on.
    sink: Option<Sink>,
    lines: L,
    tally: Tally,
    flush_every: Duration,
    buffer: String,
    log: Arc<dyn Log>,
    trouble: &'static str,
}

impl<L: Lines> Writer<L> {
    fn run(mut self, batches: &Receiver<Arc<SampleBatch>>) {
        self.lines.head(&mut self.buffer);
        self.write();
        let mut flush_due = rt::now() + self.flush_every;
        loop {
            match batches.recv_timeout(flush_due.since(rt::now())) {
                Ok(batch) => self.batch(&batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if rt::now() >= flush_due {
                flush_due = rt::now() + self.flush_every;
                if let Some(Err(error)) = self.sink.as_mut().map(Sink::flush) {
                    self.fail(&error);
                }
            }
        }
        if let Some(Err(error)) = self.sink.take().map(Sink::finish) {
            self.fail(&error);
        }
    }

    fn batch(&mut self, batch: &SampleBatch) {
        let n = if self.sink.is_some() { self.lines.lines(batch, &mut self.buffer) } else { 0 };
        let is_written = self.write();
        self.tally.taken(batch.len() as u64);
        if is_written {
            self.tally.delivered(n);
        } else {
            self.tally.undelivered(batch.len() as u64);
        }
    }

    fn write(&mut self) -> bool {
        let result = self.sink.as_mut().map(|sink| sink.write(&self.buffer));
        self.buffer.clear();
        match result {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                self.fail(&error);
                false
            }
            None => false,
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.sink = None;
        self.log.log(Level::Error, self.trouble, &[("error", system_text(error))]);
    }
}
