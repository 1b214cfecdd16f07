//! The loop, timers, tasks, fibers and sockets of a core, as their users see them.
#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rt::fiber::{self, Fiber, FiberConfig};
use rt::net::{TcpListener, TcpStream};
use rt::{Core, CoreConfig, Nanos};

const SMALL: FiberConfig = FiberConfig { stack_bytes: 64 << 10 };

fn real() -> Core {
    Core::new(CoreConfig { spin: false }).unwrap()
}

#[test]
fn simulated_hours_pass_at_once_and_in_order() {
    let woken = Rc::new(RefCell::new(Vec::new()));
    let mut core = Core::simulated(Nanos(7));
    core.block_on(async {
        let mut tasks = Vec::new();
        for hours in [5u64, 1, 3] {
            let woken = woken.clone();
            tasks.push(rt::spawn(async move {
                rt::sleep(Duration::from_secs(hours * 3600)).await;
                woken.borrow_mut().push((hours, rt::now()));
            }));
        }
        for task in tasks {
            task.await;
        }
    });
    let hour = 3_600_000_000_000;
    assert_eq!(
        *woken.borrow(),
        [(1, Nanos(7 + hour)), (3, Nanos(7 + 3 * hour)), (5, Nanos(7 + 5 * hour))]
    );
}

#[test]
fn a_timeout_drops_what_it_was_waiting_for() {
    struct Guard(Rc<Cell<bool>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Rc::new(Cell::new(false));
    let guard = Guard(dropped.clone());
    let result = Core::simulated(Nanos(0)).block_on(rt::timeout(Duration::from_secs(1), async {
        let _guard = guard;
        rt::sleep(Duration::from_secs(2)).await;
    }));
    assert_eq!(result, Err(rt::Elapsed));
    assert!(dropped.get());
}

#[test]
fn cancelled_timers_do_not_pile_up_or_fire() {
    let mut core = Core::simulated(Nanos(0));
    core.block_on(async {
        for _ in 0..100_000 {
            let quick = rt::timeout(Duration::from_secs(60), rt::yield_now()).await;
            assert!(quick.is_ok());
        }
        assert_eq!(rt::now(), Nanos(0));
    });
}

#[test]
fn tasks_are_woken_from_other_threads() {
    let (tx, mut rx) = rt::channel::unbounded();
    let thread = rt::thread::start("sender", move || {
        for i in 0..1000 {
            tx.send(i);
        }
    })
    .unwrap();
    let sum: u64 = real().block_on(async {
        rt::spawn(async move {
            let mut sum = 0;
            while let Some(i) = rx.recv().await {
                sum += i;
            }
            sum
        })
        .await
    });
    thread.join().unwrap();
    assert_eq!(sum, 499_500);
}

#[test]
fn blocking_work_runs_beside_the_core() {
    let here = std::thread::current().id();
    let there = real().block_on(rt::blocking(|| std::thread::current().id()));
    assert_ne!(here, there);
}

#[test]
fn fibers_wait_in_the_middle_of_synchronous_code() {
    fn depth(n: u32) -> u32 {
        if n == 0 {
            fiber::wait(rt::sleep(Duration::from_secs(1)));
            return 0;
        }
        depth(n - 1) + 1
    }
    let mut core = Core::simulated(Nanos(0));
    let depths = core.block_on(async {
        let fibers: Vec<_> = (0..1000u32)
            .map(|i| {
                rt::spawn(Fiber::new(SMALL, Rc::new(i), move || {
                    let data = fiber::data().unwrap();
                    assert_eq!(*data.downcast_ref::<u32>().unwrap(), i);
                    // SAFETY-free check: the fast pointer is that of the same value.
                    assert_eq!(
                        fiber::data_ptr(),
                        std::ptr::from_ref(data.downcast_ref::<u32>().unwrap()).cast()
                    );
                    depth(i % 50)
                }))
            })
            .collect();
        assert_eq!(fiber::live(), 0);
        let mut out = Vec::new();
        for f in fibers {
            out.push(f.await);
        }
        out
    });
    assert_eq!(depths.len(), 1000);
    assert_eq!(depths[49], 49);
    assert_eq!(fiber::live(), 0);
    assert!(!fiber::is_inside());
}

#[test]
fn a_panic_on_a_fiber_reaches_whoever_polls_it() {
    let result = std::panic::catch_unwind(|| {
        Core::simulated(Nanos(0)).block_on(Fiber::new(SMALL, Rc::new(()), || {
            fiber::wait(rt::sleep(Duration::from_millis(1)));
            panic!("on purpose");
        }))
    });
    assert!(result.is_err());
    assert_eq!(fiber::live(), 0);
}

#[test]
fn a_suspended_fiber_that_is_dropped_is_left_alone() {
    let mut core = Core::simulated(Nanos(0));
    core.block_on(async {
        let mut fiber = Box::pin(Fiber::new(SMALL, Rc::new(()), || {
            fiber::wait(rt::sleep(Duration::from_secs(9)))
        }));
        let gave_up = rt::timeout(Duration::from_secs(1), fiber.as_mut()).await;
        assert!(gave_up.is_err() && fiber.is_suspended());
    });
    assert_eq!(fiber::live(), 1);
}

#[test]
fn tcp_carries_bytes_and_their_arrival_times() {
    real().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr().unwrap();
        let server = rt::spawn(async move {
            let mut peer = listener.accept().await.unwrap();
            let mut buf = [0; 16];
            let n = peer.read(&mut buf).await.unwrap();
            peer.write_all(&buf[..n]).await.unwrap();
            peer
        });
        let mut client = TcpStream::connect(addr, None).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), addr);
        let sent = rt::now();
        client.write_all(b"hello").await.unwrap();
        let mut buf = [0; 16];
        let n = client.read(&mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"hello");
        assert!(
            client.last_recv() <= rt::now() && client.last_recv() + Duration::from_secs(1) > sent
        );
        let peer = server.await;
        assert!(!client.is_stale());
        drop(peer);
        assert_eq!(client.read(&mut buf).await.unwrap(), 0);
        assert!(client.is_stale());
    });
}

