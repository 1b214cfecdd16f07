//! The life of one connection: read, decide, answer, again.
//!
//! Requests without delay or fault are answered straight into one output buffer, which is written
//! once when no further whole request is buffered. Everything else takes the slow path, one step
//! after another, so that answers keep the order of pipelined requests.

use crate::answer::{Answer, BodyFraming, Persistence, TEXT};
use crate::book::{Book, Receipt};
use crate::decision::{Director, Ruling};
use crate::fault::{Close, Faults};
use crate::log::{Fault, method_code};
use crate::reader::{Reader, Ready, Refused, Request};
use crate::route::{Kind, Route};
use crate::service::{self, Origin};
use crate::stream::{BLOCK, Content, Stream};
use rt::Nanos;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The state that the server's thread and its handles share.
pub(crate) type SharedBook = Arc<Mutex<Book>>;

/// Locks the book; a panic elsewhere leaves counters, which stay usable.
pub(crate) fn lock(book: &SharedBook) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Written out when the output buffer grows beyond this, bytes.
const FLUSH_AT: usize = 64 * 1024;

/// What becomes of one request, once its answer is prepared.
struct Verdict {
    receipt: Receipt,
    due: Nanos,
    faults: Faults,
    is_status_injected: bool,
    is_head: bool,
    persistence: Persistence,
}

impl Verdict {
    fn is_plain(&self, answer: &Answer) -> bool {
        self.due == self.receipt.arrival
            && self.faults.close.is_none()
            && self.faults.rate_per_s.is_none()
            && (answer.stream.is_none() || self.is_head)
    }

    fn fault(&self) -> Fault {
        match self.faults.close {
            Some(close) => close.fault(),
            None if self.is_status_injected => Fault::Status,
            None => Fault::None,
        }
    }

    fn closes(&self) -> bool {
        self.persistence == Persistence::Close
    }
}

/// One accepted connection.
pub(crate) struct Connection {
    stream: rt::net::TcpStream,
    book: SharedBook,
    number: u32,
    peer: IpAddr,
    is_used: bool,
    reader: Reader,
    answer: Answer,
    out: Vec<u8>,
}

/// Whether the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    KeepOpen,
    Close,
}

