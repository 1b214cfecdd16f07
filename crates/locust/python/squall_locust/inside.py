"""`squall burst --asgi`: load on an ASGI application within its own process, without a network.

The Rust side starts this with a plan on standard input, and reads lines of JSON from standard output: how it goes once a
second, at the end the result. Statistics are the engine's; arrivals of open loops are those the engine makes for URLs. What
the application prints goes to standard error.
"""

import asyncio
import contextlib
import importlib
import inspect
import json
import os
import signal
import sys
import time
import traceback
from urllib.parse import unquote, urlsplit

# How long requests under way may take once no more are started; how long the application to start and to end. Seconds.
GRACE = 30
LIFESPAN_PATIENCE = 60
# Before a start is due the loop is asked again and again instead of sleeping: its timers tick in milliseconds.
CLOSE_TO_DUE = 0.0015
PROGRESS_EVERY = 1.0
# Most of an exception's text that tells failures apart.
MAX_KIND = 200

clock = time.perf_counter


class Refused(Exception):
    """There is nothing to be loaded: the text, and what may help."""

    def __init__(self, text, hint=None):
        super().__init__(text)
        self.hint = hint


def load_application(name):
    """The application that `package.module:attribute` names."""
    module_name, _, path = name.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            text = f"there is no module {module_name!r} in {os.getcwd()} or in this Python"
            raise Refused(text, "name it as Python imports it: package.module:app") from None
        raise Refused(f"{module_name} can't be imported: {error}", "install it in this Python") from error
    for part in (path or "app").split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise Refused(f"{module_name} has no {path or 'app'!r}", "name it: package.module:attribute") from None
    if not callable(found):
        raise Refused(f"{name} is no ASGI application: it can't be called")
    return as_version_3(found)


def as_version_3(application):
    """The application as ASGI 3 has it: one callable of three arguments."""
    if inspect.isclass(application):
        is_3 = hasattr(application, "__await__")
    elif inspect.isfunction(application) or inspect.ismethod(application):
        is_3 = inspect.iscoroutinefunction(application)
    else:
        is_3 = inspect.iscoroutinefunction(getattr(application, "__call__", None))
    if is_3:
        return application

    async def version_2(scope, receive, send):
        await application(scope)(receive, send)

    return version_2


class Lifespan:
    """Start and end of the application. One that knows neither is used all the same."""

    def __init__(self, application):
        self.state = {}
        self._application = application
        self._events = asyncio.Queue()
        self._answers = {"startup": asyncio.Event(), "shutdown": asyncio.Event()}
        self._failed = None
        self._is_known = True
        self._task = None

    async def start(self):
        self._task = asyncio.create_task(self._run())
        await self._ask("startup")
        if self._failed is not None:
            raise Refused(f"the application did not start: {self._failed or 'lifespan.startup.failed'}")

    async def end(self):
        if self._is_known:
            await self._ask("shutdown")
            if self._failed is not None:
                sys.stderr.write(f"the application did not end in order: {self._failed}\n")
        self._task.cancel()

    async def _ask(self, what):
        self._events.put_nowait({"type": f"lifespan.{what}"})
        try:
            await asyncio.wait_for(self._answers[what].wait(), LIFESPAN_PATIENCE)
        except asyncio.TimeoutError:
            raise Refused(f"the application did not answer lifespan.{what} within {LIFESPAN_PATIENCE} s") from None

    async def _run(self):
        asgi = {"version": "3.0", "spec_version": "2.0"}
        try:
            await self._application(
                {"type": "lifespan", "asgi": asgi, "state": self.state}, self._events.get, self._send
            )
        except Exception:
            # It has no such thing, or says so.
            self._is_known = self._failed is not None
        finally:
            for answer in self._answers.values():
                answer.set()

    async def _send(self, message):
        what, _, outcome = message["type"].removeprefix("lifespan.").partition(".")
        if outcome == "failed":
            self._failed = message.get("message", "")
        if what in self._answers:
            self._answers[what].set()