#[test]
fn the_end_of_a_stream_is_seen_when_it_came_with_the_data() {
    real().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr().unwrap();
        for _ in 0..50 {
            let mut client = TcpStream::connect(addr, None).await.unwrap();
            let peer = listener.accept().await.unwrap();
            peer.write_all(b"last").await.unwrap();
            drop(peer);
            // Both the data and the end are there before anything is read.
            rt::sleep(Duration::from_millis(1)).await;
            let mut buf = [0; 64];
            assert_eq!(client.read(&mut buf).await.unwrap(), 4);
            let end = rt::timeout(Duration::from_secs(5), client.read(&mut buf)).await;
            assert_eq!(end.unwrap().unwrap(), 0);
        }
    });
}

#[test]
fn refused_connections_are_errors_and_leave_no_descriptor() {
    real().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let error = TcpStream::connect(addr, None).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_large_body_flows_through_small_reads() {
    real().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr().unwrap();
        let body: Vec<u8> = (0..4_000_000u32).map(|i| i as u8).collect();
        let expected = body.clone();
        let server = rt::spawn(async move {
            let peer = listener.accept().await.unwrap();
            peer.write_all(&body).await.unwrap();
        });
        let mut client = TcpStream::connect(addr, None).await.unwrap();
        let mut got = Vec::new();
        let mut buf = [0; 8192];
        loop {
            match client.read(&mut buf).await.unwrap() {
                0 => break,
                n => got.extend_from_slice(&buf[..n]),
            }
        }
        server.await;
        assert!(got == expected);
    });
}