impl Connection {
    pub(crate) fn new(
        stream: rt::net::TcpStream,
        book: SharedBook,
        number: u32,
        max_body: usize,
    ) -> Connection {
        let peer = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |addr| addr.ip());
        lock(&book).counts.connections_open += 1;
        Connection {
            stream,
            book,
            number,
            peer,
            is_used: false,
            reader: Reader::new(max_body),
            answer: Answer::new(),
            out: Vec::new(),
        }
    }

    /// Serves until either side closes. Errors of the socket end it silently: the log already says
    /// what was answered.
    pub(crate) async fn serve(mut self) {
        // Either ending is an ordinary end of a connection.
        let _ = self.run().await;
    }

    async fn run(&mut self) -> io::Result<()> {
        loop {
            match self.reader.poll() {
                Ok(Ready::Request) => {
                    if self.serve_one().await? == Next::Close {
                        return self.flush().await;
                    }
                    if let Some(session) = self.answer.upgrade.take()
                        && self.answer.status == 101
                    {
                        self.flush().await?;
                        let rest = self.reader.take_rest();
                        return session.serve(&mut self.stream, rest, &self.book).await;
                    }
                    if self.out.len() < FLUSH_AT {
                        continue;
                    }
                    self.flush().await?;
                    continue;
                }
                Ok(Ready::More) => {}
                Ok(Ready::MoreAfterContinue) => {
                    self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                }
                Err(refused) => return self.refuse(refused).await,
            }
            self.flush().await?;
            let n = self.stream.read(self.reader.room()).await?;
            if n == 0 {
                return Ok(());
            }
            self.reader.filled(n);
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let written = self.stream.write_all(&self.out).await;
        if self.out.capacity() > 4 * FLUSH_AT {
            self.out = Vec::new();
        }
        self.out.clear();
        written
    }

    /// Answers what is not a request we serve, and closes.
    async fn refuse(&mut self, refused: Refused) -> io::Result<()> {
        self.answer.reset();
        self.answer.error(refused.status, refused.reason);
        let receipt = Receipt {
            arrival: self.stream.last_recv(),
            injected_ns: 0,
            route: Route::Malformed,
            path: lock(&self.book).log.path_id(Route::Malformed, Route::Malformed.pattern()),
            method: method_code(b""),
            connection: self.number,
        };
        self.count_received();
        lock(&self.book).complete(&receipt, refused.status, Fault::None);
        let framing = self.answer.framing();
        self.answer.write_head(&mut self.out, framing, Persistence::Close, 0);
        self.out.extend_from_slice(&self.answer.body);
        self.flush().await?;
        self.stream.shutdown()?;
        // Closing with unread input would reset the connection before the answer is read.
        let drain = async {
            let mut sink = [0_u8; 4096];
            while self.stream.read(&mut sink).await? > 0 {}
            Ok(())
        };
        rt::timeout(Duration::from_secs(1), drain).await.unwrap_or(Ok(()))
    }

    fn count_received(&mut self) {
        let mut book = lock(&self.book);
        book.counts.received += 1;
        book.counts.connections_used += u64::from(!std::mem::replace(&mut self.is_used, true));
    }

    async fn serve_one(&mut self) -> io::Result<Next> {
        let Some(verdict) = self.judge() else { return Ok(Next::Close) };
        self.reader.consume();
        if !verdict.is_plain(&self.answer) {
            self.flush().await?;
            return self.perform(&verdict).await;
        }
        let framing = self.answer.framing();
        let padding = verdict.faults.padding_headers;
        self.answer.write_head(&mut self.out, framing, verdict.persistence, padding);
        if !verdict.is_head && framing != BodyFraming::None {
            self.out.extend_from_slice(&self.answer.body);
        }
        Ok(if verdict.closes() { Next::Close } else { Next::KeepOpen })
    }

    /// Decides on the buffered request and prepares its answer, all under one lock; a plain answer
    /// is entered in the log at once.
    fn judge(&mut self) -> Option<Verdict> {
        let request = self.reader.request()?;
        let origin = Origin { peer: self.peer, arrival: self.stream.last_recv() };
        self.answer.reset();
        let mut book = lock(&self.book);
        let verdict = decide(&request, origin, self.number, &mut book, &mut self.answer);
        if verdict.receipt.route.kind() == Kind::Service {
            book.counts.received += 1;
            book.counts.connections_used += u64::from(!std::mem::replace(&mut self.is_used, true));
        }
        if verdict.is_plain(&self.answer) {
            book.complete(&verdict.receipt, self.answer.status, verdict.fault());
        }
        Some(verdict)
    }

    /// The slow path: waits until the answer is due, then sends it as the faults want it.
    async fn perform(&mut self, verdict: &Verdict) -> io::Result<Next> {
        if verdict.faults.close == Some(Close::Never) {
            self.complete(verdict, 0);
            return self.wait_for_end().await;
        }
        wait_until(verdict.due).await;
        match verdict.faults.close {
            Some(Close::Before) => {
                self.complete(verdict, 0);
                return Ok(Next::Close);
            }
            Some(Close::Reset) => {
                self.stream.set_reset_on_close()?;
                self.complete(verdict, 0);
                return Ok(Next::Close);
            }
            Some(Close::Garbage) => {
                self.complete(verdict, 0);
                self.out.extend_from_slice(b"\x00\xff\x16\x03garbage, not HTTP\r\n\r\n\x80\x81\n");
                self.flush().await?;
                return Ok(Next::Close);
            }
            Some(Close::MidHead) => {
                self.complete(verdict, 0);
                self.out.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: text/pl");
                self.flush().await?;
                return Ok(Next::Close);
            }
            Some(Close::MidBody | Close::Never) | None => {}
        }
        self.send(verdict).await
    }

    fn complete(&self, verdict: &Verdict, status: u16) {
        lock(&self.book).complete(&verdict.receipt, status, verdict.fault());
    }

    /// Answers nothing and reads until the client gives up.
    async fn wait_for_end(&mut self) -> io::Result<Next> {
        let mut sink = [0_u8; 4096];
        while self.stream.read(&mut sink).await? > 0 {}
        Ok(Next::Close)
    }

    /// Sends head and body piece by piece; `?rate=` and drips say when each is due. The request is
    /// entered in the log just before the last write.
    async fn send(&mut self, verdict: &Verdict) -> io::Result<Next> {
        let is_cut = verdict.faults.close == Some(Close::MidBody);
        let mut framing = self.answer.framing();
        let whole = self.answer.body_len();
        if is_cut && let BodyFraming::Length(n) = &mut framing {
            // So that even an empty body has a middle.
            *n = (*n).max(2);
        }
        let padding = verdict.faults.padding_headers;
        self.answer.write_head(&mut self.out, framing, verdict.persistence, padding);
        if verdict.is_head || framing == BodyFraming::None {
            self.complete(verdict, self.answer.status);
            self.flush().await?;
            return Ok(if verdict.closes() || is_cut { Next::Close } else { Next::KeepOpen });
        }
        let body = std::mem::take(&mut self.answer.body);
        let stream = self.answer.stream.take().unwrap_or(Stream::Whole(body));
        // A cut chunked body stops after its first piece.
        let stop_at = is_cut.then(|| whole.map_or(1, |n| n / 2));
        let is_finished = self.send_body(verdict, stream, framing, stop_at).await?;
        if !is_finished {
            return Ok(Next::Close);
        }
        if framing == BodyFraming::Chunked {
            self.out.extend_from_slice(b"0\r\n\r\n");
        }
        self.complete(verdict, self.answer.status);
        self.flush().await?;
        Ok(if verdict.closes() { Next::Close } else { Next::KeepOpen })
    }

    /// Leaves the last piece in the output buffer. False when the body was cut at `stop_at`.
    async fn send_body(
        &mut self,
        verdict: &Verdict,
        stream: Stream,
        framing: BodyFraming,
        stop_at: Option<u64>,
    ) -> io::Result<bool> {
        let rate = verdict.faults.rate_per_s;
        // About a hundred pieces a second, so that a slow body is slow throughout.
        let limit = rate.map_or(BLOCK, |rate| (rate / 100).clamp(1, BLOCK as u64) as usize);
        let mut pieces = stream.pieces();
        let mut piece = Vec::new();
        let begun = rt::now();
        let mut sent = 0_u64;
        loop {
            let limit =
                stop_at.map_or(limit, |stop| limit.min(stop.saturating_sub(sent) as usize).max(1));
            let is_cut_here = stop_at.is_some_and(|stop| sent >= stop);
            piece.clear();
            let next = if is_cut_here { None } else { pieces.next(limit, &mut piece) };
            let Some(due_ns) = next else { break };
            sent += piece.len() as u64;
            // A piece goes out when its last byte is due: the whole body takes length / rate.
            let paced_ns =
                rate.map_or(0, |rate| (u128::from(sent) * 1_000_000_000 / u128::from(rate)) as u64);
            let due = begun + Duration::from_nanos(due_ns.max(paced_ns));
            if due > rt::now() {
                self.flush().await?;
                wait_until(due).await;
            }
            if self.out.len() + piece.len() > FLUSH_AT {
                self.flush().await?;
            }
            if framing == BodyFraming::Chunked {
                self.out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                piece.extend_from_slice(b"\r\n");
            }
            self.out.extend_from_slice(&piece);
        }
        if stop_at.is_some() {
            self.complete(verdict, self.answer.status);
            self.flush().await?;
        }
        Ok(stop_at.is_none())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut book = lock(&self.book);
        book.counts.connections_open = book.counts.connections_open.saturating_sub(1);
    }
}

