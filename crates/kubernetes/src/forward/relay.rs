//! One connection on its way to a pod.
//!
//! A port-forward never says that it has reached the pod's port, only that it has not. So what the client sends is kept
//! until the pod answers: where a pod refuses or is gone before anything reached it, the connection goes to another one, and
//! the client notices nothing but time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::Api;
use kube::api::Portforwarder;
use rt::Nanos;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::resolve::{Endpoint, Nowhere, resolve};
use super::server::{Counters, Note, Teller};
use super::spec::ForwardSpec;
use crate::access::Cluster;
use crate::api::{ApiError, Ask, PODS};

/// How long a connection waits for a pod that takes it.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long opening a way to a pod may take.
const OPEN: Duration = Duration::from_secs(5);
/// How long the pods that were found are used before they are looked up again.
const FRESH: Duration = Duration::from_secs(5);
/// Pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What of a client's bytes is kept for another pod.
const MAX_KEPT: usize = 64 << 10;
const BLOCK: usize = 16 << 10;
/// After the client has ended its side, the pod is given up when it says nothing for so long: over WebSocket there is no
/// way to end one side alone.
const QUIET: Duration = Duration::from_secs(1);
/// How long the end of a way is waited for.
const ENDING: Duration = Duration::from_secs(1);
/// Of the same trouble is told at most so often.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Where the connections of one forward go.
pub(super) struct Route {
    pub(super) cluster: Cluster,
    pub(super) spec: ForwardSpec,
    pub(super) counters: Counters,
    pub(super) tell: Teller,
    pods: Mutex<Pods>,
}

#[derive(Default)]
struct Pods {
    list: Vec<Endpoint>,
    found: Option<Nanos>,
    next: usize,
    told: Option<Nanos>,
}

impl Route {
    pub(super) fn new(cluster: Cluster, spec: ForwardSpec, tell: Teller) -> Self {
        let (counters, pods) = (Counters::default(), Mutex::default());
        Self { cluster, spec, counters, tell, pods }
    }

    /// The pods that take connections now.
    pub(super) async fn pods(&self) -> Result<Vec<Endpoint>, Nowhere> {
        let mut pods = self.pods.lock().await;
        self.refresh(&mut pods).await?;
        Ok(pods.list.clone())
    }

