//! Phases and byte counts against what the server saw.

use std::cell::Cell;
use std::rc::Rc;

use super::server::OK;
use super::*;

#[test]
fn phases_add_up_and_a_kept_connection_has_no_set_up() {
    on_core(async {
        let server = Server::answering(OK);
        let client = client();
        for i in 0..50 {
            let exchange = get(&client, &server).await;
            let t = exchange.timings;
            assert!(t.started <= t.ended);
            assert_eq!(t.duration(), t.sending + t.waiting + t.receiving);
            assert!(t.blocked >= t.connecting + t.tls_handshaking);
            assert_eq!(t.connecting > Duration::ZERO, i == 0);
            assert_eq!(t.tls_handshaking, Duration::ZERO);
            // `sending` of a new connection begins when it stood, a little before it was had.
            assert!(t.connecting + t.duration() <= t.ended - t.started, "{t:?}");
        }
    });
}

#[test]
fn work_done_after_the_answer_came_does_not_count() {
    on_core(async {
        let busy_until = Rc::new(Cell::new(Nanos(0)));
        let end_of_work = busy_until.clone();
        let server = Server::start(move |mut peer| {
            let busy_until = busy_until.clone();
            async move {
                while peer.request().await.is_some() {
                    peer.send(OK).await;
                    // The core is busy before the client can look at the answer.
                    busy_until.set(rt::now() + Duration::from_millis(30));
                    while rt::now() < busy_until.get() {
                        std::hint::spin_loop();
                    }
                }
            }
        });
        let client = client();
        // The kernel starts stamping a moment after the first socket of the machine asks for it,
        // so the first answer may have none.
        let timings: Vec<Timings> = [get(&client, &server).await, get(&client, &server).await]
            .map(|exchange| exchange.timings)
            .to_vec();
        if cfg!(target_os = "linux") {
            assert!(timings[1].ended < end_of_work.get(), "{timings:?}");
        }
        assert_eq!(timings.iter().map(|t| t.clamped).sum::<u32>(), 0, "{timings:?}");
    });
}

#[test]
fn bytes_are_those_the_server_saw() {
    on_core(async {
        let server = Server::answering(OK);
        let client = client();
        let mut sums = (0, 0);
        for i in 0..5 {
            let mut request = Request::get(&server.url("/")).unwrap();
            request.method = Method::Post;
            request.body = Body::Bytes(vec![0; i * 50_000]);
            let exchange = send(&client, &request).await;
            sums = (sums.0 + exchange.bytes_sent, sums.1 + exchange.bytes_received);
            ok(exchange);
        }
        assert_eq!(sums, server.bytes());
        assert_eq!(client.traffic(), sums);
    });
}

#[test]
fn traffic_counts_exchanges_that_were_given_up() {
    on_core(async {
        let server = Server::start(|mut peer| async move { peer.wait_for_end().await });
        let client = client();
        let request = Request::get(&server.url("/")).unwrap();
        let given_up = rt::timeout(Duration::from_millis(20), client.send(&request, None)).await;
        assert!(given_up.is_err());
        assert!(client.traffic().0 > 0);
    });
}
