//! Sockets of a core: TCP and Unix streams and listeners, non-blocking, with kernel receive times.
#![allow(unsafe_code)]

mod tokio_io;

use std::future::Future;
use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::clock::{self, Nanos};
use crate::core::{current, with_current};
use crate::reactor::Source;

/// A registered, non-blocking descriptor.
#[derive(Debug)]
struct Socket {
    fd: OwnedFd,
    source: Rc<Source>,
}

impl Socket {
    fn new(fd: OwnedFd) -> io::Result<Socket> {
        let core = current().ok_or_else(|| io::Error::other("sockets are made on a core"))?;
        let source = core.with_reactor(|reactor| reactor.add(fd.as_raw_fd()))??;
        Ok(Socket { fd, source })
    }

    fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Repeats `call` until it gives something else than "would block", waiting for readability in between.
    fn poll_read_with<T>(
        &self,
        cx: &Context<'_>,
        mut call: impl FnMut(RawFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.source.poll_readable(cx));
            match call(self.raw()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.source.readable.set(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_write_with<T>(
        &self,
        cx: &Context<'_>,
        mut call: impl FnMut(RawFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.source.poll_writable(cx));
            match call(self.raw()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.source.writable.set(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let (fd, source) = (self.raw(), self.source.clone());
        with_current(|core| {
            if let Some(core) = core {
                drop(core.with_reactor(|reactor| reactor.remove(fd, &source)));
            }
        });
    }
}

fn check(rc: isize) -> io::Result<usize> {
    usize::try_from(rc).map_err(|_| io::Error::last_os_error())
}

/// The C library's `send` and `recvmsg` are points where a thread may be cancelled, which costs as much as the rest of
/// our share of a request's write; threads here are never cancelled, so the kernel is called directly.
#[cfg(target_os = "linux")]
fn send(fd: RawFd, buf: &[u8]) -> io::Result<usize> {
    // SAFETY: `buf` is readable for its length; no address is given.
    check(unsafe {
        libc::syscall(
            libc::SYS_sendto,
            fd,
            buf.as_ptr(),
            buf.len(),
            libc::MSG_NOSIGNAL,
            std::ptr::null::<libc::sockaddr>(),
            0usize,
        ) as isize
    })
}

#[cfg(not(target_os = "linux"))]
fn send(fd: RawFd, buf: &[u8]) -> io::Result<usize> {
    // SAFETY: `buf` is readable for its length.
    check(unsafe { libc::send(fd, buf.as_ptr().cast(), buf.len(), 0) })
}

/// Memory to read into. Who gets it back must find it initialised: only the kernel and our own writes may touch it.
fn as_uninit(buf: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    let (ptr, len) = (buf.as_mut_ptr(), buf.len());
    // SAFETY: the same bytes with a type that demands less; nothing here writes uninitialised bytes into it.
    unsafe { std::slice::from_raw_parts_mut(ptr.cast(), len) }
}

/// The first bytes of `buf` that are returned as a number have been written.
#[cfg(target_os = "linux")]
fn recv(fd: RawFd, buf: &mut [MaybeUninit<u8>], flags: i32) -> io::Result<usize> {
    // SAFETY: `buf` is writable for its length; the two last arguments, the peer's address, are not asked for.
    check(unsafe {
        libc::syscall(
            libc::SYS_recvfrom,
            fd,
            buf.as_mut_ptr(),
            buf.len(),
            flags,
            std::ptr::null_mut::<libc::sockaddr>(),
            std::ptr::null_mut::<libc::socklen_t>(),
        ) as isize
    })
}

/// The first bytes of `buf` that are returned as a number have been written.
#[cfg(not(target_os = "linux"))]
fn recv(fd: RawFd, buf: &mut [MaybeUninit<u8>], flags: i32) -> io::Result<usize> {
    // SAFETY: `buf` is writable for its length.
    check(unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), flags) })
}

/// `recv` that also takes the kernel's time stamp of the data (CLOCK_REALTIME), if it has one.
#[cfg(target_os = "linux")]
fn recv_stamped(fd: RawFd, buf: &mut [MaybeUninit<u8>]) -> io::Result<(usize, Option<u64>)> {
    #[repr(align(8))]
    struct Control([u8; 64]);
    let mut control = Control([0; 64]);
    let mut iov = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: msghdr is plain data; every pointer in it refers to a live local for the time of the call, and the control
    // messages are walked with the system's own macros inside the length the kernel gave.
    unsafe {
        let mut msg: libc::msghdr = mem::zeroed();
        msg.msg_iov = &raw mut iov;
        msg.msg_iovlen = 1;
        msg.msg_control = control.0.as_mut_ptr().cast();
        msg.msg_controllen = control.0.len() as _;
        let n = check(libc::syscall(libc::SYS_recvmsg, fd, &raw mut msg, 0) as isize)?;
        let mut stamp = None;
        let mut header = libc::CMSG_FIRSTHDR(&raw const msg);
        while let Some(cmsg) = header.as_ref() {
            if cmsg.cmsg_level == libc::SOL_SOCKET && cmsg.cmsg_type == libc::SCM_TIMESTAMPNS {
                let ts: libc::timespec =
                    libc::CMSG_DATA(cmsg).cast::<libc::timespec>().read_unaligned();
                stamp = Some(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64);
            }
            header = libc::CMSG_NXTHDR(&raw const msg, header);
        }
        Ok((n, stamp))
    }
}

/// The kernel stamps packets while any socket asks for it, and begins a moment after the first one did. One socket of
/// ours asks as long as the process lives, so that each connection's first answer is stamped too.
#[cfg(target_os = "linux")]
static STAMPING: std::sync::OnceLock<Option<OwnedFd>> = std::sync::OnceLock::new();

#[cfg(target_os = "linux")]
fn keep_stamping() {
    STAMPING.get_or_init(|| {
        // SAFETY: a plain system call.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        check(fd as isize).ok()?;
        // SAFETY: the kernel just gave us this descriptor.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        set_option(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1).ok()?;
        Some(fd)
    });
}

/// Maps a CLOCK_REALTIME stamp to the monotonic clock; `None` when that gives a time in the future.
#[cfg(target_os = "linux")]
fn stamp_to_monotonic(stamp: u64, now: Nanos) -> Option<Nanos> {
    let mapped = u64::try_from(i128::from(stamp) - i128::from(clock::realtime_offset(now))).ok()?;
    (mapped <= now.0).then_some(Nanos(mapped))
}

/// A connected TCP socket.
#[derive(Debug)]
pub struct TcpStream {
    socket: Socket,
    stamped: bool,
    last_recv: Nanos,
    stamp_misses: u64,
}

impl TcpStream {
    /// Connects to `addr`, from the address `local` if one is given. `TCP_NODELAY` is set, as every load generator does.
    ///
    /// # Errors
    /// The system's error; dropping the future gives the attempt up.
    pub async fn connect(addr: SocketAddr, local: Option<IpAddr>) -> io::Result<TcpStream> {
        let domain = if addr.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let fd = stream_socket(domain)?;
        if let Some(ip) = local {
            bind(&fd, SocketAddr::new(ip, 0))?;
        }
        let socket = Socket::new(fd)?;
        match with_sockaddr(addr, |ptr, len| {
            // SAFETY: `ptr` and `len` describe a valid socket address for the time of the call.
            check(unsafe { libc::connect(socket.raw(), ptr, len) } as isize)
        }) {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
                std::future::poll_fn(|cx| socket.source.poll_writable(cx)).await;
                let mut code: libc::c_int = 0;
                let mut len = mem::size_of_val(&code) as libc::socklen_t;
                // SAFETY: `code` and `len` are live and of the sizes given.
                check(unsafe {
                    libc::getsockopt(
                        socket.raw(),
                        libc::SOL_SOCKET,
                        libc::SO_ERROR,
                        (&raw mut code).cast(),
                        &raw mut len,
                    )
                } as isize)?;
                if code != 0 {
                    return Err(io::Error::from_raw_os_error(code));
                }
            }
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from_socket(socket);
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn from_socket(socket: Socket) -> TcpStream {
        #[cfg(target_os = "linux")]
        keep_stamping();
        #[cfg(target_os = "linux")]
        let stamped = set_option(socket.raw(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1).is_ok();
        #[cfg(not(target_os = "linux"))]
        let stamped = false;
        TcpStream { socket, stamped, last_recv: Nanos(0), stamp_misses: 0 }
    }

    /// Asks the kernel for no more time stamps, for who does not need to know when bytes came: reading is cheaper.
    pub fn stop_stamping(&mut self) {
        #[cfg(target_os = "linux")]
        if self.stamped {
            // Left on, it would cost a little time and nothing else.
            let _ = set_option(self.socket.raw(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 0);
        }
        self.stamped = false;
    }

    /// Reads what is there into `buf`; 0 is the end of the stream.
    ///
    /// # Errors
    /// The system's error.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_recv(cx, as_uninit(buf))
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.source.poll_readable(cx));
            match self.try_recv(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Reads without waiting.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing to read; else the system's error.
    pub fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_recv(as_uninit(buf))
    }

    fn try_recv(&mut self, buf: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        let n = loop {
            match self.recv_once(buf) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() == io::ErrorKind::WouldBlock {
                        self.socket.source.readable.set(false);
                    }
                    return Err(error);
                }
                Ok(n) => break n,
            }
        };
        // Edge-triggered: a short read has emptied the socket, and new data makes a new event. The end of the stream
        // makes none if it came along with the data: then there is more to read, namely the end.
        if n > 0 && n < buf.len() && !self.socket.source.ended.get() {
            self.socket.source.readable.set(false);
        }
        Ok(n)
    }

    #[cfg(target_os = "linux")]
    fn recv_once(&mut self, buf: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        if !self.stamped {
            let n = recv(self.socket.raw(), buf, 0)?;
            self.last_recv = clock::monotonic();
            return Ok(n);
        }
        let (n, stamp) = recv_stamped(self.socket.raw(), buf)?;
        let now = clock::monotonic();
        match stamp.and_then(|stamp| stamp_to_monotonic(stamp, now)) {
            Some(at) => self.last_recv = at,
            None => {
                self.last_recv = now;
                self.stamp_misses += u64::from(n > 0);
            }
        }
        Ok(n)
    }

    #[cfg(not(target_os = "linux"))]
    fn recv_once(&mut self, buf: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        let n = recv(self.socket.raw(), buf, 0)?;
        self.last_recv = clock::monotonic();
        Ok(n)
    }

    /// Waits for data and reads it into `buf`; 0 is the end of the stream.
    pub fn read<'a>(
        &'a mut self,
        buf: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        std::future::poll_fn(move |cx| self.poll_read(cx, buf))
    }

    /// Ready when a read may give something (data, the end or an error). May be wrong once; a read then waits.
    pub fn poll_read_ready(&self, cx: &Context<'_>) -> Poll<()> {
        self.socket.source.poll_readable(cx)
    }

    /// Whether the peer has closed the connection or sent something nobody asked for: then it can't be used for another
    /// request. Costs a system call only if the loop saw something happen to the socket.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        if !self.socket.source.readable.get() {
            return false;
        }
        let mut byte = [MaybeUninit::uninit(); 1];
        match recv(self.socket.raw(), &mut byte, libc::MSG_PEEK) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.socket.source.readable.set(false);
                false
            }
            _ => true,
        }
    }

    /// Like [`TcpStream::is_stale`], but asks the kernel in any case: for a core that does not look at its sockets by
    /// itself.
    #[must_use]
    pub fn is_stale_now(&self) -> bool {
        let mut byte = [MaybeUninit::uninit(); 1];
        match recv(self.socket.raw(), &mut byte, libc::MSG_PEEK) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.socket.source.readable.set(false);
                false
            }
            _ => true,
        }
    }

    /// Writes some of `buf`.
    ///
    /// # Errors
    /// The system's error.
    pub fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.socket.poll_write_with(cx, |fd| send(fd, buf))
    }

    /// Writes some of `buf`, waiting until some fits.
    pub fn write<'a>(&'a self, buf: &'a [u8]) -> impl Future<Output = io::Result<usize>> + 'a {
        std::future::poll_fn(move |cx| self.poll_write(cx, buf))
    }

    /// Writes all of `buf`.
    ///
    /// # Errors
    /// The system's error; `WriteZero` never.
    pub async fn write_all(&self, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            let n = self.write(buf).await?;
            buf = &buf[n..];
        }
        Ok(())
    }

    /// When the data of the last read arrived: the kernel's stamp of its last segment on the monotonic clock, or, where
    /// there is none, the time of the read.
    #[must_use]
    pub fn last_recv(&self) -> Nanos {
        self.last_recv
    }

    /// Reads whose kernel stamp was missing or not usable.
    #[must_use]
    pub fn stamp_misses(&self) -> u64 {
        self.stamp_misses
    }

    /// The other end.
    ///
    /// # Errors
    /// The system's error (not connected any more).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        address(self.socket.raw(), libc::getpeername)
    }

    /// This end.
    ///
    /// # Errors
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        address(self.socket.raw(), libc::getsockname)
    }

    /// Switches Nagle's algorithm off (`true`) or on.
    ///
    /// # Errors
    /// The system's error.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        set_option(self.socket.raw(), libc::IPPROTO_TCP, libc::TCP_NODELAY, i32::from(on))
    }

    /// Closes with a reset instead of an orderly end when dropped.
    ///
    /// # Errors
    /// The system's error.
    pub fn set_reset_on_close(&self) -> io::Result<()> {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        set_option(self.socket.raw(), libc::SOL_SOCKET, libc::SO_LINGER, linger)
    }

    /// Tells the peer that nothing more will be written.
    ///
    /// # Errors
    /// The system's error.
    pub fn shutdown(&self) -> io::Result<()> {
        // SAFETY: a plain system call on a live descriptor.
        check(unsafe { libc::shutdown(self.socket.raw(), libc::SHUT_WR) } as isize).map(drop)
    }
}

