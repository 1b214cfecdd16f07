"""The engine on gevent's loop.

The engine of a thread has one descriptor, which is readable while it has something to do; gevent's hub watches it among
its others. A greenlet submits a request, switches to the hub, and is switched to when its response is there. All
switching is done here in Python: no frame of the engine's is ever left waiting.
"""

import os
import socket
import sys
import weakref

from gevent import getcurrent
from requests.utils import DEFAULT_CA_BUNDLE_PATH, extract_zipped_paths

from squall_locust import _engine
from squall_locust._engine import NoAddress, NotPlain

# The watchers by hub: a thread may have several hubs one after the other.
_watchers = weakref.WeakKeyDictionary()
# The hub that was attached last: whoever finds his own here need not attach it.
current = None


def attach(hub):
    """Makes a hub watch the engine of its thread."""
    global current
    if hub in _watchers:
        current = hub
        return
    watcher = hub.loop.io(_engine.descriptor(), 1)
    turn, next_ready = _engine.turn, _engine.next_ready
    # The hub must not keep itself alive through its own watcher.
    handle_error = weakref.WeakMethod(hub.handle_error)

    def on_readable():
        turn()
        while True:
            waiter = None
            try:
                for waiter in iter(next_ready, None):
                    waiter.switch()
                return
            except BaseException:
                handle = handle_error()
                if handle is not None:
                    handle(waiter, *sys.exc_info())

    watcher.start(on_readable)
    _watchers[hub] = watcher
    current = hub


def send(
    make,
    hub,
    client,
    session,
    method,
    target,
    name,
    lines,
    extras,
    cookie,
    authorization,
    body,
    content_type,
    tells_zero,
    timeouts,
    catches,
    context,
):
    """Sends a request and waits for its reply, in this greenlet, whose hub is attached. Gives the reply and its flags; raises
    NotPlain where nothing was sent. Each of these arguments is named because every request of a test comes by here."""
    found = None
    while True:
        try:
            reply = make(
                client,
                session,
                method,
                target,
                name,
                lines,
                extras,
                cookie,
                authorization,
                body,
                content_type,
                tells_zero,
                timeouts,
                catches,
                context,
                found,
                getcurrent(),
            )
            break
        except NoAddress:
            if found is not None:
                raise
        try:
            found = addresses(target.host, target.port)
        except OSError:
            # The name leads nowhere: the library tells it in its words.
            raise NotPlain("name resolution") from None
    try:
        hub.switch()
        flags = reply.settle()
        while flags & UNFINISHED:
            hub.switch()
            flags = reply.settle()
    except BaseException:
        # Killed, or out of time: the response would be taken for the next request's.
        reply.cancel()
        raise
    return reply, flags


def submit(make, target, arguments):
    """Gives the engine of the current hub a request, whose last two arguments are addresses and greenlet; the reply."""
    try:
        return make(*arguments, None, getcurrent())
    except NoAddress:
        # What this raises is what the library's own look-up would.
        return make(*arguments, addresses(target.host, target.port), getcurrent())


def wait(reply, hub):
    """Waits until the reply is there, in this greenlet, whose hub is attached. Gives its flags."""
    try:
        while True:
            hub.switch()
            flags = reply.settle()
            if not flags & UNFINISHED:
                return flags
    except BaseException:
        # Killed, or out of time: the response would be taken for the next request's.
        reply.cancel()
        raise


def addresses(host, port):
    """Where a name leads, as the libraries ask for it: through the socket module, which gevent and users may replace."""
    found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    return [(entry[4][0], entry[4][1]) for entry in found]


# Settings of TLS, by whether servers must prove who they are.
_tls = {}


def tls(verify):
    """The engine's settings of TLS: with the authorities that requests trusts, and the system's."""
    settings = _tls.get(verify)
    if settings is None:
        authorities = None
        if verify:
            with open(extract_zipped_paths(DEFAULT_CA_BUNDLE_PATH), encoding="utf-8") as file:
                authorities = file.read()
        settings = _tls[verify] = _engine.Tls(verify, authorities)
    return settings


# Flags of a reply.
FAILED = 1
SETS_COOKIES = 2
REDIRECTS = 4
UNDECODABLE = 8
UNFINISHED = 16
IS_ERROR = 32


# Requests that took Locust's own way, by reason.
_slow = {}
# Reasons that are told apart.
MAX_REASONS = 100


def count_slow(reason):
    """Counts a request that the engine did not carry out from end to end, at Locust's speed."""
    if reason not in _slow and len(_slow) >= MAX_REASONS:
        reason = "other reasons"
    _slow[reason] = _slow.get(reason, 0) + 1


def slow_requests():
    """How many requests took Locust's own way, and why."""
    return {"count": sum(_slow.values()), "reasons": dict(_slow)}


def fast_requests():
    """How many requests the engine was given."""
    return _engine.requests()


def _after_fork():
    global current
    current = None
    for watcher in list(_watchers.values()):
        watcher.stop()
        watcher.close()
    _watchers.clear()
    _engine.after_fork()


os.register_at_fork(after_in_child=_after_fork)