class Exchange:
    """One request and what the application makes of it."""

    __slots__ = ("body", "body_given", "done", "driver", "ended_at", "error", "gone", "received", "status", "task")

    def __init__(self, driver):
        self.driver = driver
        self.body = driver.body
        self.body_given = False
        self.done = driver.loop.create_future()
        self.gone = None
        self.status = 0
        self.received = 0
        self.error = None
        self.ended_at = 0.0
        self.task = None

    async def receive(self):
        if not self.body_given:
            self.body_given = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        if not self.done.done():
            if self.gone is None:
                self.gone = self.driver.loop.create_future()
            # Several may wait for it, and any of them may be cancelled.
            await asyncio.shield(self.gone)
        return {"type": "http.disconnect"}

    async def send(self, message):
        kind = message["type"]
        if kind == "http.response.body":
            if not self.status:
                raise RuntimeError("http.response.body came before http.response.start")
            if self.done.done():
                if self.error is not None:
                    # Given up: as on a connection that is closed, it goes nowhere.
                    return
                raise RuntimeError("http.response.body came after the response was complete")
            self.received += len(message.get("body", b""))
            if not message.get("more_body", False):
                self.end(None)
        elif kind == "http.response.start":
            if self.status:
                raise RuntimeError("http.response.start came twice")
            self.status = message["status"]
        else:
            raise RuntimeError(f"{kind} is no message of an HTTP response")

    def end(self, error):
        if self.done.done():
            return
        self.ended_at = clock()
        self.error = error
        self.done.set_result(None)
        if self.gone is not None and not self.gone.done():
            self.gone.set_result(None)

    def expire(self):
        self.end("request timeout")
        self.task.cancel()

    def ended(self, task):
        """The application has returned, or raised."""
        self.driver.tasks.discard(task)
        if task.cancelled():
            self.end("cancelled")
            return
        error = task.exception()
        if error is not None:
            self.driver.tell_first(error)
            # As UTF-8 has it: what has no such form could not be told.
            text = str(error).encode("utf-8", "replace").decode()
            self.end(f"{type(error).__name__}: {text}"[:MAX_KIND] if text else type(error).__name__)
        elif not self.done.done():
            self.end("no whole response" if self.status else "no response")