    async fn refresh(&self, pods: &mut Pods) -> Result<(), Nowhere> {
        let is_fresh = pods.found.is_some_and(|found| rt::now().since(found) < FRESH);
        if is_fresh && !pods.list.is_empty() {
            return Ok(());
        }
        match resolve(&self.cluster, &self.spec).await {
            Ok(list) => {
                pods.list = list;
                pods.found = Some(rt::now());
                Ok(())
            }
            // The API server may be away for a moment; the pods are mostly still there.
            Err(error) if error.may_pass() && !pods.list.is_empty() => {
                pods.found = Some(rt::now());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The pod whose turn it is.
    async fn pick(&self) -> Result<Endpoint, Nowhere> {
        let mut pods = self.pods.lock().await;
        self.refresh(&mut pods).await?;
        pods.next = pods.next.wrapping_add(1);
        let nth = pods.next % pods.list.len().max(1);
        pods.list.get(nth).cloned().ok_or_else(|| Nowhere::NotNow("there is no pod".to_owned()))
    }

    /// A pod did not take a connection: the others are tried, and who is ready is looked up again.
    async fn failed(&self, endpoint: &Endpoint, why: &str) {
        let mut pods = self.pods.lock().await;
        pods.list.retain(|known| known != endpoint);
        pods.found = None;
        self.counters.retried.fetch_add(1, Ordering::Relaxed);
        if pods.told.is_none_or(|told| rt::now().since(told) >= TELL_EVERY) {
            pods.told = Some(rt::now());
            (self.tell)(Note::Retrying {
                forward: self.spec.to_string(),
                pod: endpoint.pod.clone(),
                why: why.to_owned(),
            });
        }
    }

    /// Opens a way to a pod.
    pub(super) async fn open(&self, endpoint: &Endpoint) -> Result<Portforwarder, ApiError> {
        let api: Api<KubePod> = Api::namespaced(self.cluster.client(), self.cluster.namespace());
        let ask = Ask { verb: "create", sub: "portforward", ..Ask::get(PODS, &endpoint.pod) };
        match timeout(OPEN, api.portforward(&endpoint.pod, &[endpoint.port])).await {
            Ok(Ok(forwarder)) => Ok(forwarder),
            Ok(Err(error)) => Err(self.cluster.upgrade_failure(&ask, &error)),
            Err(_) => Err(ApiError::TimedOut {
                what: format!("open a port-forward to pod {}", endpoint.pod),
                patience: OPEN,
            }),
        }
    }

    /// Carries a connection until either side ends it.
    pub(super) async fn carry(&self, mut conn: TcpStream) {
        let begun = rt::now();
        let mut kept = Kept::default();
        let mut pause = FIRST_PAUSE;
        let why = loop {
            let why = match self.pick().await {
                Ok(endpoint) => match self.through(&mut conn, &endpoint, &mut kept).await {
                    Carried::Done => return,
                    Carried::Broken(why) => break format!("pod {}: {why}", endpoint.pod),
                    Carried::NotTaken(why) => {
                        self.failed(&endpoint, &why).await;
                        format!("pod {}: {why}", endpoint.pod)
                    }
                    // One that has been idle for long is closed as its pod has closed it.
                    Carried::Unused if rt::now().since(begun) > PATIENCE => return,
                    Carried::Unused => {
                        let why = "it closed the connection before anything was sent";
                        self.failed(&endpoint, why).await;
                        format!("pod {}: {why}", endpoint.pod)
                    }
                },
                Err(error) if error.may_pass() => error.to_string(),
                Err(error) => break error.to_string(),
            };
            if rt::now().since(begun) + pause > PATIENCE {
                break why;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        self.counters.failed.fetch_add(1, Ordering::Relaxed);
        (self.tell)(Note::Failed { forward: self.spec.to_string(), why });
        // With an end instead of a reset the client would take it for an answer without content.
        let _ = conn.set_zero_linger();
    }

    async fn through(&self, conn: &mut TcpStream, endpoint: &Endpoint, kept: &mut Kept) -> Carried {
        let mut forwarder = match self.open(endpoint).await {
            Ok(forwarder) => forwarder,
            Err(error) => return Carried::NotTaken(error.to_string()),
        };
        let carried = pump(conn, &mut forwarder, endpoint.port, kept, &self.counters).await;
        // Its streams are gone, which ends it in order; if not, so.
        tokio::spawn(async move {
            sleep(ENDING).await;
            forwarder.abort();
        });
        carried
    }
}

/// What became of a connection on one way.
enum Carried {
    /// A side has ended it.
    Done,
    /// Nothing of it has reached the pod: another one can have it.
    NotTaken(String),
    /// The pod has closed it before the client has sent anything: another one can have it.
    Unused,
    /// It broke on the way.
    Broken(String),
}

/// What the client sent before the first answer.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// It sent more than is kept, or the pod has answered: no other pod can have it.
    is_spent: bool,
    /// It has ended its side.
    is_over: bool,
}

async fn pump(
    conn: &mut TcpStream,
    forwarder: &mut Portforwarder,
    port: u16,
    kept: &mut Kept,
    counters: &Counters,
) -> Carried {
    let (Some(stream), Some(refusal)) = (forwarder.take_stream(port), forwarder.take_error(port))
    else {
        return Carried::Broken("the port-forward has no such port".to_owned());
    };
    let (mut from_pod, mut to_pod) = tokio::io::split(stream);
    let (mut from_client, mut to_client) = conn.split();
    let (answered, down_bytes) = (AtomicBool::new(false), AtomicU64::new(0));
    let up = async {
        if to_pod.write_all(&kept.bytes).await.is_err() {
            return;
        }
        let mut block = vec![0; BLOCK];
        while !kept.is_over {
            let n = from_client.read(&mut block).await.unwrap_or(0);
            kept.is_over = n == 0;
            if answered.load(Ordering::Relaxed) || kept.bytes.len() + n > MAX_KEPT {
                kept.is_spent = true;
                kept.bytes = Vec::new();
            }
            if !kept.is_spent {
                kept.bytes.extend_from_slice(&block[..n]);
            }
            counters.up_bytes.fetch_add(n as u64, Ordering::Relaxed);
            if to_pod.write_all(&block[..n]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut block = vec![0; BLOCK];
        while let Ok(n @ 1..) = from_pod.read(&mut block).await {
            answered.store(true, Ordering::Relaxed);
            down_bytes.fetch_add(n as u64, Ordering::Relaxed);
            counters.down_bytes.fetch_add(n as u64, Ordering::Relaxed);
            if to_client.write_all(&block[..n]).await.is_err() {
                return true;
            }
        }
        false
    };
    let mut ending = None;
    {
        tokio::pin!(up, down, refusal);
        let (mut is_up, mut may_refuse) = (true, true);
        let mut seen = 0;
        while ending.is_none() {
            tokio::select! {
                biased;
                why = &mut refusal, if may_refuse => {
                    may_refuse = false;
                    ending = why.map(Ending::Refused);
                }
                is_client_gone = &mut down => {
                    ending = Some(if is_client_gone { Ending::Client } else { Ending::Pod });
                }
                () = &mut up, if is_up => is_up = false,
                () = sleep(QUIET), if !is_up => {
                    let now = down_bytes.load(Ordering::Relaxed);
                    ending = (std::mem::replace(&mut seen, now) == now).then_some(Ending::Client);
                }
            }
        }
    }
    let is_open = !answered.load(Ordering::Relaxed) && !kept.is_spent;
    match ending {
        Some(Ending::Refused(why)) if is_open && was_not_taken(&why) => {
            Carried::NotTaken(short(&why))
        }
        Some(Ending::Refused(why)) => Carried::Broken(short(&why)),
        // One that sent nothing yet has lost nothing.
        Some(Ending::Pod) if is_open && kept.bytes.is_empty() && !kept.is_over => Carried::Unused,
        _ => Carried::Done,
    }
}

enum Ending {
    /// The pod's side said why it can't.
    Refused(String),
    Pod,
    Client,
}

/// Whether an error of a port-forward says that the pod's port was not reached.
pub(super) fn was_not_taken(why: &str) -> bool {
    let signs =
        ["refused", "failed to connect", "not running", "not found", "no such", "unable to"];
    signs.iter().any(|sign| why.contains(sign))
}

/// A kubelet's error without what only its own log needs.
pub(super) fn short(why: &str) -> String {
    if why.contains("connection refused") {
        return "connection refused".to_owned();
    }
    why.trim().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_kubelets_are_understood() {
        let refused = "error forwarding port 8000 to pod 4b1c, uid : failed to execute portforward in network namespace \
            \"/var/run/netns/cni-1\": failed to connect to localhost:8000 inside namespace \"4b1c\", IPv4: dial tcp4 \
            127.0.0.1:8000: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found";
        assert!(was_not_taken(refused));
        assert_eq!(short(refused), "connection refused");
        let broken =
            "error forwarding port 8000 to pod 4b1c: read tcp4: connection reset by peer\n";
        assert!(!was_not_taken(broken));
        assert_eq!(short(broken), broken.trim());
    }
}
