//! Fibers: code with a stack of its own that can wait in the middle of ordinary, synchronous calls.
//!
//! A [`Fiber`] is a future. Polling it resumes the code on its stack; when the code calls [`wait`] on a future that is
//! not ready, the stack is put aside and the poll returns `Pending`. So any async Rust code can be called synchronously
//! from below C frames (a JavaScript engine), by thousands of fibers on one thread.
//!
//! **A suspended fiber must not be dropped**: nothing can unwind the C frames on its stack. Stop it first by making its
//! waits return (a flag they look at), and poll it to its end. A fiber dropped all the same leaks its stack, on
//! purpose: freeing memory that foreign code believes in would be worse. [`live`] counts, so that tests can tell.
#![allow(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};

/// How big a fiber is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiberConfig {
    /// Bytes of address space for the stack; memory is used as deep as the stack has been.
    pub stack_bytes: usize,
}

impl FiberConfig {
    /// Room for a scripting engine with a 512 KiB limit of its own and TLS below it.
    pub const SCRIPT: FiberConfig = FiberConfig { stack_bytes: 1 << 20 };
}

/// What running code reaches of its fiber.
struct Running {
    context: Cell<*mut Context<'static>>,
    yielder: Cell<*const Yielder<(), ()>>,
    /// The lowest address of its stack's mapping; 0 before it starts.
    stack_limit: Cell<usize>,
    data: Rc<dyn Any>,
}

thread_local! {
    static CURRENT: Cell<*const Running> = const { Cell::new(ptr::null()) };
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static STACKS: RefCell<Vec<(usize, DefaultStack)>> = const { RefCell::new(Vec::new()) };
}

/// Stacks kept for reuse by a thread.
const POOLED_STACKS: usize = 256;

/// How many fibers of this thread have started and not ended.
#[must_use]
pub fn live() -> usize {
    LIVE.get()
}

type Body<T> = Box<dyn FnOnce() -> T>;

enum State<T: 'static> {
    /// Not started: no stack yet.
    New(Option<Body<T>>),
    Started(Option<Coroutine<(), (), T, DefaultStack>>),
    Done,
}

/// Code on a stack of its own, as a future of its result.
pub struct Fiber<T: 'static> {
    config: FiberConfig,
    running: Rc<Running>,
    state: State<T>,
}

impl<T> std::fmt::Debug for Fiber<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.state {
            State::New(_) => "Fiber(new)",
            State::Started(_) => "Fiber(started)",
            State::Done => "Fiber(done)",
        })
    }
}

impl<T: 'static> Fiber<T> {
    /// A fiber that will run `body` when it is first polled. `data` can be read by [`data`] while it runs.
    pub fn new(
        config: FiberConfig,
        data: Rc<dyn Any>,
        body: impl FnOnce() -> T + 'static,
    ) -> Fiber<T> {
        let running = Rc::new(Running {
            context: Cell::new(ptr::null_mut()),
            yielder: Cell::new(ptr::null()),
            stack_limit: Cell::new(0),
            data,
        });
        Fiber { config, running, state: State::New(Some(Box::new(body))) }
    }

    /// Whether it has started and has not ended: then it must be polled to its end, not dropped.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        matches!(self.state, State::Started(_))
    }

    fn start(&mut self, body: Body<T>) -> std::io::Result<Coroutine<(), (), T, DefaultStack>> {
        let pooled = STACKS.with_borrow_mut(|stacks| {
            let fit = stacks.iter().rposition(|(bytes, _)| *bytes == self.config.stack_bytes)?;
            Some(stacks.swap_remove(fit).1)
        });
        let stack = match pooled {
            Some(stack) => stack,
            None => DefaultStack::new(self.config.stack_bytes)?,
        };
        LIVE.set(LIVE.get() + 1);
        let running = self.running.clone();
        running.stack_limit.set(stack.limit().get());
        Ok(Coroutine::with_stack(stack, move |yielder, ()| {
            running.yielder.set(ptr::from_ref(yielder));
            body()
        }))
    }
}

/// Puts the thread's current fiber back when a resume ends, by return or panic.
struct Restore(*const Running);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

impl<T: 'static> Future for Fiber<T> {
    type Output = T;

    /// # Panics
    /// When the code on the fiber panics, when polled after its end, and when no stack can be mapped.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if let State::New(body) = &mut self.state {
            let body = body.take().expect("a new fiber has its body");
            let coroutine = self
                .start(body)
                .unwrap_or_else(|error| panic!("no memory for a fiber's stack: {error}"));
            self.state = State::Started(Some(coroutine));
        }
        let this = &mut *self;
        let State::Started(slot) = &mut this.state else {
            panic!("a fiber is not polled after its end")
        };
        let coroutine = slot.as_mut().expect("a started fiber has its coroutine");
        this.running.context.set(ptr::from_mut(cx).cast());
        let restore = Restore(CURRENT.replace(Rc::as_ptr(&this.running)));
        let result =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| coroutine.resume(())));
        drop(restore);
        this.running.context.set(ptr::null_mut());
        let done = match result {
            Ok(CoroutineResult::Yield(())) => return Poll::Pending,
            Ok(CoroutineResult::Return(value)) => Ok(value),
            Err(panic) => Err(panic),
        };
        let finished = slot.take();
        this.state = State::Done;
        LIVE.set(LIVE.get() - 1);
        if let Some(coroutine) = finished
            && coroutine.done()
        {
            let stack = coroutine.into_stack();
            STACKS.with_borrow_mut(|stacks| {
                if stacks.len() < POOLED_STACKS {
                    stacks.push((this.config.stack_bytes, stack));
                }
            });
        }
        match done {
            Ok(value) => Poll::Ready(value),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<T: 'static> Drop for Fiber<T> {
    fn drop(&mut self) {
        if let State::Started(slot) = &mut self.state {
            // See the module's text: its stack can't be unwound, so it is left where it is.
            std::mem::forget(slot.take());
            std::mem::forget(self.running.clone());
        }
    }
}

