"""FastHttpUser's client on the engine, in place of geventhttpclient.

As in `clients`: what most requests are goes the fast way; redirects, errors and odd arguments go through
geventhttpclient's own `UserAgent`, with the engine below it in place of its connections; streaming, proxies and own TLS
contexts go its way altogether. All but the first are counted.
"""

import errno
import functools
import json as json_module
import os
import time
from datetime import timedelta
from http.cookiejar import CookieJar
from io import BytesIO
from urllib.parse import urlencode

from gevent import get_hub
from gevent.ssl import create_default_context
from geventhttpclient._parser import HTTPParseError
from geventhttpclient.client import HTTPClientPool
from geventhttpclient.connectionpool import DEFAULT_CONNECTION_TIMEOUT, DEFAULT_NETWORK_TIMEOUT
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPConnectionClosed
from geventhttpclient.url import URL
from geventhttpclient.useragent import CompatResponse
from locust.contrib import fasthttp
from locust.contrib.fasthttp import (
    FAILURE_EXCEPTIONS,
    ErrorResponse,
    FastHttpSession,
    FastRequest,
    FastResponse,
    LocustBadStatusCode,
    LocustUserAgent,
    ResponseContextManager,
)

from squall_locust import _engine, hub
from squall_locust._engine import NotPlain, Reply
from squall_locust.hub import FAILED, REDIRECTS, SETS_COOKIES, UNDECODABLE, attach, count_slow, send
from squall_locust.ready import MAX_LINES, MAX_TARGETS, ReadyCookies, ReadyHeaders
from squall_locust.replies import NO_CONTEXT, Lazy

ORIGINAL_INIT = FastHttpSession.__init__
ORIGINAL_REQUEST = FastHttpSession.request
ORIGINAL_URLOPEN = LocustUserAgent._urlopen
ORIGINAL_POOL_CLOSE = HTTPClientPool.close
VALID_CODES = LocustUserAgent.valid_response_codes
ACCEPT_ENCODING = "gzip, deflate, br"
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
# Bodies that geventhttpclient measures itself: their length is among the request's headers.
MEASURED_TYPES = ("text/plain; charset=utf-8", "application/x-www-form-urlencoded; charset=utf-8")
BODY_METHODS = frozenset(("POST", "PUT", "PATCH"))
# What of a session, and of its agent, must be Locust's own for the fast way.
_session_methods = {name: getattr(FastHttpSession, name) for name in ("_build_url", "_send_request_safe_mode")}
_agent_methods = {
    name: getattr(LocustUserAgent, name)
    for name in ("urlopen", "_verify_status", "_handle_error", "_handle_retries_exceeded", "_make_request")
}
NEEDED = ("auth_header", "base_url", "client", "cookiejar", "request_event", "request_name", "user")


class AgentHeaders(ReadyHeaders, Headers):
    """The headers an agent sends with each request."""

    def add(self, field, value):
        self.lines = None
        super().add(field, value)

    def update(self, *args, **kwargs):
        self.lines = None
        super().update(*args, **kwargs)


_lines = {}


def lines_of(headers):
    """The headers of an agent, ready to be sent; raises NotPlain."""
    sent = Headers()
    sent.update(headers)
    sent["Accept-Encoding"] = ACCEPT_ENCODING
    key = tuple((name, str(value)) for name, value in sent.items())
    lines = _lines.get(key)
    if lines is None:
        if len({name.lower() for name, _ in key}) < len(key):
            raise NotPlain("a header of the session is given twice")
        if len(_lines) >= MAX_LINES:
            _lines.clear()
        lines = _lines[key] = _engine.Lines(list(key))
    headers.lines = lines
    return lines


class AgentCookies(ReadyCookies, CookieJar):
    """A session's cookies."""

    def make_header(self, target):
        request = FastRequest(target.url, headers=Headers())
        self.add_cookie_header(request)
        return request.headers.get("Cookie")


