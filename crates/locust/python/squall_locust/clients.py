"""HttpUser's client on the engine.

`HttpSession` stays Locust's class and a `requests.Session`. Three ways a request may go:

1. The fast one, for what most requests are: Python only finds the ready-made parts, the engine writes the request, and
   the response is read when somebody asks for its parts.
2. What needs requests' own thought (redirects, cookies that are set, odd arguments, errors) goes through requests' code,
   with the engine below it in place of urllib3: Locust's adapter hands prepared requests to it.
3. What the engine does not do (proxies, streaming, client certificates, other adapters) goes through urllib3, as in
   Locust. The second and third are counted (`hub.slow_requests`).
"""

import functools
import http.client
import json as json_module
import os
import time
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlsplit

import gevent
import requests
from gevent import get_hub, getcurrent
from locust.clients import HttpSession, LocustHttpAdapter, ResponseContextManager
from locust.user.task import TaskSet
from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.compat import json as complexjson
from requests.cookies import RequestsCookieJar, cookiejar_from_dict, extract_cookies_to_jar, get_cookie_header
from requests.exceptions import ChunkedEncodingError, ConnectionError, ConnectTimeout, ReadTimeout, RequestException
from requests.models import PreparedRequest, RequestEncodingMixin, Response
from requests.sessions import Session
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, extract_zipped_paths, get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError, ReadTimeoutError

from squall_locust import _engine, hub
from squall_locust._engine import NoAddress, NotPlain
from squall_locust.hub import FAILED, REDIRECTS, SETS_COOKIES, UNDECODABLE, UNFINISHED, attach, count_slow

NO_CONTEXT = {}
# URLs, and sets of headers, that are kept ready.
MAX_TARGETS = 10_000
MAX_LINES = 1_000
# Targets for which a jar keeps its header ready.
MAX_COOKIES = 64

ORIGINAL_REQUEST = HttpSession.request
ORIGINAL_INIT = HttpSession.__init__
ORIGINAL_ADAPTER_SEND = HTTPAdapter.send
ORIGINAL_SEND = Session.send
_overridable = ("_build_url", "_send_request_safe_mode", "prepare_request", "send")
_originals = {name: getattr(HttpSession, name) for name in _overridable}

# Attributes the fast way looks at.
NEEDED = (
    "adapters",
    "auth",
    "base_url",
    "cert",
    "cookies",
    "headers",
    "hooks",
    "params",
    "proxies",
    "request_event",
    "request_name",
    "stream",
    "trust_env",
    "verify",
)

_encode_json = json_module.JSONEncoder(allow_nan=False).encode
_uses_own_json = complexjson is not json_module


class Lazy:
    """An attribute that is made when it is first read, and is an ordinary one from then on."""

    __slots__ = ("make", "name")

    def __init__(self, make):
        self.make = make

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner):
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.make(instance)
        return value


class SessionHeaders(CaseInsensitiveDict):
    """A session's headers; `lines` is what the engine sends for them, until they change."""

    lines = None

    def __setitem__(self, key, value):
        self.lines = None
        super().__setitem__(key, value)

    def __delitem__(self, key):
        self.lines = None
        super().__delitem__(key)


_lines = {}


def lines_of(headers):
    """The headers of a session, ready to be sent; raises NotPlain."""
    key = tuple(headers.items())
    try:
        lines = _lines.get(key)
    except TypeError:
        raise NotPlain("a header of the session is no text") from None
    if lines is None:
        if any(type(value) is not str for _, value in key):
            raise NotPlain("a header of the session is no text")
        lines = _engine.Lines(list(key))
        if not (lines.has("user-agent") and lines.has("accept-encoding")):
            # urllib3 and http.client would add theirs.
            raise NotPlain("the session has no User-Agent or Accept-Encoding")
        if len(_lines) >= MAX_LINES:
            _lines.clear()
        _lines[key] = lines
    headers.lines = lines
    return lines


