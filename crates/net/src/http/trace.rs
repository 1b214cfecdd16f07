//! The moments of an exchange, noted while it runs so that a time-out finds them.

use std::cell::Cell;
use std::time::Duration;

use rt::Nanos;

use super::exchange::Timings;
use crate::stream::{Meter, Phases, Traffic};

/// One exchange's moments. Zero means "has not happened".
#[derive(Debug)]
pub(crate) struct Trace<'a> {
    traffic: &'a Traffic,
    sent: Cell<u64>,
    received: Cell<u64>,
    asked: Nanos,
    connect_start: Cell<Nanos>,
    connect_done: Cell<Nanos>,
    tls_start: Cell<Nanos>,
    tls_done: Cell<Nanos>,
    got: Cell<Nanos>,
    /// Where `sending` begins: TLS done, else connected, else the kept connection taken.
    send_base: Cell<Nanos>,
    write_start: Cell<Nanos>,
    wrote: Cell<Nanos>,
    first_byte: Cell<Nanos>,
    last_byte: Cell<Nanos>,
    clamped: Cell<u32>,
}

const NEVER: Nanos = Nanos(0);

impl<'a> Trace<'a> {
    pub(crate) fn new(traffic: &'a Traffic) -> Trace<'a> {
        let never = || Cell::new(NEVER);
        Trace {
            traffic,
            sent: Cell::new(0),
            received: Cell::new(0),
            asked: rt::now(),
            connect_start: never(),
            connect_done: never(),
            tls_start: never(),
            tls_done: never(),
            got: never(),
            send_base: never(),
            write_start: never(),
            wrote: never(),
            first_byte: never(),
            last_byte: never(),
            clamped: Cell::new(0),
        }
    }

    pub(crate) fn asked(&self) -> Nanos {
        self.asked
    }

    /// A new connection stands.
    pub(crate) fn got_new(&self) {
        let now = rt::now();
        let ready = self.tls_done.get().max(self.connect_done.get());
        self.got(now, if ready == NEVER { now } else { ready });
    }

    /// A kept connection was taken at `now`.
    pub(crate) fn got_kept(&self, now: Nanos) {
        self.got(now, now);
    }

    fn got(&self, now: Nanos, base: Nanos) {
        self.got.set(now);
        self.send_base.set(base);
        self.write_start.set(now);
        self.wrote.set(NEVER);
        self.first_byte.set(NEVER);
        self.last_byte.set(NEVER);
    }

    /// Whether connecting has begun and not ended.
    pub(crate) fn is_dialing(&self) -> bool {
        self.connect_start.get() != NEVER && self.connect_done.get() == NEVER
    }

    pub(crate) fn has_connection(&self) -> bool {
        self.got.get() != NEVER
    }

    pub(crate) fn request_written(&self) {
        self.wrote.set(rt::now());
    }

    /// The request was written at that moment, as was learned later.
    pub(crate) fn request_written_at(&self, at: Nanos) {
        self.wrote.set(at);
    }

    /// Bytes of a response were read; the kernel says they arrived at `stamp`.
    pub(crate) fn response_bytes(&self, stamp: Nanos) {
        // The stamp's own upper bound, the time of the read, was checked by the socket.
        let earliest = self.last_byte.get().max(self.write_start.get());
        let at = if stamp < earliest {
            self.clamped.set(self.clamped.get() + 1);
            earliest
        } else {
            stamp
        };
        if self.first_byte.get() == NEVER {
            self.first_byte.set(at);
        }
        self.last_byte.set(at);
    }

    /// Bytes of the client so far, sent and received.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        (self.traffic.sent(), self.traffic.received())
    }