class Fast:
    """What a session and its agent keep for the fast way."""

    __slots__ = ("agent", "base_url", "counted", "handoff", "n_attributes", "plain", "streams", "targets", "yielded")

    def __init__(self):
        self.agent = None
        self.base_url = None
        self.counted = False
        self.handoff = None
        self.n_attributes = -1
        self.plain = False
        # The next request's body will be read by whoever asked for it.
        self.streams = False
        self.targets = None
        self.yielded = False


# What a pool of clients may be told for the engine to stand in for it.
POOL_ARGUMENTS = frozenset(
    (
        "concurrency",
        "connection_timeout",
        "insecure",
        "network_timeout",
        "proxy_host",
        "proxy_port",
        "ssl_context_factory",
    )
)


def client_of(pool):
    """The engine's client that stands in for a pool of geventhttpclient's; raises NotPlain."""
    client = pool.__dict__.get("_squall_client")
    if client is None:
        arguments = pool.client_args
        if type(pool) is not HTTPClientPool or not POOL_ARGUMENTS.issuperset(arguments):
            raise NotPlain("client_pool")
        if arguments.get("proxy_host"):
            raise NotPlain("proxies")
        concurrency = arguments.get("concurrency", 1)
        insecure = arguments.get("insecure", False)
        client = pool._squall_client = _engine.Client(
            like_requests=False,
            max_idle=concurrency,
            max_open=concurrency,
            connect_timeout=arguments.get("connection_timeout", DEFAULT_CONNECTION_TIMEOUT),
            read_timeout=arguments.get("network_timeout", DEFAULT_NETWORK_TIMEOUT),
            tls=hub.tls(not insecure),
        )
    return client


def has_own_tls(pool):
    """Whether a pool's TLS is made by something of the user's."""
    factory = pool.client_args.get("ssl_context_factory")
    return factory not in (None, fasthttp.insecure_ssl_context_factory, create_default_context)


def close_pool(self):
    client = self.__dict__.get("_squall_client")
    if client is not None:
        client.close()
    ORIGINAL_POOL_CLOSE(self)


def review(session, fast):
    """Whether a session is one the fast way may serve: nobody has put something else in place of its parts."""
    own = session.__dict__
    agent = own.get("client")
    kind = type(session)
    plain = type(agent) is LocustUserAgent and all(name in own or hasattr(kind, name) for name in NEEDED)
    if plain:
        replaced = own.keys() & _session_methods.keys() or agent.__dict__.keys() & _agent_methods.keys()
        plain = not replaced and "_urlopen" not in agent.__dict__
        plain = plain and all(getattr(kind, name) is method for name, method in _session_methods.items())
        plain = plain and all(getattr(LocustUserAgent, name) is method for name, method in _agent_methods.items())
        plain = plain and LocustUserAgent._urlopen is agent_urlopen
        plain = plain and LocustUserAgent.valid_response_codes is VALID_CODES
    fast.plain = plain
    fast.agent = agent
    fast.n_attributes = len(own)


_targets = {}


def targets_of(base_url):
    targets = _targets.get(base_url)
    if targets is None:
        if len(_targets) >= MAX_LINES:
            _targets.clear()
        targets = _targets[base_url] = {}
    return targets


def target_of(url_split, shown=None):
    """The target of one of geventhttpclient's URLs, shown as given; None if it is none of HTTP."""
    host = url_split.netloc.rpartition("@")[2]
    uri = url_split.quoted_uri or "/"
    return _engine.Target.prepared(f"{url_split.scheme}://{host}{uri if uri.startswith('/') else '/' + uri}", shown)


def find_target(session, targets, url):
    if type(url) is not str:
        return None
    complete = session._build_url(url)
    target = _engine.Target.plain(complete)
    if target is None:
        try:
            target = target_of(URL(complete), complete)
        except ValueError:
            return None
    if target is not None:
        if len(targets) >= MAX_TARGETS:
            targets.clear()
        targets[url] = target
    return target