class SessionCookies(RequestsCookieJar):
    """A session's cookies; `ready` has the header for targets that were asked for, until a cookie changes."""

    def __init__(self, policy=None):
        super().__init__(policy)
        self.ready = {}
        self.ready_until = None

    def set_cookie(self, cookie, *args, **kwargs):
        self.ready = {}
        return super().set_cookie(cookie, *args, **kwargs)

    def clear(self, domain=None, path=None, name=None):
        self.ready = {}
        super().clear(domain, path, name)

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("ready", None)
        state.pop("ready_until", None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        self.ready = {}
        self.ready_until = None

    def header_for(self, target):
        """The Cookie header of a request to the target, if there is one."""
        if self.ready_until is not None and time.time() >= self.ready_until:
            self.ready = {}
        try:
            return self.ready[target]
        except KeyError:
            pass
        header = cookie_header(self, target.url)
        if len(self.ready) >= MAX_COOKIES:
            self.ready = {}
        ends = [cookie.expires for cookie in self if cookie.expires is not None]
        self.ready_until = min(ends, default=None)
        self.ready[target] = header
        return header


def cookie_header(jar, url):
    request = PreparedRequest()
    request.url = url
    request.headers = CaseInsensitiveDict()
    return get_cookie_header(jar, request)


class Fast:
    """What a session keeps for the fast way."""

    __slots__ = (
        "base_url",
        "client",
        "counted",
        "handoff",
        "insecure",
        "n_attributes",
        "plain",
        "pool_manager",
        "targets",
        "yielded",
    )

    def __init__(self, pool_manager):
        self.pool_manager = pool_manager
        self.base_url = None
        self.client = None
        self.counted = False
        self.insecure = None
        self.handoff = None
        self.n_attributes = -1
        self.plain = False
        self.targets = None
        self.yielded = False


_authorities = None


def authorities():
    """The certificates that requests trusts."""
    global _authorities
    if _authorities is None:
        with open(extract_zipped_paths(DEFAULT_CA_BUNDLE_PATH), encoding="utf-8") as file:
            _authorities = file.read()
    return _authorities


def new_client(verify, pool_manager=None):
    settings = pool_manager.connection_pool_kw if pool_manager is not None else {}
    most = settings.get("maxsize", DEFAULT_POOLSIZE)
    return _engine.Client(
        like_requests=True,
        max_idle=most,
        max_open=most if settings.get("block") else None,
        verify=verify,
    )


def shared_client(fast, verify):
    """The client of a session, or of all that share its pool manager."""
    name = "client" if verify else "insecure"
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


def review(session, fast):
    """Whether a session is one the fast way may serve: nobody has put something else in place of its parts."""
    kind = type(session)
    own = session.__dict__
    plain = Session.send is ORIGINAL_SEND and all(name in own for name in NEEDED)
    plain = plain and not any(name in own for name in _overridable)
    plain = plain and all(getattr(kind, name) is method for name, method in _originals.items())
    plain = plain and all(type(adapter) is LocustHttpAdapter for adapter in session.adapters.values())
    fast.plain = plain and len(session.adapters) == 2
    fast.n_attributes = len(own)


_targets = {}


def targets_of(base_url):
    targets = _targets.get(base_url)
    if targets is None:
        if len(_targets) >= MAX_LINES:
            _targets.clear()
        targets = _targets[base_url] = {}
    return targets


def find_target(session, targets, url, params):
    """The target of a URL that was not asked for before; None if requests has to look at it."""
    key = url
    if params:
        if type(params) is not dict or type(url) is not str:
            return None
        key = (url, *params.items())
        try:
            target = targets.get(key)
        except TypeError:
            # Lists as values.
            key, target = None, None
        if target is not None:
            return target
    if type(url) is not str:
        return None
    complete = session._build_url(url)
    target = None if params else _engine.Target.plain(complete)
    if target is None:
        try:
            if "@" in urlsplit(complete).netloc:
                # Credentials.
                return None
            prepared = PreparedRequest()
            prepared.prepare_url(complete, params)
        except (RequestException, ValueError):
            return None
        target = _engine.Target.prepared(prepared.url)
    if target is not None and key is not None:
        if len(targets) >= MAX_TARGETS:
            targets.clear()
        targets[key] = target
    return target


def init(self, base_url, request_event, user, *args, pool_manager=None, **kwargs):
    ORIGINAL_INIT(self, base_url, request_event, user, *args, pool_manager=pool_manager, **kwargs)
    headers = SessionHeaders(self.headers.items())
    self.headers = headers
    self.cookies = SessionCookies()
    self.explicit_name = None
    self._fast = Fast(pool_manager)
    for adapter in self.adapters.values():
        adapter.session = self._fast


def request(
    self,
    method,
    url,
    name=None,
    catch_response=False,
    context=NO_CONTEXT,
    *,
    data=None,
    json=None,
    params=None,
    headers=None,
    cookies=None,
    files=None,
    auth=None,
    timeout=None,
    allow_redirects=True,
    proxies=None,
    hooks=None,
    stream=None,
    verify=None,
    cert=None,
):
    own = self.__dict__
    fast = own["_fast"]
    if fast.n_attributes != len(own):
        review(self, fast)
    if (
        not fast.plain
        or cookies
        or files
        or proxies
        or hooks
        or stream
        or cert
        or own["stream"]
        or own["cert"]
        or own["proxies"]
        or own["params"]
        or own["trust_env"]
        or own["hooks"].get("response")
        or len(own["adapters"]) != 2
    ):
        reason = why_general(self, cookies, files, proxies, hooks, stream, cert)
    else:
        reason = None
    while reason is None:
        # The target.
        if own["base_url"] is not fast.base_url:
            fast.base_url = own["base_url"]
            fast.targets = targets_of(fast.base_url)
        target = None if params else fast.targets.get(url)
        if target is None:
            target = find_target(self, fast.targets, url, params)
            if target is None:
                reason = "the URL"
                break
        # The headers.
        session_headers = own["headers"]
        try:
            lines = session_headers.lines or lines_of(session_headers)
        except (AttributeError, NotPlain):
            reason = "headers of the session"
            break
        if headers is not None and type(headers) is not dict:
            headers = dict(headers)
        jar = own["cookies"]
        cookie = None
        if jar._cookies:
            cookie = jar.header_for(target) if type(jar) is SessionCookies else cookie_header(jar, target.url)
        authorization = None
        credentials = auth or own["auth"]
        if credentials is not None:
            authorization = basic(credentials)
            if authorization is None:
                reason = "auth"
                break
        # The body.
        body = content_type = None
        if data:
            kind = type(data)
            if kind is bytes or kind is str:
                body = data
            elif kind is dict:
                body = RequestEncodingMixin._encode_params(data)
                content_type = "application/x-www-form-urlencoded"
            else:
                reason = "data"
                break
        elif json is not None:
            if _uses_own_json:
                reason = "another JSON library"
                break
            try:
                body = _encode_json(json).encode()
            except ValueError:
                reason = "json"
                break
            content_type = "application/json"
        # The rest.
        timeouts = None
        if timeout is not None:
            timeouts = pair_of(timeout)
            if timeouts is None:
                reason = "timeout"
                break
        if target.secure:
            verify = own["verify"] if verify is None else verify
            if verify is not True and verify is not False:
                reason = "verify"
                break
            client = fast.client if verify else fast.insecure
            if client is None:
                client = shared_client(fast, verify)
        else:
            client = fast.client
            if client is None:
                client = shared_client(fast, True)
        if not name:
            name = own["request_name"] or target.path_url
        tells_zero = method != "GET" and method != "HEAD" and method.upper() not in ("GET", "HEAD")

        loop = get_hub()
        if loop is not hub.current:
            attach(loop)
        try:
            try:
                reply = EngineResponse(
                    client,
                    self,
                    method,
                    target,
                    name,
                    lines,
                    headers,
                    cookie,
                    authorization,
                    body,
                    content_type,
                    tells_zero,
                    timeouts,
                    None,
                    getcurrent(),
                )
            except NoAddress:
                reply = EngineResponse(
                    client,
                    self,
                    method,
                    target,
                    name,
                    lines,
                    headers,
                    cookie,
                    authorization,
                    body,
                    content_type,
                    tells_zero,
                    timeouts,
                    hub.addresses(target.host, target.port),
                    getcurrent(),
                )
        except NotPlain as error:
            reason = str(error)
            break
        except OSError:
            # The name leads nowhere: requests tells it in its words.
            reason = "name resolution"
            break
        fast.yielded = True
        try:
            loop.switch()
            flags = reply.settle()
            while flags & UNFINISHED:
                loop.switch()
                flags = reply.settle()
        except BaseException:
            # Killed, or out of time: the response would be taken for the next request's.
            reply.cancel()
            raise
        if flags:
            if flags & (FAILED | UNDECODABLE) or flags & REDIRECTS and allow_redirects:
                # Requests' code goes on from here, as if it had sent this request.
                fast.handoff = reply
                break
            if flags & SETS_COOKIES:
                extract_cookies_to_jar(self.cookies, reply.request, reply.raw)
            if flags & REDIRECTS:
                reply._note_next()
        if not catch_response:
            engine = own["request_event"].engine
            if engine is not None and not flags & hub.IS_ERROR:
                reply.record(engine)
            else:
                reply._context = context
                reply.__exit__(None, None, None)
            return reply
        reply._catch_response = True
        if context:
            reply._context = context
        return reply
    if reason is not None:
        count_slow(reason)
        fast.counted = True
    return general(
        self,
        method,
        url,
        name,
        catch_response,
        context,
        {
            "data": data,
            "json": json,
            "params": params,
            "headers": headers,
            "cookies": cookies,
            "files": files,
            "auth": auth,
            "timeout": timeout,
            "allow_redirects": allow_redirects,
            "proxies": proxies,
            "hooks": hooks,
            "stream": stream,
            "verify": verify,
            "cert": cert,
        },
    )


def why_general(session, cookies, files, proxies, hooks, stream, cert):
    """Why a request goes through requests' code."""
    own = session.__dict__
    given = {
        "cookies": cookies,
        "files": files,
        "proxies": proxies or own["proxies"],
        "hooks": hooks or own["hooks"].get("response"),
        "stream": stream or own["stream"],
        "cert": cert or own["cert"],
        "params of the session": own["params"],
        "trust_env": own["trust_env"],
    }
    for reason, value in given.items():
        if value:
            return reason
    return "a changed session"


def basic(auth):
    """The Authorization header of basic authentication; None for other kinds."""
    if type(auth) is tuple and len(auth) == 2:
        user, password = auth
    elif type(auth) is HTTPBasicAuth:
        user, password = auth.username, auth.password
    else:
        return None
    if type(user) is not str or type(password) is not str:
        return None
    try:
        return _basic_auth_str(user, password)
    except UnicodeError:
        return None


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


def general(self, method, url, name, catch_response, context, arguments):
    """A request through requests' code, as Locust does it. One the engine has begun goes on from where it is."""
    if self.request_name and not name:
        name = self.request_name
    reply = self._fast.handoff
    explicit = name
    if reply is not None and name == reply.target.path_url:
        explicit = None
    self.explicit_name = explicit
    complete_url = self._build_url(url)
    start_time = time.time()
    began = time.perf_counter()
    if reply is not None:
        start_time = reply.started_at
        began -= reply.age_s
    try:
        response = self._send_request_safe_mode(method, complete_url, **arguments)
    finally:
        self._fast.handoff = None
        self._fast.counted = False
    response_time = (time.perf_counter() - began) * 1000
    first = (response.history[0] if response.history else response).request
    if first is not None:
        complete_url = str(first.url)
        name = explicit or getattr(first, "path_url", None) or str(url)
    else:
        name = explicit or str(url)
    if self.user:
        context = {**self.user.context(), **context}
    if arguments["stream"]:
        length = int(response.headers.get("content-length") or 0)
    else:
        length = len(response.content or b"")
    meta = {
        "request_type": method,
        "response_time": response_time,
        "name": name,
        "context": context,
        "response": response,
        "exception": None,
        "start_time": start_time,
        "url": complete_url,
        "response_length": length,
    }
    wrapped = ResponseContextManager.wrap_response(
        response, request_event=self.request_event, request_meta=meta, catch_response=catch_response
    )
    if not catch_response:
        wrapped.__exit__(None, None, None)
    return wrapped


class EngineResponse(_engine.Reply, ResponseContextManager):
    """A response of the fast way: `requests.Response` and Locust's context manager, whose parts are made when read."""

    # Sending is done by the base class's constructor.
    __init__ = object.__init__

    _entered = False
    _catch_response = False
    _content_consumed = True
    _context = NO_CONTEXT
    _next = None

    _content = Lazy(lambda self: self.content)
    headers = Lazy(lambda self: CaseInsensitiveDict(self.raw.headers))
    encoding = Lazy(lambda self: get_encoding_from_headers(self.headers))
    reason = Lazy(lambda self: self.reason_phrase)
    url = Lazy(lambda self: self.target.url)
    history = Lazy(lambda self: [])
    elapsed = Lazy(lambda self: timedelta(seconds=self.first_byte_s))
    raw = Lazy(lambda self: raw_response(self, read=True))
    connection = Lazy(lambda self: self.session.get_adapter(self.url))
    _request_event = Lazy(lambda self: self.session.request_event)

    @Lazy
    def cookies(self):
        jar = cookiejar_from_dict({})
        extract_cookies_to_jar(jar, self.request, self.raw)
        return jar

    @Lazy
    def request(self):
        return sent_request(self)

    @Lazy
    def request_meta(self):
        session = self.session
        context = self._context
        if session.user:
            context = {**session.user.context(), **context}
        return {
            "request_type": self.asked_method,
            "response_time": self.elapsed_ms,
            "name": self.stat_name,
            "context": context,
            "response": self,
            "exception": None,
            "start_time": self.started_at,
            "url": self.target.url,
            "response_length": self.body_length,
        }

    def _json_slowly(self, **kwargs):
        return Response.json(self, **kwargs)

    def _note_next(self):
        try:
            self._next = next(self.session.resolve_redirects(self, self.request, yield_requests=True))
        except StopIteration:
            pass

    def __exit__(self, exc, value, traceback):
        if exc is None and self.status_code < 400:
            own = self.__dict__
            if not ("_manual_result" in own or "request_meta" in own or "error" in own):
                engine = self.session.request_event.engine
                if engine is not None:
                    self.record(engine)
                    return True
        return ResponseContextManager.__exit__(self, exc, value, traceback)


def raw_response(reply, read=False):
    """What urllib3 would have made of a reply. `read`: as it is after its body was read."""
    headers = HTTPHeaderDict()
    message = http.client.HTTPMessage()
    for name, value in reply.header_pairs():
        headers.add(name, value)
        message[name] = value
    raw = HTTPResponse(
        body=BytesIO(reply.raw_bytes),
        headers=headers,
        status=reply.status_code,
        version=reply.http_version,
        version_string="HTTP/1.0" if reply.http_version == 10 else "HTTP/1.1",
        reason=reply.reason_phrase,
        preload_content=False,
        decode_content=False,
        original_response=Received(message),
        request_method=reply.asked_method.upper(),
    )
    if read:
        raw._fp.seek(0, 2)
        raw.length_remaining = 0
    return raw


class Received:
    """As much of an `http.client.HTTPResponse` as urllib3 and requests look at."""

    def __init__(self, message):
        self.msg = message

    def isclosed(self):
        return True

    def close(self):
        pass


def sent_request(reply):
    """The request as requests would have prepared it."""
    prepared = PreparedRequest()
    prepared.method = reply.asked_method.upper()
    prepared.url = reply.target.url
    prepared.headers = CaseInsensitiveDict()
    lines = reply.sent_head.decode("latin-1").split("\r\n")
    for place, line in enumerate(lines[1:]):
        name, found, value = line.partition(": ")
        if found and not (place == 0 and name == "Host"):
            prepared.headers[name] = value
    prepared.body = reply.sent_body
    prepared._cookies = reply.session.cookies
    return prepared


# Requests' code on the engine.


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
    return self.build_response(request, raw_response(reply))


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
    client = shared_client(fast, bool(verify))
    timeouts = None if timeout is None else pair_of(timeout)
    loop = get_hub()
    attach(loop)
    try:
        reply = _engine.Reply.prepared(
            client, None, request.method, target, headers, body, timeouts, None, getcurrent()
        )
    except NoAddress:
        found = hub.addresses(target.host, target.port)
        reply = _engine.Reply.prepared(
            client, None, request.method, target, headers, body, timeouts, found, getcurrent()
        )
    fast.yielded = True
    hub.wait(reply)
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
        for client in (fast.client, fast.insecure):
            if client is not None:
                client.close()
    HTTPAdapter.close(self)


def get(self, url, *, data=None, json=None, **kwargs):
    return self.request("GET", url, data=data, json=json, **kwargs)


def sleep(self, seconds):
    """Between two tasks. Locust lets others run even where there is nothing to wait for; a user whose request has just
    done so need not."""
    if seconds == 0:
        fast = getattr(getattr(self.user, "client", None), "_fast", None)
        if fast is not None and fast.yielded:
            fast.yielded = False
            return
    gevent.sleep(seconds)


def install():
    """Puts the engine under Locust's HttpSession. Once."""
    if getattr(HttpSession.request, "__wrapped__", None) is ORIGINAL_REQUEST:
        return
    TaskSet._sleep = sleep
    HttpSession.__init__ = functools.wraps(ORIGINAL_INIT)(init)
    HttpSession.request = functools.wraps(ORIGINAL_REQUEST)(request)
    HttpSession.get = functools.wraps(HttpSession.get)(get)
    LocustHttpAdapter.send = adapter_send
    LocustHttpAdapter.close = close_adapter
