//! Programs executed in containers.

use std::time::Duration;

use demo::cluster::{Cluster as Simulated, ClusterConfig, ClusterFault, ClusterHandle, Executed};
use kubernetes::{Cluster, ExecError, Program};
use tokio::io::AsyncWrite;

use crate::objects::pod;
use crate::watching::Kubeconfig;

const PATIENCE: Duration = Duration::from_secs(20);

/// What a program gave.
#[derive(Debug, PartialEq, Eq)]
struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    code: i32,
}

fn cluster(executes: bool) -> ClusterHandle {
    let cluster =
        Simulated::start(ClusterConfig { executes, ..ClusterConfig::on_free_port() }).unwrap();
    cluster.put("pods", pod("db-0", "db", true));
    cluster
}

fn exec(
    cluster: &ClusterHandle,
    pod: &str,
    command: &[&str],
    input: &str,
) -> Result<Output, ExecError> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = exec_into(cluster, (pod, command), input, &mut stdout, &mut stderr)?;
    Ok(Output { stdout, stderr, code })
}

fn exec_into(
    cluster: &ClusterHandle,
    (pod, command): (&str, &[&str]),
    input: &str,
    stdout: impl AsyncWrite + Unpin,
    stderr: impl AsyncWrite + Unpin,
) -> Result<i32, ExecError> {
    let kubeconfig = Kubeconfig::new(&cluster.kubeconfig());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let chosen = Cluster::choose(&kubeconfig.access()).await.unwrap();
        let program = Program {
            pod: pod.to_owned(),
            container: Some("app".to_owned()),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            has_input: !input.is_empty(),
        };
        let run = chosen.exec(&program, (input.as_bytes(), stdout, stderr));
        tokio::time::timeout(PATIENCE, run).await.expect("it ends")
    })
}

#[test]
fn output_errors_and_exit_code_come_back() {
    let cluster = cluster(false);
    let large = "row\n".repeat(100_000);
    let executed =
        Executed { stdout: large.clone().into_bytes(), stderr: b"note".to_vec(), code: 0 };
    cluster.answer_exec(&["psql", "-c", "select 1"], executed);
    let executed = Executed { stdout: Vec::new(), stderr: b"no such table".to_vec(), code: 3 };
    cluster.answer_exec(&["psql", "-c", "bad"], executed);
    let output = exec(&cluster, "db-0", &["psql", "-c", "select 1"], "").unwrap();
    assert_eq!(
        (output.stdout.len(), output.stderr.as_slice(), output.code),
        (large.len(), &b"note"[..], 0)
    );
    let output = exec(&cluster, "db-0", &["psql", "-c", "bad"], "").unwrap();
    assert_eq!((output.code, output.stderr.as_slice()), (3, &b"no such table"[..]));
}

#[test]
fn a_real_program_reads_what_it_is_fed() {
    let cluster = cluster(true);
    let output = exec(&cluster, "db-0", &["tr", "a-z", "A-Z"], "select 1;\n").unwrap();
    assert_eq!(output, Output { stdout: b"SELECT 1;\n".to_vec(), stderr: Vec::new(), code: 0 });
    let output =
        exec(&cluster, "db-0", &["sh", "-c", "echo out; echo err >&2; exit 7"], "").unwrap();
    assert_eq!(output, Output { stdout: b"out\n".to_vec(), stderr: b"err\n".to_vec(), code: 7 });
}

#[test]
fn what_can_not_start_says_why() {
    let cluster = cluster(false);
    let error = exec(&cluster, "db-0", &["psql"], "").unwrap_err().to_string();
    assert!(error.contains("`psql` can't be executed in pod db-0"), "{error}");
    assert!(error.contains("executable file not found"), "{error}");
    let error = exec(&cluster, "db-1", &["psql"], "").unwrap_err().to_string();
    assert!(error.contains("pods \"db-1\" not found"), "{error}");
    cluster.fail(ClusterFault::Forbidden {
        verb: "create".to_owned(),
        resource: "pods/exec".to_owned(),
    });
    let error = exec(&cluster, "db-0", &["psql"], "").unwrap_err().to_string();
    assert!(
        error.contains("kubectl auth can-i create pods --subresource=exec -n default"),
        "{error}"
    );
}

#[test]
fn a_program_is_left_when_nobody_takes_what_it_prints() {
    let cluster = cluster(true);
    let (output, taker) = tokio::io::duplex(64);
    drop(taker);
    let error = exec_into(&cluster, ("db-0", &["yes"]), "", output, tokio::io::sink());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("what `yes` prints can't be passed on"), "{error}");
}