def init(self, *args, **kwargs):
    ORIGINAL_INIT(self, *args, **kwargs)
    agent = self.client
    fast = self._fast = agent._fast = Fast()
    if type(agent) is LocustUserAgent:
        headers = agent.default_headers
        agent.default_headers = AgentHeaders()
        # Its own update() takes only headers of its own class as they are.
        agent.default_headers._copy_from(headers)
        self.cookiejar = agent.cookiejar = AgentCookies()
    fast.agent = agent


def request(
    self,
    method,
    url,
    name=None,
    data=None,
    catch_response=False,
    stream=False,
    headers=None,
    auth=None,
    json=None,
    allow_redirects=True,
    context=NO_CONTEXT,
    **kwargs,
):
    own = self.__dict__
    try:
        fast = own["_fast"]
    except KeyError:
        # A class of the user's that has not called our constructor.
        fast = own["_fast"] = Fast()
    if fast.n_attributes != len(own) or fast.agent is not own["client"]:
        review(self, fast)
    reason = None
    if not fast.plain:
        reason = "a changed session"
    elif stream:
        reason = "stream"
    elif kwargs:
        reason = next(iter(kwargs))
    while reason is None:
        if own["base_url"] is not fast.base_url:
            fast.base_url = own["base_url"]
            fast.targets = targets_of(fast.base_url)
        target = fast.targets.get(url) or find_target(self, fast.targets, url)
        if target is None:
            reason = "the URL"
            break
        agent = fast.agent
        pool = agent.clientpool
        try:
            client = pool.__dict__.get("_squall_client") or client_of(pool)
            lines = agent.default_headers.lines or lines_of(agent.default_headers)
        except (AttributeError, NotPlain) as error:
            reason = str(error) if isinstance(error, NotPlain) else "headers of the session"
            break
        if target.secure and has_own_tls(pool):
            reason = "ssl_context_factory"
            break
        jar = own["cookiejar"]
        cookie = None
        if jar is not agent.cookiejar or type(jar) is not AgentCookies:
            reason = "cookiejar"
            break
        if jar._cookies:
            cookie = jar.header_for(target)
        authorization = None
        if auth:
            authorization = fasthttp._construct_basic_auth_str(auth[0], auth[1])
        elif self.auth_header:
            authorization = self.auth_header
        extras = headers
        if extras is not None and type(extras) is not dict:
            extras = dict(extras)
        body = content_type = None
        if data:
            body, content_type = body_of(data, extras)
            if body is None:
                reason = "data"
                break
        elif json is not None:
            body = json_module.dumps(json)
            extras = with_json_headers(extras)
        shown = name or own["request_name"] or url
        loop = get_hub()
        if loop is not hub.current:
            attach(loop)
        try:
            reply, flags = send(
                EngineResponseContextManager if catch_response else EngineResponse,
                loop,
                client,
                self,
                method,
                target,
                shown,
                lines,
                extras,
                cookie,
                authorization,
                body,
                content_type,
                method in BODY_METHODS,
                None,
                catch_response,
                context or None,
            )
        except NotPlain as error:
            reason = str(error)
            break
        fast.yielded = True
        error = None
        if flags:
            redirected = flags & REDIRECTS and allow_redirects and agent.max_redirects > 0
            if flags & (FAILED | UNDECODABLE) or redirected:
                # geventhttpclient's code goes on from here, as if it had sent this request.
                fast.handoff = reply
                break
            if flags & SETS_COOKIES:
                jar.extract_cookies(reply, reply.request)
        if reply.status_code not in VALID_CODES:
            error = LocustBadStatusCode(self._build_url(url), code=reply.status_code)
            error.response, error.request = reply, reply.request
            reply.error = error
            reply.touch()
        if not catch_response:
            engine = own["request_event"].engine
            if engine is not None and error is None:
                reply.record(engine)
            else:
                own["request_event"].fire(**meta_of(reply, error))
        return reply
    if reason is not None:
        count_slow(reason)
        fast.counted = True
    return general(
        self, method, url, name, data, catch_response, stream, headers, auth, json, allow_redirects, context, kwargs
    )


def get(self, url, *, name=None, catch_response=False, **kwargs):
    if kwargs:
        return self.request("GET", url, name=name, catch_response=catch_response, **kwargs)
    # Most have no more arguments, and a call without a dictionary of them costs less.
    return self.request("GET", url, name=name, catch_response=catch_response)