/// A listening TCP socket.
#[derive(Debug)]
pub struct TcpListener {
    socket: Socket,
}

impl TcpListener {
    /// Listens on `addr`.
    ///
    /// # Errors
    /// The system's error, such as the address being in use.
    pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
        let domain = if addr.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let fd = stream_socket(domain)?;
        set_option(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        bind(&fd, addr)?;
        listen(&fd)?;
        Ok(TcpListener { socket: Socket::new(fd)? })
    }

    /// Takes over a listener made elsewhere.
    ///
    /// # Errors
    /// The system's error.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        Ok(TcpListener { socket: Socket::new(OwnedFd::from(listener))? })
    }

    /// The next connection.
    ///
    /// # Errors
    /// The system's error, such as being out of descriptors; accepting may go on afterwards.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        let fd = std::future::poll_fn(|cx| self.socket.poll_read_with(cx, accept_one)).await?;
        let stream = TcpStream::from_socket(Socket::new(fd)?);
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        address(self.socket.raw(), libc::getsockname)
    }
}

/// A connected Unix-domain stream.
#[derive(Debug)]
pub struct UnixStream {
    socket: Socket,
}

impl UnixStream {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// The system's error.
    pub fn connect(path: &Path) -> io::Result<UnixStream> {
        // Connecting to a Unix socket does not wait for a network: the kernel answers at once.
        UnixStream::from_std(std::os::unix::net::UnixStream::connect(path)?)
    }

