//! Ports of this machine that lead to pods, as `kubectl port-forward` makes them, and better suited to load: each
//! connection goes to another of the service's ready pods, and a pod that restarts costs the connections that were open,
//! not the forward.
//!
//! [`ForwardSpec`] says what is wanted, `resolve` finds the pods, `relay` carries a connection, [`Forwards`] is the thread
//! they live on.

mod relay;
mod resolve;
mod server;
mod spec;

pub use server::{ForwardError, Forwarded, Forwards, Note, Tally};
pub use spec::{ForwardSpec, Port, SpecError, TargetKind};
