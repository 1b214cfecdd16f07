//! What `squall demo-target` does with its flags.

use crate::control::{Control, ControlError, DelayPlan, StallPlan};
use crate::span;
use crate::target::{Target, TargetConfig, TargetHandle};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// The flags of `squall demo-target`, as the user wrote them.
#[derive(Clone, Debug)]
pub struct Command {
    /// `--listen`: `PORT` (on 127.0.0.1), `HOST:PORT` or `[V6]:PORT`; none means 8000 and 8080.
    pub listen: Vec<String>,
    /// `--grpc`: where gRPC is served, written alike, or `off`; by default 50051 if `listen` is
    /// empty too, else nowhere.
    pub grpc: Option<String>,
    /// `--pipeline-delay`: how long sums take to the totalizer.
    pub pipeline_delay: Option<String>,
    /// `--delay`: `off`, `mix` or a duration.
    pub delay: Option<String>,
    /// `--stall`: `AT:LENGTH`, e.g. `3s:1s`.
    pub stall: Option<String>,
    /// `--fail`: the share of requests that fail.
    pub fail: Option<f64>,
    /// `--fail-status`: their status; 503 by default.
    pub fail_status: Option<u16>,
    /// `--log-capacity`: how many requests are remembered; 0 for none, a million by default.
    pub log_capacity: Option<usize>,
    /// `--transcript`: keep requests as received for `/_transcript`.
    pub transcript: bool,
}

/// Why the target did not start.
#[derive(Debug)]
pub enum CommandError {
    /// A flag's value is wrong.
    Flag(String),
    /// An address can't be listened on.
    Listen(io::Error),
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CommandError::Flag(text) => f.write_str(text),
            CommandError::Listen(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommandError {}

impl From<ControlError> for CommandError {
    fn from(error: ControlError) -> CommandError {
        CommandError::Flag(error.to_string())
    }
}

/// Starts the target that the flags describe. The caller keeps the handle for as long as the target
/// is to run.
///
/// # Errors
/// When a flag is wrong or an address is taken.
pub fn command(flags: &Command) -> Result<TargetHandle, CommandError> {
    Target::start(config(flags)?).map_err(CommandError::Listen)
}

fn config(flags: &Command) -> Result<TargetConfig, CommandError> {
    let mut listen = Vec::new();
    for text in &flags.listen {
        listen.push(address(text)?);
    }
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let grpc = match flags.grpc.as_deref() {
        Some("off") => None,
        Some(text) => Some(address(text)?),
        None => listen.is_empty().then(|| local(TargetConfig::USUAL_GRPC_PORT)),
    };
    if listen.is_empty() {
        let usual = TargetConfig::USUAL_PORTS;
        listen.extend(usual.map(local));
    }
    let delay = flags.delay.as_deref().map_or(Ok(DelayPlan::Off), DelayPlan::parse)?;
    let stall = flags.stall.as_deref().map(stall).transpose()?;
    let pipeline = flags.pipeline_delay.as_deref().map(|text| {
        span::parse_ns(text).map(Duration::from_nanos).ok_or_else(|| {
            CommandError::Flag(format!("invalid pipeline delay `{text}`: it is a duration"))
        })
    });
    let mut config = TargetConfig::on(listen);
    config.grpc = grpc;
    config.pipeline_delay = pipeline.transpose()?.unwrap_or(config.pipeline_delay);
    config.control = Control::PLAIN.with(delay, stall).failing(flags.fail, flags.fail_status)?;
    config.log_capacity = flags.log_capacity.unwrap_or(config.log_capacity);
    config.transcript = flags.transcript;
    Ok(config)
}

fn stall(text: &str) -> Result<StallPlan, CommandError> {
    let (at, length) = text.split_once(':').ok_or_else(|| {
        CommandError::Flag(format!("invalid stall `{text}`: it is written AT:LENGTH, as in 3s:1s"))
    })?;
    Ok(StallPlan::parse(at, length)?)
}

/// Reads an address: `PORT` (on 127.0.0.1), `HOST:PORT` or `[V6]:PORT`.
///
/// # Errors
/// When it is neither.
pub fn address(text: &str) -> Result<SocketAddr, CommandError> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let resolved = text.to_socket_addrs().ok().and_then(|mut addrs| addrs.next());
    resolved.ok_or_else(|| {
        CommandError::Flag(format!("invalid address `{text}`: it is written PORT or HOST:PORT"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Command = Command {
        listen: Vec::new(),
        grpc: None,
        pipeline_delay: None,
        delay: None,
        stall: None,
        fail: None,
        fail_status: None,
        log_capacity: None,
        transcript: false,
    };

    #[test]
    fn no_flags_mean_the_seeds_ports_and_no_faults() {
        let config = config(&NONE).unwrap();
        let want = ["127.0.0.1:8000", "127.0.0.1:8080"].map(|text| text.parse().unwrap());
        assert_eq!(config.listen, want);
        assert_eq!(config.grpc, Some("127.0.0.1:50051".parse().unwrap()));
        assert_eq!(config.control, Control::PLAIN);
    }

    #[test]
    fn flags_become_modes() {
        let flags = Command {
            listen: vec!["0".into(), "127.0.0.2:81".into(), "[::1]:82".into()],
            grpc: Some("50052".into()),
            pipeline_delay: Some("50ms".into()),
            delay: Some("mix".into()),
            stall: Some("3s:500ms".into()),
            fail: Some(0.5),
            fail_status: Some(500),
            log_capacity: Some(0),
            transcript: true,
        };
        let config = config(&flags).unwrap();
        assert_eq!(config.listen[0], "127.0.0.1:0".parse().unwrap());
        assert_eq!(config.listen[2], "[::1]:82".parse().unwrap());
        assert_eq!(config.grpc, Some("127.0.0.1:50052".parse().unwrap()));
        assert_eq!(config.pipeline_delay, Duration::from_millis(50));
        assert_eq!(config.control.delay, DelayPlan::Mix);
        assert_eq!(config.control.stall.unwrap().length, Duration::from_millis(500));
        assert_eq!((config.control.fail, config.control.fail_status), (0.5, 500));
    }

    #[test]
    fn chosen_ports_leave_the_usual_port_of_grpc_alone() {
        let listen = vec!["0".to_owned()];
        assert_eq!(config(&Command { listen: listen.clone(), ..NONE }).unwrap().grpc, None);
        let off = Command { grpc: Some("off".into()), ..NONE };
        assert_eq!(config(&off).unwrap().grpc, None);
        let free = Command { listen, grpc: Some("0".into()), ..NONE };
        assert_eq!(config(&free).unwrap().grpc, Some("127.0.0.1:0".parse().unwrap()));
    }

    #[test]
    fn wrong_flags_are_named() {
        for (flags, word) in [
            (Command { listen: vec!["nowhere".into()], ..NONE }, "nowhere"),
            (Command { delay: Some("soon".into()), ..NONE }, "soon"),
            (Command { stall: Some("3s".into()), ..NONE }, "AT:LENGTH"),
            (Command { grpc: Some("nowhere".into()), ..NONE }, "nowhere"),
            (Command { pipeline_delay: Some("soon".into()), ..NONE }, "pipeline delay `soon`"),
            (Command { fail: Some(2.0), ..NONE }, "fail"),
        ] {
            assert!(config(&flags).unwrap_err().to_string().contains(word));
        }
    }
}
