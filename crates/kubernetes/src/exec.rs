//! Programs executed in containers, as `kubectl exec` does: how databases that no port leads to are asked.

use std::convert::Infallible;

use http::StatusCode;
use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use kube::client::UpgradeConnectionError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::access::{Access, AccessError, Cluster, chain};
use crate::api::{ApiError, Ask, PODS};

/// How much of a stream waits to be read, bytes.
const BUFFER: usize = 64 << 10;

/// A program in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The pod.
    pub pod: String,
    /// The container; of a pod with one, it need not be named.
    pub container: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Whether it gets any input.
    pub has_input: bool,
}

/// Why a program did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// No cluster to ask.
    #[error(transparent)]
    Access(#[from] AccessError),
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
    /// What it printed can't be passed on.
    #[error("what `{program}` prints can't be passed on: {error}")]
    Output {
        /// The program.
        program: String,
        /// Why.
        error: String,
    },
    /// The system refuses.
    #[error("{0}")]
    System(String),
}

/// Executes a program in a container with these streams for its input, output and errors, until it ends; its exit code.
///
/// # Errors
/// There is no cluster, the program did not start, or the connection broke.
pub fn exec(
    access: &Access,
    program: &Program,
    streams: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin, impl AsyncWrite + Unpin),
) -> Result<i32, ExecError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| ExecError::System(error.to_string()))?;
    let outcome = runtime.block_on(async {
        let cluster = Cluster::choose(access).await?;
        cluster.exec(program, streams).await
    });
    // A read of standard input under way can't be ended.
    runtime.shutdown_background();
    outcome
}

impl Cluster {
    /// Executes a program in a container with these streams for its input, output and errors, until it ends; its exit
    /// code.
    ///
    /// # Errors
    /// It did not start, the connection broke, or what it prints could not be passed on.
    pub async fn exec(
        &self,
        program: &Program,
        (mut input, output, errors): (
            impl AsyncRead + Unpin,
            impl AsyncWrite + Unpin,
            impl AsyncWrite + Unpin,
        ),
    ) -> Result<i32, ExecError> {
        let pod = program.pod.as_str();
        let mut how = AttachParams::default()
            .stdin(program.has_input)
            .stdout(true)
            .stderr(true)
            .max_stdin_buf_size(BUFFER)
            .max_stdout_buf_size(BUFFER)
            .max_stderr_buf_size(BUFFER);
        if let Some(container) = &program.container {
            how = how.container(container);
        }
        let api: Api<KubePod> = Api::namespaced(self.client(), self.namespace());
        let ask = Ask { verb: "create", sub: "exec", ..Ask::get(PODS, pod) };
        let mut process = api
            .exec(pod, &program.command, &how)
            .await
            .map_err(|error| self.upgrade_failure(&ask, &error))?;
        let name = || program.command.first().cloned().unwrap_or_default();
        let broken = |error: String| ExecError::Broken { pod: pod.to_owned(), error };
        let status = process.take_status();
        let stdin = process.stdin();
        let stdout = AttachedProcess::stdout(&mut process);
        let stderr = AttachedProcess::stderr(&mut process);
        let feed = async {
            if let Some(mut stdin) = stdin {
                // One that reads nothing is not wrong.
                let _ = tokio::io::copy(&mut input, &mut stdin).await;
                let _ = stdin.shutdown().await;
            }
            // It is not the end of its input that ends a program.
            std::future::pending::<Infallible>().await
        };
        let pass = async { tokio::try_join!(pass(stdout, output), pass(stderr, errors)) };
        let passed = tokio::select! {
            never = feed => match never {},
            passed = pass => passed,
        };
        if let Err(error) = passed {
            process.abort();
            return Err(ExecError::Output { program: name(), error: error.to_string() });
        }
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
            return Ok(0);
        }
        let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
        let code = causes.iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
        let code = code.and_then(|cause| cause.message.as_deref()?.parse().ok());
        code.ok_or_else(|| ExecError::Start {
            program: name(),
            pod: pod.to_owned(),
            message: status.message.unwrap_or_default(),
        })
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

/// Passes a stream on to its end.
async fn pass(
    from: Option<impl AsyncRead + Unpin>,
    mut to: impl AsyncWrite + Unpin,
) -> std::io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut block = vec![0; BUFFER];
    // A stream that breaks has its status missing, which tells more.
    while let Ok(n @ 1..) = from.read(&mut block).await {
        to.write_all(&block[..n]).await?;
        to.flush().await?;
    }
    Ok(())
}