class Driver:
    """Makes the load."""

    def __init__(self, application, plan, tally, state):
        self.application = application
        self.plan = plan
        self.tally = tally
        self.loop = asyncio.get_running_loop()
        self.body = plan["body"].encode("latin-1") if plan["body"] is not None else b""
        self.scopes = [self.scope_of(url) for url in plan["urls"]]
        self.state = state
        self.timeout = plan["timeout_s"]
        self.expected = [tuple(pair) for pair in plan["expected"]]
        self.next = 0
        self.issued = 0
        self.answered = 0
        self.dropped = 0
        self.tasks = set()
        self.under_way = set()
        self.stopping = asyncio.Event()
        self.is_stopped = False
        self.has_told = False
        self.began = clock()

    def scope_of(self, url):
        parts = urlsplit(url if "://" in url else "http://127.0.0.1" + ("" if url.startswith("/") else "/") + url)
        path = parts.path or "/"
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.plan["headers"]]
        names = {name for name, _ in headers}
        own = [(b"host", parts.netloc.encode("latin-1")), (b"user-agent", b"squall"), (b"accept", b"*/*")]
        if self.plan["body"] is not None:
            own.append((b"content-length", str(len(self.body)).encode()))
        headers = [header for header in own if header[0] not in names] + headers
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.plan["method"],
            "scheme": parts.scheme,
            "path": unquote(path),
            "raw_path": path.encode("ascii", "ignore"),
            "query_string": parts.query.encode("ascii", "ignore"),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": (parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)),
        }

    def tell_first(self, error):
        if not self.has_told:
            self.has_told = True
            sys.stderr.write("the application raised, this is the first of such failures:\n")
            traceback.print_exception(error)

    def stop(self):
        self.is_stopped = True
        self.stopping.set()

    def begin(self):
        """Starts a request; its exchange and when it began."""
        scope = self.scopes[self.next].copy()
        self.next = (self.next + 1) % len(self.scopes)
        scope["headers"] = scope["headers"].copy()
        scope["state"] = self.state.copy()
        exchange = Exchange(self)
        self.issued += 1
        started = clock()
        task = exchange.task = self.loop.create_task(self.application(scope, exchange.receive, exchange.send))
        self.tasks.add(task)
        self.under_way.add(exchange)
        task.add_done_callback(exchange.ended)
        return exchange, started

    def count(self, exchange, started, intended):
        """A request is over."""
        self.under_way.discard(exchange)
        error, status = exchange.error, exchange.status
        if error is None and not any(low <= status <= high for low, high in self.expected):
            error = f"status {status}"
        self.answered += 1
        response = None if intended is None else (exchange.ended_at - intended) * 1e3
        self.tally.done((exchange.ended_at - started) * 1e3, response, len(self.body), exchange.received, error)

    async def exchange(self, intended=None):
        exchange, started = self.begin()
        limit = self.loop.call_later(self.timeout, exchange.expire)
        try:
            await exchange.done
        finally:
            limit.cancel()
        self.count(exchange, started, intended)

    async def closed(self):
        """Clients that each wait for their answer."""
        left, ends = self.plan["requests"], self.began + self.plan["duration_s"]

        async def client():
            while not self.is_stopped and clock() < ends and (left is None or self.issued < left):
                await self.exchange()

        clients = self.plan["concurrency"] if left is None else min(self.plan["concurrency"], left)
        await asyncio.gather(*(client() for _ in range(clients)))

    async def open(self, arrivals):
        """Starts that are due at fixed times, whatever the answers do."""
        most = self.plan["max_concurrency"]
        for k in range(self.plan["requests"] or sys.maxsize):
            due = arrivals.at(k)
            if due is None:
                break
            due += self.began
            while not self.is_stopped and (wait := due - clock()) > 0:
                await asyncio.sleep(wait - CLOSE_TO_DUE if wait > 2 * CLOSE_TO_DUE else 0)
            if self.is_stopped:
                break
            if len(self.under_way) >= most:
                self.dropped += 1
                continue
            self.tally.late(max(0.0, clock() - due) * 1e3)
            task = self.loop.create_task(self.exchange(due))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            # What was started begins before the next is looked at.
            await asyncio.sleep(0)

    async def finish(self, patience):
        """Waits for what is under way, so many seconds at most; what is not answered then is given up. How many those are."""
        ends = clock() + patience
        while self.under_way and clock() < ends and not self.is_stopped:
            waits = [exchange.done for exchange in self.under_way]
            await asyncio.wait(waits, timeout=min(1.0, ends - clock()), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
        given_up = list(self.under_way)
        for task in list(self.tasks):
            task.cancel()
        return len(given_up)


async def run(plan, tell):
    from squall_locust import _engine

    application = load_application(plan["application"])
    lifespan = Lifespan(application)
    await lifespan.start()
    tally = _engine.Tally()
    driver = Driver(application, plan, tally, lifespan.state)
    for number in (signal.SIGINT, signal.SIGTERM):
        driver.loop.add_signal_handler(number, driver.stop)

    async def progress():
        while True:
            await asyncio.sleep(PROGRESS_EVERY)
            tell(
                type="progress",
                elapsed_s=clock() - driver.began,
                answered=driver.answered,
                under_way=len(driver.under_way),
                dropped=driver.dropped,
            )

    watch = asyncio.create_task(progress())
    used = time.process_time()
    driver.began = clock()
    if plan["stages"] is None:
        load = asyncio.ensure_future(driver.closed())
    else:
        stages = [tuple(stage) for stage in plan["stages"]]
        load = asyncio.ensure_future(driver.open(_engine.Arrivals(stages, plan["time_unit_ns"])))
    stopped = asyncio.ensure_future(driver.stopping.wait())
    limit = plan["duration_s"] + GRACE
    await asyncio.wait((load, stopped), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if load.done():
        load.result()
    unanswered = await driver.finish(GRACE if load.done() else 0)
    load.cancel()
    elapsed = clock() - driver.began
    used = time.process_time() - used
    watch.cancel()
    with contextlib.suppress(Refused):
        await lifespan.end()
    tell(
        type="result",
        issued=driver.issued,
        unanswered=unanswered,
        dropped=driver.dropped,
        elapsed_s=elapsed,
        cpu_s=used,
        is_stopped=driver.is_stopped,
        loop=type(driver.loop).__module__.partition(".")[0],
        errors=tally.errors(),
        snapshot=tally.snapshot().hex(),
        sent=tally.sent,
        received=tally.received,
    )


def main():
    from squall_locust.__main__ import clean_environment

    clean_environment()
    # Standard output is for the Rust side only; what the application prints goes to standard error.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)
    plan = json.load(sys.stdin)

    def tell(**message):
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    try:
        from uvloop import new_event_loop
    except ImportError:
        from asyncio import new_event_loop
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run(plan, tell))
    except Refused as refusal:
        tell(type="refused", text=str(refusal), hint=refusal.hint)
        sys.exit(1)
    except Exception:
        tell(type="refused", text=traceback.format_exc(), hint=None)
        sys.exit(1)
    channel.flush()
    # The application's threads and tasks are not waited for.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
