//! Waiting for sockets: `epoll` with nanosecond time-outs on Linux, the `polling` crate elsewhere.
//!
//! Sockets are registered once, edge-triggered, for both directions. Readiness is a pair of flags a source keeps until a
//! system call says "would block", so a request costs no registration and, as a rule, no wasted call.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::Nanos;

/// One registered descriptor.
#[derive(Debug)]
pub(crate) struct Source {
    token: usize,
    pub(crate) readable: Cell<bool>,
    pub(crate) writable: Cell<bool>,
    /// The peer has sent its last, or the connection broke: reads do not wait any more, even after a short one.
    pub(crate) ended: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
}

fn register(slot: &RefCell<Option<Waker>>, cx: &Context<'_>) {
    let mut slot = slot.borrow_mut();
    if !slot.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
        *slot = Some(cx.waker().clone());
    }
}

fn wake(slot: &RefCell<Option<Waker>>) {
    let waker = slot.borrow_mut().take();
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Source {
    /// Ready when the descriptor may be readable; otherwise the task is woken when it is.
    pub(crate) fn poll_readable(&self, cx: &Context<'_>) -> Poll<()> {
        if self.readable.get() {
            return Poll::Ready(());
        }
        register(&self.reader, cx);
        Poll::Pending
    }

    /// Ready when the descriptor may be writable; otherwise the task is woken when it is.
    pub(crate) fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        if self.writable.get() {
            return Poll::Ready(());
        }
        register(&self.writer, cx);
        Poll::Pending
    }
}

/// The sources of a reactor, by token.
#[derive(Default)]
struct Sources {
    slots: Vec<Option<Rc<Source>>>,
    free: Vec<usize>,
}

impl Sources {
    fn add(&mut self) -> Rc<Source> {
        let token = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let source = Rc::new(Source {
            token,
            readable: Cell::new(false),
            writable: Cell::new(false),
            ended: Cell::new(false),
            reader: RefCell::new(None),
            writer: RefCell::new(None),
        });
        self.slots[token] = Some(source.clone());
        source
    }

    fn remove(&mut self, source: &Source) {
        self.slots[source.token] = None;
        self.free.push(source.token);
    }