#[test]
fn a_task_that_gives_way_lets_timers_fire_before_it_goes_on() {
    real().block_on(async {
        let fired = rt::spawn(rt::sleep(Duration::from_millis(1)));
        // The timer starts with its task's first turn.
        rt::yield_now().await;
        let mut turns = 0;
        rt::spawn(async move {
            while fired.try_take().is_none() {
                let end = rt::now() + Duration::from_millis(1);
                while rt::now() < end {}
                turns += 1;
                // The timer is due after the first turn, its task runs after the second.
                assert!(turns <= 3, "{turns} turns and the timer has not fired");
                rt::yield_now().await;
            }
        })
        .await;
    });
}

/// Waits until `fd` is readable, `ms` at most.
#[cfg(target_os = "linux")]
fn readable(fd: std::os::fd::RawFd, ms: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one live entry.
    #[allow(unsafe_code)]
    let n = unsafe { libc::poll(&raw mut poll, 1, ms) };
    n == 1
}

#[cfg(target_os = "linux")]
#[test]
fn a_core_run_from_outside_tells_by_its_descriptor_when_to_run_it() {
    let mut core = real();
    let fd = core.descriptor().unwrap();
    let slept = Rc::new(Cell::new(false));
    let done = slept.clone();
    core.enter(|| {
        rt::spawn(async move {
            rt::sleep(Duration::from_millis(20)).await;
            done.set(true);
        });
    });
    assert!(!slept.get());
    let mut turns = 0;
    while !slept.get() {
        assert!(readable(fd, 10_000), "the deadline makes the descriptor readable");
        core.turn();
        turns += 1;
        assert!(turns < 10, "it is not readable all the time");
    }
    assert_eq!(core.tasks(), 0);
    assert!(!readable(fd, 0));
    core.interrupt();
    assert!(readable(fd, 0));
    core.turn();
    assert!(!readable(fd, 0));
}

#[cfg(target_os = "linux")]
#[test]
fn sockets_of_a_core_run_from_outside_make_its_descriptor_readable() {
    let mut core = real();
    let fd = core.descriptor().unwrap();
    let address = Rc::new(Cell::new(None));
    let echoed = Rc::new(Cell::new(false));
    let (to_client, done) = (address.clone(), echoed.clone());
    core.enter(|| {
        rt::spawn(async move {
            let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            to_client.set(Some(listener.local_addr().unwrap()));
            let mut peer = listener.accept().await.unwrap();
            let mut byte = [0; 1];
            peer.read(&mut byte).await.unwrap();
            peer.write_all(&byte).await.unwrap();
        });
    });
    let address = address.get().unwrap();
    core.enter(|| {
        rt::spawn(async move {
            let mut stream = TcpStream::connect(address, None).await.unwrap();
            assert!(!stream.is_stale_now());
            stream.write_all(b"x").await.unwrap();
            let mut byte = [0; 1];
            stream.read(&mut byte).await.unwrap();
            done.set(byte == *b"x");
        });
    });
    for _ in 0..100 {
        if echoed.get() {
            return;
        }
        assert!(readable(fd, 10_000));
        core.turn();
    }
    panic!("the byte did not come back in 100 turns");
}

#[test]
fn turns_of_a_simulated_core_jump_to_the_next_deadline() {
    let mut core = Core::simulated(Nanos(0));
    assert!(core.descriptor().is_err());
    let at = Rc::new(Cell::new(Nanos(0)));
    let woken = at.clone();
    core.enter(|| {
        rt::spawn(async move {
            rt::sleep(Duration::from_secs(3600)).await;
            woken.set(rt::now());
        });
    });
    core.turn();
    assert_eq!(at.get(), Nanos(3_600_000_000_000));
    core.turn();
}

#[test]
fn a_core_may_be_among_the_last_things_of_its_thread() {
    struct Kept(Option<Core>);
    thread_local! {
        static KEPT: RefCell<Kept> = const { RefCell::new(Kept(None)) };
    }
    rt::thread::start("ends", || {
        // Thread-locals go in the reverse order of their first use: the core's own before this one.
        KEPT.with(|kept| {
            let mut core = real();
            core.enter(|| rt::spawn(rt::sleep(Duration::from_secs(1))));
            kept.borrow_mut().0 = Some(core);
        });
    })
    .unwrap()
    .join()
    .unwrap();
}
