//! Standard output and error: who is a terminal, colours, and the progress block that log lines must not tear.
//!
//! On a terminal the progress block is the last thing on the screen. Whoever prints a line goes through
//! [`Terminal`], which writes the line over the block and draws the block again beneath it.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the process may do with its two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// Standard output is a terminal that understands escapes.
    pub(crate) stdout_tty: bool,
    /// Standard error is one.
    pub(crate) stderr_tty: bool,
    /// Colours are wanted.
    pub(crate) color: bool,
}

impl Abilities {
    /// Looks at the streams and at what the user asked for.
    pub(crate) fn detect(no_color: bool, dumb: bool) -> Self {
        Self {
            stdout_tty: io::stdout().is_terminal() && !dumb,
            stderr_tty: io::stderr().is_terminal() && !dumb,
            color: !no_color,
        }
    }

    /// Whether what goes to standard output may be coloured.
    pub(crate) fn stdout_color(self) -> bool {
        self.stdout_tty && self.color
    }
}

/// Input, output and errors of this process, for a program elsewhere that has them for its own; nothing else is printed then.
pub(crate) fn passed_on() -> (tokio::io::Stdin, tokio::io::Stdout, tokio::io::Stderr) {
    (tokio::io::stdin(), tokio::io::stdout(), tokio::io::stderr())
}

/// The two streams with the progress block. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    /// What the streams can do.
    pub(crate) abilities: Abilities,
    frame: Arc<Mutex<String>>,
}

impl Terminal {
    /// A terminal without a progress block.
    pub(crate) fn new(abilities: Abilities) -> Self {
        Self { abilities, frame: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        // The block is only ever replaced as a whole, so a panic elsewhere leaves nothing half-done.
        self.frame.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to standard output; on a terminal every line clears what the progress block left behind it.
    ///
    /// A reader that went away (`squall run … | head`) is not an error of the run.
    pub(crate) fn out(&self, text: &str) {
        let frame = self.lock();
        let mut stdout = io::stdout().lock();
        let _ = if self.abilities.stdout_tty {
            stdout.write_all(text.replace('\n', "\x1b[0K\n").as_bytes())
        } else {
            stdout.write_all(text.as_bytes())
        };
        let _ = stdout.write_all(frame.as_bytes());
        let _ = stdout.flush();
    }

    /// Writes bytes to standard output as they are (`handleSummary`'s, JSON meant for pipes).
    pub(crate) fn out_raw(&self, bytes: &[u8]) {
        let _guard = self.lock();
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(bytes);
        let _ = stdout.flush();
    }

    /// Writes to standard error, keeping the progress block below it.
    pub(crate) fn err(&self, text: &str) {
        let frame = self.lock();
        let mut stderr = io::stderr().lock();
        let _ = if self.abilities.stderr_tty {
            stderr.write_all(text.replace('\n', "\x1b[0K\n").as_bytes())
        } else {
            stderr.write_all(text.as_bytes())
        };
        if self.abilities.stderr_tty && !frame.is_empty() {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(frame.as_bytes());
            let _ = stdout.flush();
        }
    }

    /// Replaces the progress block and draws it. The block ends with the escape that moves the cursor to its start.
    pub(crate) fn draw(&self, block: String) {
        let mut frame = self.lock();
        *frame = block;
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(frame.as_bytes());
        let _ = stdout.flush();
    }

    /// Forgets the progress block, wiping it from the screen.
    pub(crate) fn clear(&self) {
        let mut frame = self.lock();
        if !frame.is_empty() {
            frame.clear();
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(b"\r\x1b[J");
            let _ = stdout.flush();
        }
    }

    /// Columns of the terminal on standard output; 80 where it can't be known.
    pub(crate) fn columns(&self) -> usize {
        crate::machine::terminal_columns().unwrap_or(80)
    }
}