    fn ready(&self, token: usize, readable: bool, writable: bool, ended: bool) {
        let Some(Some(source)) = self.slots.get(token) else { return };
        if ended {
            source.ended.set(true);
        }
        if readable {
            source.readable.set(true);
            wake(&source.reader);
        }
        if writable {
            source.writable.set(true);
            wake(&source.writer);
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::Reactor;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Reactor;

/// Ends a core's wait from another thread.
#[derive(Clone)]
pub(crate) enum Interrupter {
    /// For cores that never wait.
    None,
    #[cfg(target_os = "linux")]
    EventFd(Arc<std::os::fd::OwnedFd>),
    #[cfg(not(target_os = "linux"))]
    Poller(Arc<polling::Poller>),
}

impl Interrupter {
    pub(crate) fn none() -> Interrupter {
        Interrupter::None
    }

    pub(crate) fn interrupt(&self) {
        match self {
            Interrupter::None => {}
            #[cfg(target_os = "linux")]
            Interrupter::EventFd(fd) => {
                use std::os::fd::AsRawFd;
                let one = 1u64.to_ne_bytes();
                // SAFETY: writes eight bytes of a live buffer to an eventfd we own. Failure means its counter is full,
                // which wakes the reader all the same.
                unsafe { libc::write(fd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
            }
            #[cfg(not(target_os = "linux"))]
            Interrupter::Poller(poller) => drop(poller.notify()),
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::sync::atomic::{AtomicBool, Ordering};

    const EVENTS: usize = 1024;
    const WAKE: u64 = u64::MAX;
    const ALARM: u64 = u64::MAX - 1;

    /// Set once the kernel (before 5.11) has said that it has no `epoll_pwait2`.
    static NO_PWAIT2: AtomicBool = AtomicBool::new(false);

    pub(crate) struct Reactor {
        epoll: OwnedFd,
        wakeup: Arc<OwnedFd>,
        events: Vec<libc::epoll_event>,
        sources: Sources,
        alarm: Option<Alarm>,
    }

    /// A timer among the descriptors: makes the reactor's own descriptor readable when a deadline comes.
    struct Alarm {
        timer: OwnedFd,
        /// When it rings; it is never put off, so it may ring for nothing.
        at: Option<Nanos>,
    }

    fn owned(fd: RawFd) -> io::Result<OwnedFd> {
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor and nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    impl Reactor {
        pub(crate) fn new() -> io::Result<Reactor> {
            // SAFETY: plain system calls without pointers.
            let (epoll, wakeup) = unsafe {
                (
                    owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))?,
                    owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?,
                )
            };
            // Timers of this thread fire when they are due, not up to 50 µs later.
            // SAFETY: a plain system call; failure only costs precision.
            unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1usize, 0, 0, 0) };
            let reactor = Reactor {
                epoll,
                wakeup: Arc::new(wakeup),
                events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS],
                sources: Sources::default(),
                alarm: None,
            };
            reactor.control(
                libc::EPOLL_CTL_ADD,
                reactor.wakeup.as_raw_fd(),
                (libc::EPOLLIN | libc::EPOLLET) as u32,
                WAKE,
            )?;
            Ok(reactor)
        }

        /// The descriptor that is readable while something waits to be taken by [`Reactor::wait`].
        pub(crate) fn descriptor(&self) -> io::Result<RawFd> {
            Ok(self.epoll.as_raw_fd())
        }

        /// Makes the descriptor readable at `next` or before it.
        pub(crate) fn ring_at(&mut self, next: Option<Nanos>) -> io::Result<()> {
            let Some(next) = next else { return Ok(()) };
            if self.alarm.is_none() {
                // SAFETY: a plain system call without pointers.
                let timer = owned(unsafe {
                    libc::timerfd_create(
                        libc::CLOCK_MONOTONIC,
                        libc::TFD_CLOEXEC | libc::TFD_NONBLOCK,
                    )
                })?;
                let events = (libc::EPOLLIN | libc::EPOLLET) as u32;
                self.control(libc::EPOLL_CTL_ADD, timer.as_raw_fd(), events, ALARM)?;
                self.alarm = Some(Alarm { timer, at: None });
            }
            let Some(alarm) = &mut self.alarm else { return Ok(()) };
            if alarm.at.is_some_and(|at| at <= next) {
                return Ok(());
            }
            // Zero would disarm it.
            let at = next.0.max(1);
            let never = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            let value = libc::timespec {
                tv_sec: (at / 1_000_000_000) as libc::time_t,
                tv_nsec: (at % 1_000_000_000) as _,
            };
            let spec = libc::itimerspec { it_interval: never, it_value: value };
            // SAFETY: `spec` is live for the time of the call; the old value is not asked for.
            let rc = unsafe {
                libc::timerfd_settime(
                    alarm.timer.as_raw_fd(),
                    libc::TFD_TIMER_ABSTIME,
                    &raw const spec,
                    std::ptr::null_mut(),
                )
            };
            if rc != 0 {
                return Err(io::Error::last_os_error());
            }
            alarm.at = Some(next);
            Ok(())
        }

        /// Lets go of the kernel's list of descriptors without taking any off it: after a fork it is shared with the
        /// parent, which still needs them there.
        pub(crate) fn disown(&mut self) -> io::Result<()> {
            // SAFETY: a plain system call without pointers.
            self.epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
            self.alarm = None;
            Ok(())
        }

        fn control(&self, op: i32, fd: RawFd, events: u32, data: u64) -> io::Result<()> {
            let mut event = libc::epoll_event { events, u64: data };
            // SAFETY: `event` is a valid epoll_event; the kernel checks both descriptors.
            let rc = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), op, fd, &raw mut event) };
            if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        }

        pub(crate) fn interrupter(&self) -> Interrupter {
            Interrupter::EventFd(self.wakeup.clone())
        }

        pub(crate) fn add(&mut self, fd: RawFd) -> io::Result<Rc<Source>> {
            let source = self.sources.add();
            let interest =
                (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32;
            if let Err(error) = self.control(libc::EPOLL_CTL_ADD, fd, interest, source.token as u64)
            {
                self.sources.remove(&source);
                return Err(error);
            }
            Ok(source)
        }

        pub(crate) fn remove(&mut self, fd: RawFd, source: &Source) {
            // Closing the descriptor would do it too, unless it was duplicated.
            drop(self.control(libc::EPOLL_CTL_DEL, fd, 0, 0));
            self.sources.remove(source);
        }

        fn wait_events(&mut self, timeout: Duration) -> isize {
            let epoll = self.epoll.as_raw_fd();
            if timeout.is_zero() || NO_PWAIT2.load(Ordering::Relaxed) {
                let ms = i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
                // SAFETY: `events` has room for EVENTS entries.
                return unsafe {
                    libc::epoll_wait(epoll, self.events.as_mut_ptr(), EVENTS as i32, ms) as isize
                };
            }
            let ts = libc::timespec {
                tv_sec: timeout.as_secs() as libc::time_t,
                tv_nsec: timeout.subsec_nanos() as _,
            };
            // SAFETY: as above; `ts` outlives the call; a null signal mask is allowed.
            unsafe {
                libc::syscall(
                    libc::SYS_epoll_pwait2,
                    epoll,
                    self.events.as_mut_ptr(),
                    EVENTS as i32,
                    &raw const ts,
                    std::ptr::null::<libc::sigset_t>(),
                    0usize,
                ) as isize
            }
        }

        pub(crate) fn wait(&mut self, timeout: Duration) {
            let mut n = self.wait_events(timeout);
            if n < 0 {
                let errno = io::Error::last_os_error().raw_os_error();
                if errno != Some(libc::ENOSYS) && errno != Some(libc::EPERM) {
                    return; // EINTR: the caller looks at its timers and comes back
                }
                NO_PWAIT2.store(true, Ordering::Relaxed);
                n = self.wait_events(timeout).max(0);
            }
            for event in &self.events[..n as usize] {
                let (flags, token) = (event.events, event.u64);
                if token == WAKE {
                    let mut count = [0u8; 8];
                    // SAFETY: reads eight bytes into a live buffer from a descriptor we own.
                    unsafe { libc::read(self.wakeup.as_raw_fd(), count.as_mut_ptr().cast(), 8) };
                    continue;
                }
                if token == ALARM {
                    if let Some(alarm) = &mut self.alarm {
                        let mut count = [0u8; 8];
                        // SAFETY: as above.
                        unsafe {
                            libc::read(alarm.timer.as_raw_fd(), count.as_mut_ptr().cast(), 8)
                        };
                        alarm.at = None;
                    }
                    continue;
                }
                let gone = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
                let readable = flags & ((libc::EPOLLIN | libc::EPOLLRDHUP) as u32 | gone) != 0;
                let writable = flags & (libc::EPOLLOUT as u32 | gone) != 0;
                let ended = flags & (libc::EPOLLRDHUP as u32 | gone) != 0;
                self.sources.ready(token as usize, readable, writable, ended);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use super::*;
    use polling::{Event, Events, PollMode, Poller};
    use std::os::fd::BorrowedFd;

    pub(crate) struct Reactor {
        poller: Arc<Poller>,
        events: Events,
        sources: Sources,
    }

    impl Reactor {
        pub(crate) fn new() -> io::Result<Reactor> {
            Ok(Reactor {
                poller: Arc::new(Poller::new()?),
                events: Events::new(),
                sources: Sources::default(),
            })
        }

        pub(crate) fn interrupter(&self) -> Interrupter {
            Interrupter::Poller(self.poller.clone())
        }

        pub(crate) fn descriptor(&self) -> io::Result<RawFd> {
            let text = "a core can be run from outside on Linux only";
            Err(io::Error::new(io::ErrorKind::Unsupported, text))
        }

        pub(crate) fn ring_at(&mut self, _next: Option<Nanos>) -> io::Result<()> {
            self.descriptor().map(drop)
        }

        pub(crate) fn disown(&mut self) -> io::Result<()> {
            self.descriptor().map(drop)
        }

        pub(crate) fn add(&mut self, fd: RawFd) -> io::Result<Rc<Source>> {
            let source = self.sources.add();
            // SAFETY: the caller owns `fd` and removes it from here before closing it.
            let added =
                unsafe { self.poller.add_with_mode(fd, Event::all(source.token), PollMode::Edge) };
            if let Err(error) = added {
                self.sources.remove(&source);
                return Err(error);
            }
            Ok(source)
        }

        pub(crate) fn remove(&mut self, fd: RawFd, source: &Source) {
            // SAFETY: the descriptor is still open: its owner calls this from its drop.
            drop(self.poller.delete(unsafe { BorrowedFd::borrow_raw(fd) }));
            self.sources.remove(source);
        }

        pub(crate) fn wait(&mut self, timeout: Duration) {
            self.events.clear();
            if self.poller.wait(&mut self.events, Some(timeout)).is_err() {
                return;
            }
            for event in self.events.iter() {
                // kqueue tells of an end with the data before it: look again after a short read.
                self.sources.ready(event.key, event.readable, event.writable, event.readable);
            }
        }
    }
}