/// Whether the calling code runs on a fiber.
#[must_use]
pub fn is_inside() -> bool {
    !CURRENT.get().is_null()
}

/// What [`Fiber::new`] was given for the fiber that runs now.
#[must_use]
pub fn data() -> Option<Rc<dyn Any>> {
    // SAFETY: CURRENT points to the `Running` of the fiber being polled, which the fiber keeps alive for the poll.
    unsafe { CURRENT.get().as_ref() }.map(|running| running.data.clone())
}

/// The address of the running fiber's data, without touching its reference count; null outside a fiber.
///
/// The address is that of the value inside the `Rc<dyn Any>` given to [`Fiber::new`] and is valid while the fiber runs.
#[must_use]
pub fn data_ptr() -> *const () {
    // SAFETY: as in `data`.
    unsafe { CURRENT.get().as_ref() }
        .map_or(ptr::null(), |running| ptr::from_ref::<dyn Any>(&*running.data).cast())
}

/// Waits for `future` in the middle of synchronous code: other tasks of the core run meanwhile.
///
/// # Panics
/// Outside a fiber, if the future is not ready at once.
pub fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        // SAFETY: CURRENT and its context are set for exactly the time of a poll, and this code runs inside one; the
        // reference does not live across the suspension below, after which both are set anew.
        let polled = unsafe {
            let running = CURRENT.get().as_ref().expect("fiber::wait is called on a fiber");
            let context = running.context.get().as_mut().expect("a running fiber has a context");
            future.as_mut().poll(context)
        };
        match polled {
            Poll::Ready(value) => return value,
            Poll::Pending => suspend(),
        }
    }
}

/// Lets the core's other tasks, sockets and timers have their turn, and goes on soon.
///
/// # Panics
/// Outside a fiber.
pub fn suspend_once() {
    wait(crate::yield_now());
}

/// Gives the pages of the running fiber's stack that lie deeper than the caller back to the system. A stack keeps every
/// page it has ever touched, so that thousands of fibers hold the depth of their start-up for ever; what is given back is
/// taken again, zeroed, when the stack gets there. Costs a system call; does nothing outside a fiber or where there is no
/// such call.
pub fn trim() {
    // SAFETY: as in `data`.
    let Some(limit) = unsafe { CURRENT.get().as_ref() }.map(|running| running.stack_limit.get())
    else {
        return;
    };
    give_back(limit);
}

/// Everything between `limit` and the page below the one the caller's frame is in.
#[cfg(target_os = "linux")]
#[inline(never)]
fn give_back(limit: usize) {
    // SAFETY: a plain query.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(0);
    if !page.is_power_of_two() {
        return;
    }
    let here = 0u8;
    // A page to spare holds this function's callee and the red zone below its frame.
    let end = (ptr::from_ref(&here).addr() & !(page - 1)).saturating_sub(page);
    let start = limit.next_multiple_of(page);
    if limit == 0 || start >= end {
        return;
    }
    // SAFETY: whole pages of the running fiber's stack mapping, all of them a page or more below the stack pointer: nothing
    // there is in use. The guard page among them stays inaccessible.
    unsafe { libc::madvise(ptr::without_provenance_mut(start), end - start, libc::MADV_DONTNEED) };
}

#[cfg(not(target_os = "linux"))]
fn give_back(_: usize) {}

fn suspend() {
    // SAFETY: the yielder lives on the fiber's stack for as long as its code runs, and this is that code.
    unsafe {
        let running = CURRENT.get().as_ref().expect("suspended on a fiber");
        let yielder = running.yielder.get().as_ref().expect("a running fiber has its yielder");
        yielder.suspend(());
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::task::Waker;

    /// Pages in memory of a range.
    fn resident(from: usize, to: usize) -> usize {
        let from = from.next_multiple_of(4096);
        let mut pages = vec![0u8; (to - from) / 4096];
        // SAFETY: the range is part of a mapping, and there is a byte for each of its pages.
        let asked = unsafe {
            let range = ptr::without_provenance_mut(from);
            libc::mincore(range, pages.len() * 4096, pages.as_mut_ptr())
        };
        assert_eq!(asked, 0);
        pages.iter().filter(|page| **page & 1 == 1).count()
    }

    #[inline(never)]
    fn deep(levels: u32) -> u64 {
        let frame = std::hint::black_box([u64::from(levels); 512]);
        if levels == 0 { frame[7] } else { deep(levels - 1) + frame[levels as usize] }
    }

    #[test]
    fn a_trimmed_fiber_keeps_only_the_stack_in_use() {
        let mut fiber = Box::pin(Fiber::new(FiberConfig::SCRIPT, Rc::new(()), || {
            // SAFETY: as in `data`.
            let limit = unsafe { CURRENT.get().as_ref() }.unwrap().stack_limit.get();
            let here = ptr::from_ref(&limit).addr();
            let before = deep(40);
            let touched = resident(limit, here);
            trim();
            let kept = resident(limit, here);
            (touched, kept, before == deep(40))
        }));
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready((touched, kept, is_same)) = fiber.as_mut().poll(&mut cx) else {
            panic!("nothing waits in it")
        };
        assert!(touched >= 40, "{touched}");
        assert!(kept <= 3, "{kept}");
        assert!(is_same);
        trim();
    }
}