/// Returns at `due` or later, never before: what is injected is a lower bound.
async fn wait_until(due: Nanos) {
    while rt::now() < due {
        rt::sleep_until_precise(due).await;
    }
}

/// Routes the request, rules on it and prepares its answer.
fn decide(
    request: &Request<'_>,
    origin: Origin,
    connection: u32,
    book: &mut Book,
    answer: &mut Answer,
) -> Verdict {
    let (path, query) = request.path_and_query();
    let route = Route::of(path.as_bytes());
    let kind = route.kind();
    if kind == Kind::Service && book.transcript.is_on() {
        book.transcript.record(connection, request);
    }
    let parsed = Faults::parse(route, query).and_then(|mut faults| {
        faults.delay_ns = faults.delay_ns.or(service::path_delay_ns(route, path)?);
        Ok(faults)
    });
    let (faults, problem) = match parsed {
        Ok(faults) => (faults, None),
        Err(problem) => (Faults::default(), Some(problem)),
    };
    let ruling = if kind == Kind::Service {
        book.director.rule(origin.arrival, &faults)
    } else {
        Director::bypass(origin.arrival, &faults)
    };
    prepare(request, route, origin, &ruling, &faults, book, answer);
    if let Some(problem) = problem {
        answer.reset();
        answer.error(400, &problem);
    }
    let persistence = match (request.keep_alive(), request.version_minor()) {
        (false, _) => Persistence::Close,
        (true, 0) => Persistence::KeepAlive,
        (true, _) => Persistence::Implied,
    };
    Verdict {
        receipt: Receipt {
            arrival: origin.arrival,
            injected_ns: ruling.due.since(origin.arrival).as_nanos() as u64,
            route,
            path: book.log.path_id(route, path),
            method: method_code(request.method()),
            connection,
        },
        due: ruling.due,
        faults,
        is_status_injected: ruling.status.is_some(),
        is_head: request.method() == b"HEAD",
        persistence,
    }
}

fn prepare(
    request: &Request<'_>,
    route: Route,
    origin: Origin,
    ruling: &Ruling,
    faults: &Faults,
    book: &mut Book,
    answer: &mut Answer,
) {
    match ruling.status {
        Some(status) if status < 400 => {
            service::answer(request, route, origin, book, answer);
            answer.status = status;
        }
        Some(status) => answer.error(status, "injected"),
        None => service::answer(request, route, origin, book, answer),
    }
    if let Some(len) = faults.size {
        answer.text(TEXT, b"");
        answer.stream = Some(Stream::Fill { len, content: Content::Text });
    }
}