def body_of(data, headers):
    """Body and content type as geventhttpclient makes them; None for what it reads while it is sent."""
    kind = type(data)
    if kind is str:
        # It is encoded here unless the caller says what it is.
        is_told = headers and any(field.lower() == "content-type" for field in headers)
        return (data if is_told else data.encode()), "text/plain; charset=utf-8"
    if kind is bytes:
        return data, "application/octet-stream"
    if kind is dict:
        return urlencode(data).encode(), "application/x-www-form-urlencoded; charset=utf-8"
    return None, None


def with_json_headers(headers):
    if not headers:
        return JSON_HEADERS
    headers = headers.copy()
    for field, value in JSON_HEADERS.items():
        if field not in headers and field.lower() not in headers:
            headers[field] = value
    return headers


def general(
    self, method, url, name, data, catch_response, stream, headers, auth, json, allow_redirects, context, kwargs
):
    """A request through geventhttpclient's code, as Locust does it. One the engine has begun goes on from where it is."""
    if self.request_name and not name:
        name = self.request_name
    built_url = self._build_url(url)
    start_time = time.time()
    if self.user:
        context = {**self.user.context(), **context}
    headers = dict(headers) if headers else {}
    if auth:
        headers["Authorization"] = fasthttp._construct_basic_auth_str(auth[0], auth[1])
    elif self.auth_header:
        headers["Authorization"] = self.auth_header
    if "Accept-Encoding" not in headers and "accept-encoding" not in headers:
        headers["Accept-Encoding"] = ACCEPT_ENCODING
    if not data and json is not None:
        data = json_module.dumps(json)
        headers = with_json_headers(headers)
    agent = self.client
    fast = self._fast
    began = time.perf_counter()
    reply = fast.handoff
    if reply is not None:
        start_time = reply.started_at
        began -= reply.age_s
    if not allow_redirects:
        followed = agent.redirect_response_codes
        agent.redirect_response_codes = frozenset()
    fast.streams = stream
    try:
        response = self._send_request_safe_mode(method, built_url, payload=data, headers=headers, **kwargs)
    finally:
        fast.handoff = None
        fast.streams = fast.counted = False
        if not allow_redirects:
            agent.redirect_response_codes = followed
    meta = {
        "request_type": method,
        "name": name or url,
        "context": context,
        "response": response,
        "exception": None,
        "start_time": start_time,
        "url": built_url,
        "response_length": 0,
    }
    try:
        if not stream:
            meta["response_length"] = len(response.content) if response.content else 0
        elif response.headers and "content-length" in response.headers:
            meta["response_length"] = int(response.headers["content-length"])
        meta["response_time"] = measured(response, reply)
        if meta["response_time"] is None:
            meta["response_time"] = (time.perf_counter() - began) * 1000
        response.raise_for_status()
    except FAILURE_EXCEPTIONS as error:
        meta.setdefault("response_time", (time.perf_counter() - began) * 1000)
        meta["exception"] = error
    if catch_response:
        return ResponseContextManager(response, self.request_event, meta, catch_response)
    self.request_event.fire(**meta)
    return response


def measured(response, reply):
    """What the engine measured of a request that went through geventhttpclient's code, milliseconds: its exchanges,
    without what this process took between them. None where the engine did not carry out all of it."""
    failure = None if reply is None else reply.what_failed()
    if failure is not None:
        # After TLS failed, the library has tried by itself.
        return None if failure[0] == "tls" else reply.elapsed_ms
    if isinstance(response, ErrorResponse):
        return None
    sockets = [part._response for part in (*response.history, response)]
    if not all(isinstance(socket, SocketResponse) for socket in sockets):
        return None
    return sum(socket._reply.elapsed_ms for socket in sockets)


