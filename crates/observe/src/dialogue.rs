//! A conversation with a client program that runs next to a server: `docker exec -i db psql …`.
//!
//! The program is started once and asked again and again through its standard input. After each question it is made to
//! say a mark, so that the end of an answer is known. A question that is dropped halfway ends the program; the next one
//! starts another.

use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::probe::ProbeError;

/// Longest answer.
const MAX_ANSWER: u64 = 16 << 20;
/// What is kept of standard error.
const MAX_ERRORS: usize = 4 << 10;
/// How long standard error may lag behind standard output.
const ERROR_LAG: Duration = Duration::from_millis(200);

/// The program, and how it is started.
pub(crate) struct Dialogue {
    words: Vec<String>,
    variables: Vec<(String, String)>,
    /// A line that starts so is said instead of a mark.
    refusal: Option<&'static str>,
    running: Option<Running>,
    n_asked: u64,
}

struct Running {
    /// Killed when dropped.
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    errors: Errors,
    reader: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What the program wrote to standard error.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<String>>);

impl Errors {
    fn text(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer: lines, and what was written to standard error meanwhile.
pub(crate) struct Said {
    pub(crate) lines: Vec<String>,
    pub(crate) errors: String,
}

impl Dialogue {
    /// A program with these words, started when it is asked first, with these variables besides our own.
    pub(crate) fn new(words: Vec<String>, variables: Vec<(String, String)>) -> Self {
        Self { words, variables, refusal: None, running: None, n_asked: 0 }
    }

    /// The same, of a program that does not say marks either before it is logged in: this is what it says then.
    pub(crate) fn refused_by(self, start: &'static str) -> Self {
        Self { refusal: Some(start), ..self }
    }

    /// Whether the next question starts the program.
    pub(crate) fn is_fresh(&self) -> bool {
        self.running.is_none()
    }

    /// Asks; `mark` makes the command that lets the program say a word of its own line.
    ///
    /// # Errors
    /// The program can't be started, ends, or says too much.
    pub(crate) async fn ask(
        &mut self,
        question: &str,
        mark: impl Fn(&str) -> String,
    ) -> Result<Said, ProbeError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        self.n_asked += 1;
        let word = format!("squall_end_{}", self.n_asked);
        running.errors.text().clear();
        let text = format!("{question}\n{}\n", mark(&word));
        let mut lines = Vec::new();
        let outcome = converse(&mut running, &text, &word, self.refusal, &mut lines).await;
        if let Err(why) = outcome {
            tokio::time::sleep(ERROR_LAG).await;
            let status = running.child.try_wait().ok().flatten();
            let errors = running.errors.text().trim().to_owned();
            let why = if errors.is_empty() { why } else { errors };
            let code = status.map_or_else(String::new, |status| format!(" ({status})"));
            let program = self.words.join(" ");
            return Err(ProbeError::new(format!("`{program}` ended{code}: {}", one_line(&why))));
        }
        if lines.is_empty() && running.errors.text().is_empty() {
            tokio::time::sleep(ERROR_LAG).await;
        }
        let errors = one_line(&running.errors.text());
        self.running = Some(running);
        Ok(Said { lines, errors })
    }

    fn start(&self) -> Result<Running, ProbeError> {
        let (program, arguments) =
            self.words.split_first().ok_or_else(|| ProbeError::new("no command to start"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| ProbeError::new(format!("can't start `{program}`: {error}")))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(mut stderr)) = pipes else {
            return Err(ProbeError::new(format!("`{program}` has no pipes")));
        };
        let errors = Errors::default();
        let into = errors.clone();
        let reader = tokio::task::spawn_local(async move {
            let mut chunk = [0; 1024];
            while let Ok(n @ 1..) = stderr.read(&mut chunk).await {
                let mut errors = into.text();
                if errors.len() < MAX_ERRORS {
                    errors.push_str(&String::from_utf8_lossy(&chunk[..n]));
                }
            }
        });
        Ok(Running { child, input, output: BufReader::new(output), errors, reader })
    }
}

/// Writes the question and reads up to the mark; an error is why there is none.
async fn converse(
    running: &mut Running,
    text: &str,
    word: &str,
    refusal: Option<&str>,
    lines: &mut Vec<String>,
) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    running.input.write_all(text.as_bytes()).await.map_err(told)?;
    running.input.flush().await.map_err(told)?;
    let mut left = MAX_ANSWER;
    loop {
        let mut line = Vec::new();
        let n =
            (&mut running.output).take(left).read_until(b'\n', &mut line).await.map_err(told)?;
        if n == 0 {
            return Err("it has nothing more to say".to_owned());
        }
        left -= n as u64;
        if left == 0 {
            return Err(format!("its answer is over {MAX_ANSWER} bytes"));
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        // `redis-cli` puts what `ECHO` gives into quotes where it thinks of people.
        if line.trim_matches('"') == word {
            return Ok(());
        }
        lines.push(line.to_owned());
        if refusal.is_some_and(|start| line.trim_start_matches("(error) ").starts_with(start)) {
            return Err(lines.join(" "));
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;

    fn run<T>(body: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, body)
    }

    fn shell() -> Dialogue {
        Dialogue::new(vec!["sh".into()], vec![("SQUALL_TEST".into(), "yes".into())])
    }

    fn echo(word: &str) -> String {
        format!("echo {word}")
    }

    #[test]
    fn one_program_answers_many_questions() {
        run(async {
            let mut dialogue = shell();
            for n in 0..5 {
                let said = dialogue.ask("echo $SQUALL_TEST; n=$((n+1)); echo $n", echo).await;
                assert_eq!(said.unwrap().lines, ["yes".to_owned(), (n + 1).to_string()]);
            }
            let said = dialogue.ask("echo wrong >&2", echo).await.unwrap();
            assert_eq!((said.lines.len(), said.errors.as_str()), (0, "wrong"));
        });
    }

    #[test]
    fn a_program_that_ends_says_why_and_is_started_again() {
        run(async {
            let mut dialogue = shell();
            let error =
                dialogue.ask("echo 'no such database' >&2; exit 2", echo).await.err().unwrap();
            assert!(error.to_string().contains("(exit status: 2): no such database"), "{error}");
            assert_eq!(dialogue.ask("echo 1", echo).await.unwrap().lines, ["1"]);
            let missing = vec!["/nonexistent/psql".to_owned()];
            let error = Dialogue::new(missing, Vec::new()).ask("", echo).await.err().unwrap();
            assert!(error.to_string().starts_with("can't start `/nonexistent/psql`"), "{error}");
        });
    }

    #[test]
    fn a_program_that_lets_nobody_in_does_not_say_marks() {
        run(async {
            let mut dialogue = shell().refused_by("NOAUTH");
            let shut = |_: &str| "echo NOAUTH login first".to_owned();
            let error = dialogue.ask("echo WRONGPASS", shut).await.err().unwrap().to_string();
            assert!(error.contains("WRONGPASS NOAUTH login first"), "{error}");
        });
    }

    #[test]
    fn a_question_that_is_dropped_ends_the_program() {
        run(async {
            let mut dialogue = shell();
            let waiting = dialogue.ask("sleep 60", echo);
            assert!(tokio::time::timeout(Duration::from_millis(50), waiting).await.is_err());
            assert!(dialogue.is_fresh());
            assert_eq!(dialogue.ask("echo 2", echo).await.unwrap().lines, ["2"]);
        });
    }
}
