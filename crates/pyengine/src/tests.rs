//! The engine over real sockets, run from outside as gevent runs it: wait for its descriptor, turn, ask who is ready.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use net::http::Method;
use net::tls::{TlsConfig, TlsOptions};
use rt::Nanos;
use rt::thread::start;

use crate::engine::{ClientConfig, Engine, Order, Retry};
use crate::head::{self, Draft, Lines};
use crate::outcome::{Failure, Outcome, Slot};
use crate::target::Target;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// A server that answers each connection with a script of its own, in a thread; it tells what it read.
fn server(
    script: impl Fn(usize, TcpStream, &dyn Fn(Vec<u8>)) + Send + 'static,
) -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, seen) = channel();
    start("server", move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { return };
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            script(number, stream, &|bytes| drop(told.send(bytes)));
        }
    })
    .unwrap();
    (address, seen)
}

/// Reads one request without a body; `None` at the end of the connection.
fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut byte = [0; 1];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return None,
        }
    }
    Some(request)
}

fn config(retry: Retry) -> Arc<ClientConfig> {
    Arc::new(ClientConfig {
        max_idle: 10,
        max_open: None,
        retry,
        connect_timeout: None,
        read_timeout: None,
        tls: Arc::new(TlsConfig::new(&TlsOptions::new()).unwrap()),
    })
}

fn get(target: &Target) -> Order {
    let lines = Lines::default();
    let draft = Draft {
        method: "GET",
        target,
        lines: &lines,
        extras: &[],
        cookie: None,
        authorization: None,
        body: None,
        content_type: None,
        tells_zero: false,
    };
    let mut bytes = Vec::new();
    head::write(&draft, head::Order::HostFirst, &mut bytes).unwrap();
    Order {
        method: Method::Get,
        bytes,
        repeatable: true,
        addresses: Vec::new(),
        connect_timeout: None,
        read_timeout: None,
        started: Nanos(0),
    }
}

/// One user: an engine and a client.
struct User {
    engine: Engine<u32>,
    config: Arc<ClientConfig>,
    next: u32,
}

impl User {
    fn new(config: Arc<ClientConfig>) -> User {
        User { engine: Engine::new().unwrap(), config, next: 0 }
    }

    fn ask(&mut self, target: &Target) -> Arc<Slot<u32>> {
        self.ask_with(target, get(target))
    }

    fn ask_with(&mut self, target: &Target, order: Order) -> Arc<Slot<u32>> {
        self.next += 1;
        self.engine.submit(1, &self.config, target.origin(), order, self.next).unwrap()
    }

    /// Turns the engine until somebody is ready.
    fn ready(&self) -> u32 {
        for _ in 0..20_000 {
            self.engine.turn();
            if let Some(waiter) = self.engine.next_ready() {
                return waiter;
            }
            pause();
        }
        panic!("nobody became ready");
    }

    fn answer(&mut self, target: &Target) -> Outcome {
        let slot = self.ask(target);
        assert_eq!(self.ready(), self.next);
        slot.take().unwrap()
    }
}

/// A moment in which other threads run.
fn pause() {
    let (_keep, nothing) = channel::<()>();
    let _ = nothing.recv_timeout(Duration::from_millis(1));
}

fn target(address: SocketAddr) -> Target {
    Target::plain(&format!("http://{address}/a")).unwrap()
}

fn answer_all(mut stream: TcpStream, told: &dyn Fn(Vec<u8>)) {
    while let Some(request) = read_request(&mut stream) {
        told(request);
        stream.write_all(OK).unwrap();
    }
}

#[test]
fn requests_go_out_one_after_the_other_on_one_connection() {
    let (address, seen) = server(|_, stream, told| answer_all(stream, told));
    let mut user = User::new(config(Retry::Never));
    let target = target(address);
    for _ in 0..3 {
        let outcome = user.answer(&target);
        assert_eq!((outcome.response.status, outcome.response.body()), (200, &b"hi"[..]));
        assert_eq!(outcome.failure, None);
        assert!(outcome.started <= outcome.first_byte && outcome.first_byte <= outcome.ended);
        let request = seen.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(request, outcome.sent);
    }
    assert_eq!(user.engine.connections(), 1);
}