    /// Takes over a stream made elsewhere.
    ///
    /// # Errors
    /// The system's error.
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        stream.set_nonblocking(true)?;
        Ok(UnixStream { socket: Socket::new(OwnedFd::from(stream))? })
    }

    /// Waits for data and reads it into `buf`; 0 is the end of the stream.
    pub fn read<'a>(&'a self, buf: &'a mut [u8]) -> impl Future<Output = io::Result<usize>> + 'a {
        let buf = as_uninit(buf);
        std::future::poll_fn(move |cx| self.socket.poll_read_with(cx, |fd| recv(fd, buf, 0)))
    }

    /// Writes all of `buf`.
    ///
    /// # Errors
    /// The system's error.
    pub async fn write_all(&self, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            let n = std::future::poll_fn(|cx| self.socket.poll_write_with(cx, |fd| send(fd, buf)))
                .await?;
            buf = &buf[n..];
        }
        Ok(())
    }
}

/// A listening Unix-domain socket.
#[derive(Debug)]
pub struct UnixListener {
    socket: Socket,
}

impl UnixListener {
    /// Listens at `path`, which must not exist.
    ///
    /// # Errors
    /// The system's error.
    pub fn bind(path: &Path) -> io::Result<UnixListener> {
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(UnixListener { socket: Socket::new(OwnedFd::from(listener))? })
    }

