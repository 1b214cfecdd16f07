//! Kubernetes: a probe of autoscalers, deployments, pods, their use of CPU and memory, events and logs; port-forwards for
//! a run or in the background; programs executed in containers.
//!
//! Configuration, login, TLS and WebSocket are the `kube` crate's; what is read of objects are small types of ours
//! ([`object`]), so that a change of a pod costs microseconds. Every watch is a task that lists, watches, and begins again
//! where the server has forgotten; what the tasks see goes through one queue to the probe, which turns it into series
//! and events ([`picture`], which is pure).
//!
//! It must not know records, reports or the command line. `kube` reads `KUBECONFIG`, `HOME` and the variables of a pod by
//! itself, as every client of Kubernetes does; nothing else here reads the environment.
//!
//! Start reading at [`Cluster`] and `api` (requests, errors), `watch`, then [`KubernetesProbe`] and [`Forwards`].

mod access;
mod api;
mod check;
mod exec;
pub mod forward;
mod lines;
mod logs;
mod object;
mod picture;
mod probe;
mod quantity;
mod rollout;
mod selection;
mod stamp;
mod watch;

pub use access::{Access, AccessError, Cluster};
pub use api::ApiError;
pub use check::{CheckError, Checked, check};
pub use exec::{ExecError, Program, exec};
pub use forward::{ForwardError, ForwardSpec, Forwards};
pub use probe::KubernetesProbe;
pub use rollout::rollout;