#[test]
fn requests_at_once_have_connections_of_their_own_up_to_the_limit() {
    // Each connection is served to its end before the next: with one too many, nobody would be answered.
    let (address, _seen) = server(|_, stream, told| answer_all(stream, told));
    let limited = ClientConfig { max_open: Some(1), ..(*config(Retry::Never)).clone() };
    let mut user = User::new(Arc::new(limited));
    let target = target(address);
    let slots: Vec<_> = (0..5).map(|_| user.ask(&target)).collect();
    for expected in 1..=5 {
        assert_eq!(user.ready(), expected);
    }
    assert!(slots.iter().all(|slot| slot.take().unwrap().failure.is_none()));
    assert_eq!(user.engine.connections(), 1);
}

#[test]
fn a_connection_the_server_closes_is_not_tried_again() {
    let (address, _seen) = server(|_, mut stream, told| {
        told(read_request(&mut stream).unwrap());
        stream.write_all(OK).unwrap();
    });
    let mut user = User::new(config(Retry::Never));
    let target = target(address);
    for _ in 0..3 {
        assert_eq!(user.answer(&target).failure, None);
        // Long enough for the kernel to be asked.
        pause();
        pause();
    }
}

#[test]
fn failures_are_told_by_their_kind() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let mut user = User::new(config(Retry::Never));
    assert_eq!(user.answer(&target(refused)).failure, Some(Failure::Connect(111)));
    let answers: [(&[u8], Failure); 4] = [
        (b"", Failure::Closed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", Failure::Incomplete),
        (b"garbage\r\n\r\n", Failure::Malformed("garbage\r\n".into())),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", Failure::Incomplete),
    ];
    for (answer, failure) in answers {
        let (address, _seen) = server(move |_, mut stream, told| {
            told(read_request(&mut stream).unwrap());
            stream.write_all(answer).unwrap();
        });
        let outcome = user.answer(&target(address));
        assert_eq!(outcome.failure, Some(failure));
    }
}

#[test]
fn a_server_that_is_silent_for_too_long_is_a_read_timeout() {
    let (address, _seen) = server(|_, mut stream, told| {
        told(read_request(&mut stream).unwrap());
        stream.write_all(OK).unwrap();
        // Keeps the connection until the client closes it.
        drop(stream.read(&mut [0; 1000]));
        drop(stream.read(&mut [0; 1000]));
    });
    let mut user = User::new(config(Retry::Never));
    let target = target(address);
    assert_eq!(user.answer(&target).failure, None);
    let order = Order { read_timeout: Some(Duration::from_millis(20)), ..get(&target) };
    let slot = user.ask_with(&target, order);
    user.ready();
    let outcome = slot.take().unwrap();
    assert_eq!(outcome.failure, Some(Failure::ReadTimeout));
    assert!(outcome.elapsed_ms() >= 20.0);
}

#[test]
fn who_gives_up_is_not_woken_and_his_connection_is_closed() {
    let (address, seen) = server(|number, mut stream, told| {
        let request = read_request(&mut stream).unwrap();
        if number == 0 {
            told(request);
            // The end of the connection, which nobody else caused.
            assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0);
            told(b"closed".to_vec());
        } else {
            stream.write_all(OK).unwrap();
        }
    });
    let mut user = User::new(config(Retry::Never));
    let target = target(address);
    let slot = user.ask(&target);
    let mut request = None;
    for _ in 0..10_000 {
        user.engine.turn();
        pause();
        request = seen.try_recv().ok();
        if request.is_some() {
            break;
        }
    }
    assert!(request.is_some());
    assert_eq!(user.engine.cancel(&slot), Some(1));
    user.engine.turn();
    assert_eq!(seen.recv_timeout(Duration::from_secs(10)).unwrap(), b"closed");
    assert_eq!(user.engine.connections(), 0);
    assert_eq!(user.answer(&target).failure, None);
    assert!(slot.take().is_none());
}