    /// The next connection.
    ///
    /// # Errors
    /// The system's error.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        let fd = std::future::poll_fn(|cx| self.socket.poll_read_with(cx, accept_one)).await?;
        Ok(UnixStream { socket: Socket::new(fd)? })
    }
}

fn accept_one(fd: RawFd) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    // SAFETY: null addresses are allowed: the caller asks for the peer when it wants it.
    let new = unsafe {
        libc::accept4(
            fd,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
        )
    };
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above.
    let new = unsafe { libc::accept(fd, std::ptr::null_mut(), std::ptr::null_mut()) };
    check(new as isize)?;
    // SAFETY: the kernel just gave us this descriptor.
    let owned = unsafe { OwnedFd::from_raw_fd(new) };
    #[cfg(not(target_os = "linux"))]
    make_nonblocking(&owned)?;
    Ok(owned)
}

fn stream_socket(domain: i32) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let kind = libc::SOCK_STREAM;
    // SAFETY: a plain system call.
    let fd = unsafe { libc::socket(domain, kind, 0) };
    check(fd as isize)?;
    // SAFETY: the kernel just gave us this descriptor.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    #[cfg(not(target_os = "linux"))]
    make_nonblocking(&owned)?;
    Ok(owned)
}

#[cfg(not(target_os = "linux"))]
fn make_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: plain system calls on a live descriptor.
    unsafe {
        check(libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) as isize)?;
        check(libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) as isize)?;
    }
    set_option(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1)
}