def meta_of(response, error):
    """What listeners are told of a response of the fast way."""
    session = response.session
    context = response.request_context or NO_CONTEXT
    if session.user:
        context = {**session.user.context(), **context}
    return {
        "request_type": response.asked_method,
        "name": response.stat_name,
        "context": context,
        "response": response,
        "exception": error,
        "start_time": response.started_at,
        "url": response.target.url,
        "response_length": response.body_length,
        "response_time": response.elapsed_ms,
    }


def borrow(target, *classes):
    """Gives a class the methods of others, the first first, that it has not itself. Those have slots, so that no class
    can have them and the engine's as bases."""
    for source in classes:
        for name, value in vars(source).items():
            is_method = callable(value) or isinstance(value, property) or name == "encoding"
            if is_method and name not in vars(target) and name not in UNBORROWED and not hasattr(Reply, name):
                setattr(target, name, value)


UNBORROWED = frozenset(("__class__", "__init__", "__new__", "__enter__", "__exit__"))


class EngineResponse(Reply):
    """A response of the fast way, whose parts are made when they are read. To `isinstance` it is a FastResponse."""

    # Sending is done by the base class's constructor.
    __init__ = object.__init__
    __class__ = property(lambda self: FastResponse)

    url = property(lambda self: self.target.url)
    elapsed = property(lambda self: timedelta(seconds=self.first_byte_s))
    headers = Lazy(lambda self: headers_of(self))
    history = Lazy(lambda self: [])
    request = Lazy(lambda self: sent_request(self))
    _response = Lazy(lambda self: SocketResponse(self, is_read=True))
    _request = property(lambda self: self.request)
    _sent_request = property(lambda self: self.sent_head.decode("latin-1"))

    def _json_slowly(self):
        return json_module.loads(self.text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class EngineResponseContextManager(EngineResponse):
    """A response of the fast way, in a with-block."""

    __class__ = property(lambda self: ResponseContextManager)

    _request_event = Lazy(lambda self: self.session.request_event)

    @Lazy
    def request_meta(self):
        self.touch()
        return meta_of(self, self.__dict__.get("error"))

    def _decide(self, result):
        self.touch()
        self.__dict__["_manual_result"] = result

    _manual_result = property(lambda self: self.__dict__.get("_manual_result"), _decide)

    # With-blocks begin and end in the engine; what is not plain comes here.
    __enter__ = Reply.__enter__
    __exit__ = Reply.__exit__
    _enter_slowly = ResponseContextManager.__enter__
    _exit_slowly = ResponseContextManager.__exit__


borrow(EngineResponse, FastResponse, CompatResponse)
borrow(EngineResponseContextManager, ResponseContextManager)


def headers_of(reply):
    headers = Headers()
    for name, value in reply.header_pairs():
        headers.add(name, value)
    return headers


def sent_request(reply):
    """The request as geventhttpclient would have made it."""
    headers = Headers()
    for line in reply.sent_head.decode("latin-1").split("\r\n")[1:]:
        name, found, value = line.partition(": ")
        if found and name.lower() != "host":
            headers.add(name, value)
    if headers.get("content-type") not in MEASURED_TYPES:
        headers.discard("content-length")
    return FastRequest(reply.target.url, method=reply.asked_method, headers=headers, payload=reply.sent_body)


class SocketResponse:
    """As much of geventhttpclient's response on a socket as its users look at; the body is there already."""

    status_message = None
    message_complete = True
    headers_complete = True

    def __init__(self, reply, is_read=False):
        self._reply = reply
        self._headers_index = headers_of(reply)
        self._sent_request = reply.sent_head.decode("latin-1")
        self._body = BytesIO(b"" if is_read else reply.raw_bytes)
        failure = reply.what_failed()
        self._is_cut = failure is not None and failure[0] in ("incomplete", "other", "read timeout", "broken")
        self.status_message = reply.reason_phrase
        self.version = "HTTP/1.0" if reply.http_version == 10 else "HTTP/1.1"

    @property
    def headers(self):
        return self._headers_index.items()

    @property
    def status_code(self):
        return self._reply.status_code

    def get_code(self):
        return self._reply.status_code

    def get_http_version(self):
        return self.version

    @property
    def length(self):
        length = self._headers_index.get("content-length")
        return int(length) if isinstance(length, str) else None

    content_length = length

    def read(self, length=None):
        part = self._body.read(length)
        if self._is_cut and (length is None or len(part) < length):
            raise_failure(self._reply)
        return part

    def readline(self, sep=b"\r\n"):
        start = self._body.tell()
        rest = self._body.read()
        found = rest.find(sep)
        if found < 0:
            self._body.seek(start)
            return b""
        self._body.seek(start + found + len(sep))
        return rest[: found + len(sep)]

    def release(self):
        pass

    def __iter__(self):
        return self

    def __next__(self):
        part = self.read(4096)
        if not part:
            raise StopIteration
        return part


def agent_urlopen(self, request):
    """Sends one request with the engine, in place of geventhttpclient's connections, where it can."""
    fast = self.__dict__.get("_fast")
    if fast is None:
        return ORIGINAL_URLOPEN(self, request)
    reply, fast.handoff = fast.handoff, None
    if fast.streams:
        # Kept through redirects, which change the request in place.
        request.streams, fast.streams = True, False
    if reply is None:
        try:
            reply = send_prepared(self, fast, request)
        except NotPlain as error:
            return slow_urlopen(self, fast, request, str(error))
    failure = reply.what_failed()
    if failure is not None:
        if failure[0] == "tls":
            # Its words are OpenSSL's. Nothing was sent yet.
            return slow_urlopen(self, fast, request, "TLS")
        if not reply.status_code:
            raise_failure(reply)
    response = SocketResponse(reply)
    return self.response_type(response, request=request, sent_request=response._sent_request)


def slow_urlopen(agent, fast, request, reason):
    if not fast.counted:
        count_slow(reason)
    return ORIGINAL_URLOPEN(agent, request)


def send_prepared(agent, fast, request):
    if getattr(request, "streams", False):
        raise NotPlain("stream")
    pool = agent.clientpool
    client = client_of(pool)
    url = request.url_split
    if url.scheme == "https" and has_own_tls(pool):
        raise NotPlain("ssl_context_factory")
    target = target_of(url)
    if target is None:
        raise NotPlain("the URL")
    body = request.payload
    if isinstance(body, str):
        body = body.encode()
    elif body is not None and type(body) is not bytes:
        raise NotPlain("a body that is read while it is sent")
    headers = [(name, str(value)) for name, value in request.headers.items()]
    names = {name.lower() for name, _ in headers}
    if "transfer-encoding" in names or "expect" in names:
        raise NotPlain("the headers")
    if "content-length" not in names and (body or request.method in BODY_METHODS):
        headers.append(("Content-Length", str(len(body or b""))))
    loop = get_hub()
    attach(loop)
    arguments = (client, None, request.method, target, headers, body or None, None)
    reply = hub.submit(Reply.prepared, target, arguments)
    fast.yielded = True
    hub.wait(reply, loop)
    return reply


def raise_failure(reply):
    """Raises what geventhttpclient raises when its socket fails so."""
    kind, detail = reply.what_failed()
    if kind == "broken" and detail == errno.ECONNRESET and not reply.status_code:
        kind = "closed"
    if kind in ("connect", "broken"):
        raise OSError(detail, os.strerror(detail))
    if kind in ("connect timeout", "read timeout"):
        raise TimeoutError("timed out")
    if kind in ("closed", "incomplete"):
        raise HTTPConnectionClosed("connection closed.")
    raise HTTPParseError(detail)


def install():
    """Puts the engine under Locust's FastHttpSession. Once."""
    if getattr(FastHttpSession.request, "__wrapped__", None) is ORIGINAL_REQUEST:
        return
    FastHttpSession.__init__ = functools.wraps(ORIGINAL_INIT)(init)
    FastHttpSession.request = functools.wraps(ORIGINAL_REQUEST)(request)
    FastHttpSession.get = functools.wraps(FastHttpSession.get)(get)
    LocustUserAgent._urlopen = agent_urlopen
    HTTPClientPool.close = close_pool