#[test]
fn what_may_be_repeated_is_tried_on_a_new_connection_when_the_kept_one_died() {
    for (retry, failure) in [(Retry::Repeatable(1), None), (Retry::Never, Some(Failure::Closed))] {
        // With and without a rest that is long enough for the connection to be looked at before it is used.
        for rests in [false, true] {
            // The first connection is closed when its second request has come.
            let (address, seen) = server(|number, mut stream, told| {
                told(read_request(&mut stream).unwrap());
                stream.write_all(OK).unwrap();
                if number == 0 {
                    told(read_request(&mut stream).unwrap());
                }
            });
            let mut user = User::new(config(retry));
            assert_eq!(user.answer(&target(address)).failure, None);
            if rests {
                pause();
                pause();
            }
            assert_eq!(user.answer(&target(address)).failure, failure);
            // Nothing that came to the server went out a second time but by that rule.
            let n_more = if failure.is_none() { 3 } else { 2 };
            assert_eq!(seen.iter().take(n_more).count(), n_more);
            assert!(seen.try_recv().is_err());
        }
    }
}

#[test]
fn what_may_be_repeated_is_given_up_after_so_many_times() {
    let (address, seen) = server(|_, mut stream, told| told(read_request(&mut stream).unwrap()));
    let mut user = User::new(config(Retry::Repeatable(3)));
    assert_eq!(user.answer(&target(address)).failure, Some(Failure::Closed));
    assert_eq!(seen.try_iter().count(), 4);
    let order = Order { repeatable: false, ..get(&target(address)) };
    let slot = user.ask_with(&target(address), order);
    user.ready();
    assert_eq!(slot.take().unwrap().failure, Some(Failure::Closed));
    assert_eq!(seen.try_iter().count(), 1);
}

#[test]
fn a_server_that_closes_after_each_answer_without_a_word_is_no_failure() {
    let (address, _seen) = server(|_, mut stream, told| {
        told(read_request(&mut stream).unwrap());
        stream.write_all(OK).unwrap();
    });
    let mut user = User::new(config(Retry::Never));
    let target = target(address);
    for _ in 0..50 {
        assert_eq!(user.answer(&target).failure, None);
    }
}

#[test]
fn a_name_needs_addresses() {
    let (address, _seen) = server(|_, stream, told| answer_all(stream, told));
    let mut user = User::new(config(Retry::Never));
    let named = Target::plain(&format!("http://name.test:{}/", address.port())).unwrap();
    let refused = user.engine.submit(1, &user.config, named.origin(), get(&named), 1);
    assert_eq!(refused.unwrap_err().waiter, 1);
    let order = Order { addresses: vec![address], ..get(&named) };
    let slot = user.ask_with(&named, order);
    user.ready();
    assert_eq!(slot.take().unwrap().failure, None);
    // The connection is kept: no address is needed.
    assert_eq!(user.answer(&named).failure, None);
}

#[test]
fn the_first_address_that_answers_is_taken() {
    let (address, _seen) = server(|_, stream, told| answer_all(stream, told));
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut user = User::new(config(Retry::Never));
    let named = Target::plain("http://name.test/").unwrap();
    let slot = user.ask_with(&named, Order { addresses: vec![refused, address], ..get(&named) });
    user.ready();
    assert_eq!(slot.take().unwrap().failure, None);
}

#[test]
fn a_client_that_closes_keeps_no_connection() {
    let (address, _seen) = server(|_, stream, told| answer_all(stream, told));
    let mut user = User::new(config(Retry::Never));
    let target = target(address);
    user.answer(&target);
    user.engine.close_idle(1);
    user.engine.turn();
    assert_eq!(user.engine.connections(), 0);
    assert_eq!(user.answer(&target).failure, None);
    user.engine.forget(1);
    user.engine.turn();
    assert_eq!(user.engine.connections(), 0);
}

#[test]
fn a_large_body_goes_out_in_pieces() {
    const SIZE: usize = 8 << 20;
    let (address, seen) = server(|_, mut stream, told| {
        let mut all = vec![0; 64 << 10];
        let mut n = 0;
        while n < SIZE {
            match stream.read(&mut all) {
                Ok(0) | Err(_) => break,
                Ok(more) => n += more,
            }
        }
        told(n.to_string().into_bytes());
        stream.write_all(OK).unwrap();
    });
    let mut user = User::new(config(Retry::Never));
    let target = target(address);
    let mut order = get(&target);
    order.bytes = vec![b'x'; SIZE];
    let slot = user.ask_with(&target, order);
    user.ready();
    assert_eq!(slot.take().unwrap().failure, None);
    assert_eq!(seen.recv_timeout(Duration::from_secs(10)).unwrap(), SIZE.to_string().into_bytes());
}
