//! gRPC over HTTP/2 without TLS, on a port of its own: `sum.SumNumbersService` of the seeds, which feeds the totalizer,
//! `squall.demo.Streams` for every kind of stream, health, and reflection in both its versions.
//!
//! The HTTP/2 is the `h2` crate's; everything of gRPC and protocol buffers is written here.

mod call;
mod exchange;
mod method;
mod reflection;
mod schema;
mod socket;
mod status;
mod tally;
mod wire;

pub(crate) use self::tally::Tally;

use self::call::{Call, Desk};
use self::socket::{Link, Socket};
use crate::connection::{SharedBook, lock};
use bytes::Bytes;
use rt::net::TcpStream;
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// Calls at once on one connection.
const MAX_STREAMS: u32 = 10_000;
/// What a client may send ahead, each stream and each connection, bytes.
const WINDOW: u32 = 1024 * 1024;
/// The longest head of a request, bytes.
const MAX_HEADERS: u32 = 256 * 1024;

/// Serves a connection until either side closes it.
pub(crate) async fn serve(stream: TcpStream, book: SharedBook, number: u32) {
    lock(&book).counts.connections_open += 1;
    let link = Rc::new(Link { last_recv: Cell::new(rt::now()), is_to_be_reset: Cell::new(false) });
    let desk = Rc::new(Desk { book, number, link: link.clone(), is_used: Cell::new(false) });
    converse(Socket::new(stream, link), &desk).await;
    let mut book = lock(&desk.book);
    book.counts.connections_open = book.counts.connections_open.saturating_sub(1);
}

async fn converse(socket: Socket, desk: &Rc<Desk>) {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(MAX_HEADERS);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let Some(call) = Call::begin(request, respond, desk) else { continue };
        let mut call = Some(call);
        let left =
            poll_fn(|cx| Poll::Ready(call.take().and_then(|call| call.try_answer(cx)))).await;
        if let Some(call) = left {
            drop(rt::spawn(call.run()));
        }
    }
}
