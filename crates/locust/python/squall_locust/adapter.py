"""Requests' own code on the engine: Locust's adapter hands prepared requests to it, in place of urllib3.

What the engine does not do goes through urllib3 all the same. Errors are raised as requests raises urllib3's, with the
same causes and words.
"""

import http.client
import os
from urllib.parse import urlsplit

import requests
from gevent import get_hub
from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter
from requests.exceptions import ChunkedEncodingError, ConnectionError, ConnectTimeout, ReadTimeout
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError, ReadTimeoutError

from squall_locust import _engine, hub
from squall_locust._engine import NotPlain
from squall_locust.hub import attach, count_slow
from squall_locust.replies import raw_response

ORIGINAL_ADAPTER_SEND = HTTPAdapter.send


def new_client(verify, pool_manager=None):
    settings = pool_manager.connection_pool_kw if pool_manager is not None else {}
    most = settings.get("maxsize", DEFAULT_POOLSIZE)
    return _engine.Client(
        like_requests=True,
        max_idle=most,
        max_open=most if settings.get("block") else None,
        tls=hub.tls(verify),
    )


def shared_client(fast, verify):
    """The client of a session, or of all that share its pool manager. The one that does not verify serves plain HTTP."""
    name = "verifying" if verify else "client"
    client = getattr(fast, name)
    if client is None:
        pool_manager = fast.pool_manager
        if pool_manager is None:
            client = new_client(verify)
        else:
            clients = pool_manager.__dict__.setdefault("_squall_clients", {})
            client = clients.get(verify)
            if client is None:
                client = clients[verify] = new_client(verify, pool_manager)
        setattr(fast, name, client)
    return client


def pair_of(timeout):
    """A timeout as one for connecting and one for reading; None for what is neither number nor pair."""
    if type(timeout) is tuple and len(timeout) == 2:
        connect, read = timeout
    else:
        connect = read = timeout
    for part in (connect, read):
        if part is not None and (type(part) not in (int, float) or part <= 0):
            return None
    return (connect, read)


def adapter_send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
    """Sends a prepared request with the engine, in place of urllib3, where it can."""
    fast = getattr(self, "session", None)
    if fast is None:
        return ORIGINAL_ADAPTER_SEND(self, request, stream, timeout, verify, cert, proxies)
    reply, fast.handoff = fast.handoff, None
    if reply is None:
        reason = why_not_engine(request, stream, timeout, verify, cert, proxies)
        if reason is None:
            try:
                reply = send_prepared(fast, request, timeout, verify)
            except (NotPlain, OSError) as error:
                reason = str(error) if isinstance(error, NotPlain) else "name resolution"
        if reply is None:
            if not fast.counted:
                count_slow(reason)
            return ORIGINAL_ADAPTER_SEND(self, request, stream, timeout, verify, cert, proxies)
    failure = reply.what_failed()
    if failure is not None:
        kind, detail = failure
        if kind == "tls":
            # Its words are OpenSSL's. Nothing was sent yet.
            count_slow("TLS")
            return ORIGINAL_ADAPTER_SEND(self, request, stream, timeout, verify, cert, proxies)
        if kind == "other":
            raise ChunkedEncodingError(ProtocolError(detail))
        if kind != "incomplete":
            raise_failure(self, request, kind, detail, timeout, verify)
        if reply.header("transfer-encoding") is not None:
            raise ChunkedEncodingError(ProtocolError("Response ended prematurely"))
    response = self.build_response(request, raw_response(reply))
    response.engine_ms = reply.elapsed_ms
    return response


def why_not_engine(request, stream, timeout, verify, cert, proxies):
    if stream:
        return "stream"
    if cert:
        return "cert"
    if proxies and requests.utils.select_proxy(request.url, proxies):
        return "proxies"
    if verify is not True and verify is not False and request.url.lower().startswith("https"):
        return "verify"
    if request.body is not None and not isinstance(request.body, (str, bytes)):
        return "a body that is read while it is sent"
    if timeout is not None and pair_of(timeout) is None:
        return "timeout"
    return None


def send_prepared(fast, request, timeout, verify):
    target = _engine.Target.prepared(request.url)
    if target is None:
        raise NotPlain("the URL")
    headers = list(request.headers.items())
    names = {name.lower() for name in request.headers}
    if "user-agent" not in names or "accept-encoding" not in names:
        raise NotPlain("no User-Agent or Accept-Encoding")
    body = request.body
    if isinstance(body, str):
        body = body.encode()
    client = shared_client(fast, target.secure and bool(verify))
    timeouts = None if timeout is None else pair_of(timeout)
    loop = get_hub()
    attach(loop)
    arguments = (client, None, request.method, target, headers, body, timeouts)
    reply = hub.submit(_engine.Reply.prepared, target, arguments)
    fast.yielded = True
    hub.wait(reply, loop)
    return reply


def raise_failure(adapter, request, kind, detail, timeout, verify):
    """Raises what requests raises when urllib3 fails so, with the same causes."""
    parts = urlsplit(request.url)
    pool = adapter.get_connection_with_tls_context(request, verify, proxies={}, cert=None)
    path = request.path_url
    connect_timeout, read_timeout = pair_of(timeout) if timeout is not None else (None, None)
    connection = pool.ConnectionCls(host=parts.hostname or "", port=pool.port)
    try:
        try:
            if kind == "connect":
                raise OSError(detail, os.strerror(detail))
            if kind == "connect timeout":
                raise TimeoutError("timed out")
            if kind == "closed":
                raise http.client.RemoteDisconnected("Remote end closed connection without response")
            if kind == "broken":
                raise OSError(detail, os.strerror(detail))
            if kind == "read timeout":
                raise TimeoutError("timed out")
            raise http.client.BadStatusLine(detail)
        except TimeoutError as error:
            if kind == "read timeout":
                text = f"Read timed out. (read timeout={read_timeout})"
                raise ReadTimeoutError(pool, path, text) from error
            text = f"Connection to {parts.hostname} timed out. (connect timeout={connect_timeout})"
            raise ConnectTimeoutError(connection, text) from error
        except OSError as error:
            if kind == "connect":
                raise NewConnectionError(connection, f"Failed to establish a new connection: {error}") from error
            raise ProtocolError("Connection aborted.", error) from error
        except http.client.HTTPException as error:
            raise ProtocolError("Connection aborted.", error) from error
    except ReadTimeoutError as error:
        raise ReadTimeout(error, request=request) from error
    except ProtocolError as error:
        raise ConnectionError(error, request=request) from error
    except (NewConnectionError, ConnectTimeoutError) as reason:
        try:
            raise MaxRetryError(pool, path, reason) from reason
        except MaxRetryError as error:
            if kind == "connect timeout":
                raise ConnectTimeout(error, request=request) from error
            raise ConnectionError(error, request=request) from error


def close_adapter(self):
    fast = getattr(self, "session", None)
    if fast is not None:
        for client in (fast.client, fast.verifying):
            if client is not None:
                client.close()
    HTTPAdapter.close(self)