fn bind(fd: &OwnedFd, addr: SocketAddr) -> io::Result<()> {
    with_sockaddr(addr, |ptr, len| {
        // SAFETY: `ptr` and `len` describe a valid socket address for the time of the call.
        check(unsafe { libc::bind(fd.as_raw_fd(), ptr, len) } as isize).map(drop)
    })
}

fn listen(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: a plain system call on a live descriptor.
    check(unsafe { libc::listen(fd.as_raw_fd(), 4096) } as isize).map(drop)
}

fn set_option<T: Copy>(fd: RawFd, level: i32, name: i32, value: T) -> io::Result<()> {
    // SAFETY: `value` is live and its size is given; options are plain data.
    check(unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            (&raw const value).cast(),
            mem::size_of::<T>() as libc::socklen_t,
        )
    } as isize)
    .map(drop)
}

fn with_sockaddr<R>(
    addr: SocketAddr,
    f: impl FnOnce(*const libc::sockaddr, libc::socklen_t) -> R,
) -> R {
    // SAFETY: both structures are plain data, valid when zeroed.
    let (mut v4, mut v6): (libc::sockaddr_in, libc::sockaddr_in6) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    match addr {
        SocketAddr::V4(a) => {
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = a.port().to_be();
            v4.sin_addr.s_addr = u32::from_ne_bytes(a.ip().octets());
            f((&raw const v4).cast(), mem::size_of_val(&v4) as libc::socklen_t)
        }
        SocketAddr::V6(a) => {
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = a.port().to_be();
            v6.sin6_addr.s6_addr = a.ip().octets();
            v6.sin6_scope_id = a.scope_id();
            f((&raw const v6).cast(), mem::size_of_val(&v6) as libc::socklen_t)
        }
    }
}

type NameCall =
    unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

fn address(fd: RawFd, call: NameCall) -> io::Result<SocketAddr> {
    // SAFETY: sockaddr_storage is plain data, big enough for every family; it is read as what its family says.
    unsafe {
        let mut storage: libc::sockaddr_storage = mem::zeroed();
        let mut len = mem::size_of_val(&storage) as libc::socklen_t;
        check(call(fd, (&raw mut storage).cast(), &raw mut len) as isize)?;
        match i32::from(storage.ss_family) {
            libc::AF_INET => {
                let a = &*(&raw const storage).cast::<libc::sockaddr_in>();
                let ip = IpAddr::from(a.sin_addr.s_addr.to_ne_bytes());
                Ok(SocketAddr::new(ip, u16::from_be(a.sin_port)))
            }
            libc::AF_INET6 => {
                let a = &*(&raw const storage).cast::<libc::sockaddr_in6>();
                Ok(SocketAddr::new(IpAddr::from(a.sin6_addr.s6_addr), u16::from_be(a.sin6_port)))
            }
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "not an internet address")),
        }
    }
}
