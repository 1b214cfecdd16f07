//! The transport's promise is a request on an origin: a fake with two streams on one connection
//! keeps it as well as the pool does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::*;

/// One connection that carries any number of exchanges at once, and answers the last one asked
/// first, so that neither order nor exclusiveness of a connection can be relied on.
#[derive(Default)]
struct Multiplexed {
    waiting: RefCell<Vec<(String, Rc<Cell<bool>>)>>,
    most_at_once: Cell<usize>,
}

impl Multiplexed {
    /// Answers the streams from the last to the first once there are two.
    fn answer_when_full(&self) {
        let mut waiting = self.waiting.borrow_mut();
        self.most_at_once.set(self.most_at_once.get().max(waiting.len()));
        if waiting.len() == 2 {
            for (_, done) in waiting.drain(..).rev() {
                done.set(true);
            }
        }
    }
}

impl Transport for Multiplexed {
    async fn send(&self, request: &Request, _deadline: Option<Nanos>) -> Exchange {
        let path = request.url.path().to_owned();
        let done = Rc::new(Cell::new(false));
        self.waiting.borrow_mut().push((path.clone(), done.clone()));
        self.answer_when_full();
        while !done.get() {
            rt::yield_now().await;
        }
        let timings = Timings { started: rt::now(), ended: rt::now(), ..Timings::default() };
        Exchange {
            result: Ok(Response::from_parts(200, Version::Http2, &[], path.as_bytes())),
            partial: None,
            timings,
            bytes_sent: 0,
            bytes_received: 0,
            remote_addr: None,
            tls: None,
            reused: true,
        }
    }

    fn close_idle(&self) {}
}

/// What a caller does: knows a transport and nothing else.
async fn fetch_both(transport: Rc<impl Transport + 'static>, urls: [String; 2]) -> Vec<String> {
    let tasks = urls.map(|url| {
        let transport = transport.clone();
        rt::spawn(async move {
            let request = Request::get(&url).unwrap();
            let exchange = transport.send(&request, Some(rt::now() + PATIENCE)).await;
            String::from_utf8(exchange.result.unwrap().body().to_vec()).unwrap()
        })
    });
    let mut bodies = Vec::new();
    for task in tasks {
        bodies.push(task.await);
    }
    transport.close_idle();
    bodies
}

#[test]
fn a_caller_cannot_tell_streams_from_connections() {
    on_core(async {
        let fake = Rc::new(Multiplexed::default());
        let urls = ["http://h/a".to_owned(), "http://h/b".to_owned()];
        assert_eq!(fetch_both(fake.clone(), urls).await, ["/a", "/b"]);
        assert_eq!(fake.most_at_once.get(), 2);

        let server = Server::start(|mut peer| async move {
            while let Some(head) = peer.request().await {
                let path = head.split(' ').nth(1).unwrap();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", path.len());
                peer.send(format!("{head}{path}").as_bytes()).await;
            }
        });
        let urls = [server.url("/a"), server.url("/b")];
        let pooled = Rc::new(client());
        assert_eq!(fetch_both(pooled.clone(), urls).await, ["/a", "/b"]);
        assert_eq!((server.accepted(), pooled.idle()), (2, 0));
    });
}