    /// Takes what the client has sent and received since then for this exchange's.
    pub(crate) fn count_since(&self, (sent, received): (u64, u64)) {
        self.sent.set(self.sent.get() + self.traffic.sent() - sent);
        self.received.set(self.received.get() + self.traffic.received() - received);
    }

    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.sent.get(), self.received.get())
    }

    /// When the response was complete by the kernel's stamps.
    pub(crate) fn response_end(&self) -> Nanos {
        self.last_byte.get().max(self.wrote.get())
    }

    /// The phases of an exchange that ended at `ended`.
    pub(crate) fn timings(&self, ended: Nanos) -> Timings {
        let between = |from: Nanos, to: Nanos| {
            if from == NEVER || to == NEVER { Duration::ZERO } else { to.since(from) }
        };
        let (wrote, first) = (self.wrote.get(), self.first_byte.get());
        let until = if first == NEVER { ended } else { first };
        Timings {
            started: self.asked,
            ended,
            blocked: between(self.asked, self.got.get()),
            connecting: between(self.connect_start.get(), self.connect_done.get()),
            tls_handshaking: between(self.tls_start.get(), self.tls_done.get()),
            sending: between(self.send_base.get(), wrote),
            waiting: between(wrote, until),
            receiving: between(first, ended),
            clamped: self.clamped.get(),
        }
    }
}

impl Meter for Trace<'_> {
    fn count_sent(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
        self.traffic.count_sent(bytes);
    }

    fn count_received(&self, bytes: usize) {
        self.received.set(self.received.get() + bytes as u64);
        self.traffic.count_received(bytes);
    }
}

impl Phases for Trace<'_> {
    fn connect_started(&self) {
        self.connect_start.set(rt::now());
        // A kept connection may have turned out to be dead before.
        self.got.set(NEVER);
        self.connect_done.set(NEVER);
        self.tls_start.set(NEVER);
        self.tls_done.set(NEVER);
    }

    fn connected(&self) {
        self.connect_done.set(rt::now());
    }

    fn tls_started(&self) {
        self.tls_start.set(rt::now());
    }

    fn tls_finished(&self) {
        self.tls_done.set(rt::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(traffic: &Traffic) -> Trace<'_> {
        let trace = Trace::new(traffic);
        trace.send_base.set(Nanos(1_000));
        trace.got.set(Nanos(1_100));
        trace.write_start.set(Nanos(1_100));
        trace.wrote.set(Nanos(1_500));
        Trace { asked: Nanos(100), ..trace }
    }

    #[test]
    fn phases_follow_k6s_definitions() {
        let traffic = Traffic::default();
        let t = trace(&traffic);
        t.response_bytes(Nanos(2_000));
        t.response_bytes(Nanos(2_600));
        let timings = t.timings(t.response_end());
        let ns = |d: Duration| d.as_nanos();
        assert_eq!(ns(timings.blocked), 1_000);
        assert_eq!(ns(timings.sending), 500);
        assert_eq!(ns(timings.waiting), 500);
        assert_eq!(ns(timings.receiving), 600);
        assert_eq!(ns(timings.duration()), 1_600);
        assert_eq!((timings.ended, timings.clamped), (Nanos(2_600), 0));
    }

    #[test]
    fn without_a_byte_waiting_lasts_until_the_end() {
        let traffic = Traffic::default();
        let timings = trace(&traffic).timings(Nanos(9_500));
        assert_eq!(timings.waiting, Duration::from_nanos(8_000));
        assert_eq!(timings.receiving, Duration::ZERO);
    }

    #[test]
    fn an_answer_before_the_request_was_written_makes_waiting_zero() {
        let traffic = Traffic::default();
        let t = trace(&traffic);
        t.response_bytes(Nanos(1_200));
        let timings = t.timings(t.response_end());
        assert_eq!((timings.waiting, timings.clamped), (Duration::ZERO, 0));
        assert_eq!(timings.ended, Nanos(1_500));
    }

    #[test]
    fn impossible_stamps_are_clamped_and_counted() {
        let traffic = Traffic::default();
        let t = trace(&traffic);
        t.response_bytes(Nanos(900));
        t.response_bytes(Nanos(700));
        assert_eq!((t.first_byte.get(), t.clamped.get()), (Nanos(1_100), 2));
    }
}
