//! All that the target remembers, behind one lock that is taken once a request.

use crate::control::Control;
use crate::decision::Director;
use crate::exposition::Exposition;
use crate::grpc;
use crate::log::{Fault, Log, LogEntry, PathId, Record};
use crate::predict::Quality;
use crate::rollout::Rollout;
use crate::route::{Kind, Route};
use crate::stats::{Counts, Served};
use crate::target::TargetConfig;
use crate::totalizer::Totalizer;
use crate::trading::Trading;
use crate::transcript::Transcript;
use rt::Nanos;

/// The state of a target.
pub(crate) struct Book {
    pub(crate) director: Director,
    pub(crate) log: Log,
    pub(crate) counts: Counts,
    pub(crate) exposition: Exposition,
    pub(crate) transcript: Transcript,
    pub(crate) totalizer: Totalizer,
    pub(crate) trading: Trading,
    pub(crate) rollout: Rollout,
    pub(crate) quality: Quality,
    pub(crate) predictions: u64,
    pub(crate) grpc: grpc::Tally,
    /// Messages over WebSocket.
    pub(crate) ws_received: u64,
    pub(crate) ws_sent: u64,
    /// The number of the newest connection.
    pub(crate) next_connection: u32,
}

/// What the log has to know of a request once it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receipt {
    pub(crate) arrival: Nanos,
    pub(crate) injected_ns: u64,
    pub(crate) route: Route,
    pub(crate) path: PathId,
    pub(crate) method: u8,
    pub(crate) connection: u32,
}

impl Book {
    pub(crate) fn new(config: &TargetConfig, now: Nanos) -> Book {
        let capacity = if config.log { config.log_capacity } else { 0 };
        Book {
            director: Director::new(config.control),
            log: Log::new(capacity),
            counts: Counts::new(),
            exposition: Exposition::new(),
            transcript: Transcript::new(config.transcript),
            totalizer: Totalizer::new(now, config.pipeline_delay),
            trading: Trading::new(),
            rollout: Rollout::new(),
            quality: Quality::new(),
            predictions: 0,
            grpc: grpc::Tally::new(),
            ws_received: 0,
            ws_sent: 0,
            next_connection: 0,
        }
    }

    /// Enters a request whose answer is about to be handed to the kernel, or that ends without one
    /// (`status` 0). Entered before the last write, so that whoever has the answer finds it here.
    pub(crate) fn complete(&mut self, receipt: &Receipt, status: u16, fault: Fault) {
        if receipt.route.kind() != Kind::Service {
            return;
        }
        let now = rt::now();
        let since_arrival = now.0.saturating_sub(receipt.arrival.0);
        let arrival_unix_ns = rt::unix_nanos().saturating_sub(since_arrival);
        let actual_ns = if fault == Fault::Never { 0 } else { since_arrival };
        self.counts.complete(receipt.route, status);
        if fault != Fault::Never {
            self.exposition.observe(receipt.route, actual_ns);
        }
        self.log.push(Record {
            arrival_ns: receipt.arrival.0,
            arrival_unix_ns,
            injected_ns: receipt.injected_ns,
            actual_ns,
            connection: receipt.connection,
            path: receipt.path,
            status,
            route: receipt.route,
            method: receipt.method,
            fault,
        });
    }

    pub(crate) fn served(&self) -> Served {
        self.counts.served(self.log.next_seq())
    }

    pub(crate) fn entries(&self, since: u64) -> Vec<LogEntry> {
        self.log.records(since).map(|(seq, record)| self.log.entry(seq, record)).collect()
    }

    /// New modes, which begin to count requests from zero.
    pub(crate) fn set_control(&mut self, control: Control) {
        self.director = Director::new(control);
    }

    /// Forgets log, counts and transcript and rewinds the modes; the services' own state and the
    /// Prometheus counters go on.
    pub(crate) fn reset(&mut self) {
        self.log.clear();
        self.counts.clear();
        self.transcript.clear();
        self.director = Director::new(self.director.control());
    }
}
