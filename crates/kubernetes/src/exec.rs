//! Programs executed in containers, as `kubectl exec` does: how databases that no port leads to are asked.

use std::time::Duration;

use http::StatusCode;
use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use kube::client::UpgradeConnectionError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::access::{Cluster, chain};
use crate::api::{ApiError, Ask, PODS};

/// The most of a stream that is kept, bytes; a program that prints more is stopped.
const MAX_OUTPUT: u64 = 4 << 20;
/// How much of a stream waits to be read, bytes.
const BUFFER: usize = 64 << 10;

/// What a program gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub code: i32,
}

/// Why a program did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// The API server did not let it start.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The container has no such program, or it could not be started.
    #[error("`{program}` can't be executed in pod {pod}: {message}")]
    Start {
        /// The program.
        program: String,
        /// The pod.
        pod: String,
        /// The kubelet's words.
        message: String,
    },
    /// The connection broke.
    #[error("the connection to pod {pod} broke: {error}")]
    Broken {
        /// The pod.
        pod: String,
        /// Why.
        error: String,
    },
    /// It took too long.
    #[error("`{program}` in pod {pod} took more than {} s", patience.as_secs())]
    TimedOut {
        /// The program.
        program: String,
        /// The pod.
        pod: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// It printed more than is kept.
    #[error("`{program}` in pod {pod} printed more than {} MiB", MAX_OUTPUT >> 20)]
    TooMuch {
        /// The program.
        program: String,
        /// The pod.
        pod: String,
    },
}

impl Cluster {
    /// Executes a program in a container (of a pod with one, it need not be named), feeds it `input`, and waits for its
    /// end. An exit code that is not zero is no error.
    ///
    /// # Errors
    /// It did not start or did not end, or printed too much.
    pub async fn exec(
        &self,
        pod: &str,
        container: Option<&str>,
        command: &[&str],
        input: &[u8],
        patience: Duration,
    ) -> Result<Output, ExecError> {
        let run = self.run(pod, container, command, input);
        match timeout(patience, run).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ExecError::TimedOut {
                program: program(command),
                pod: pod.to_owned(),
                patience,
            }),
        }
    }

    async fn run(
        &self,
        pod: &str,
        container: Option<&str>,
        command: &[&str],
        input: &[u8],
    ) -> Result<Output, ExecError> {
        let mut how = AttachParams::default()
            .stdin(!input.is_empty())
            .stdout(true)
            .stderr(true)
            .max_stdin_buf_size(BUFFER)
            .max_stdout_buf_size(BUFFER)
            .max_stderr_buf_size(BUFFER);
        if let Some(container) = container {
            how = how.container(container);
        }
        let api: Api<KubePod> = Api::namespaced(self.client(), self.namespace());
        let ask = Ask { verb: "create", sub: "exec", ..Ask::get(PODS, pod) };
        let mut process = api
            .exec(pod, command.iter().copied(), &how)
            .await
            .map_err(|error| self.upgrade_failure(&ask, &error))?;
        let broken = |error: String| ExecError::Broken { pod: pod.to_owned(), error };
        let status = process.take_status();
        let stdin = process.stdin();
        let stdout = AttachedProcess::stdout(&mut process);
        let stderr = AttachedProcess::stderr(&mut process);
        let feed = async {
            if let Some(mut stdin) = stdin {
                // One that reads nothing is not wrong.
                let _ = stdin.write_all(input).await;
                let _ = stdin.shutdown().await;
            }
            Ok::<(), ()>(())
        };
        let Ok(((), stdout, stderr)) = tokio::try_join!(feed, read(stdout), read(stderr)) else {
            process.abort();
            return Err(ExecError::TooMuch { program: program(command), pod: pod.to_owned() });
        };
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        let Some(status) = status else {
            let error = match process.join().await {
                Ok(()) => "it ended without saying how".to_owned(),
                Err(error) => chain(&error),
            };
            return Err(broken(error));
        };
        if status.status.as_deref() == Some("Success") {
            return Ok(Output { stdout, stderr, code: 0 });
        }
        let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
        let code = causes.iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
        let code = code.and_then(|cause| cause.message.as_deref()?.parse().ok());
        match code {
            Some(code) => Ok(Output { stdout, stderr, code }),
            None => Err(ExecError::Start {
                program: program(command),
                pod: pod.to_owned(),
                message: status.message.unwrap_or_default(),
            }),
        }
    }

    /// What a WebSocket that was not opened means. The client does not keep the server's words.
    pub(crate) fn upgrade_failure(&self, ask: &Ask<'_>, error: &kube::Error) -> ApiError {
        match error {
            kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) => {
                let message = match *code {
                    StatusCode::FORBIDDEN => "the API server answered 403 Forbidden".to_owned(),
                    StatusCode::NOT_FOUND => "there is no such pod".to_owned(),
                    StatusCode::BAD_REQUEST => "the pod does not run".to_owned(),
                    code => format!("the WebSocket was refused with {code}"),
                };
                self.refusal(ask, *code, message, None)
            }
            kube::Error::Api(status) => {
                let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::BAD_GATEWAY);
                self.refusal(ask, code, status.message.clone(), None)
            }
            kube::Error::Auth(error) => ApiError::Login(chain(error)),
            other => {
                ApiError::Unreachable { server: self.server().to_owned(), error: chain(other) }
            }
        }
    }
}

fn program(command: &[&str]) -> String {
    command.first().copied().unwrap_or_default().to_owned()
}

/// Reads a stream to its end; an error if it is too long.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, ()> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        // A stream that breaks has its status missing.
        let _ = stream.take(MAX_OUTPUT + 1).read_to_end(&mut bytes).await;
    }
    if bytes.len() as u64 > MAX_OUTPUT { Err(()) } else { Ok(bytes) }
}
