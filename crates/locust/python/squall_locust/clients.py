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
import json as json_module
import time
from collections import OrderedDict

import gevent
from gevent import get_hub
from locust.clients import HttpSession, LocustHttpAdapter, ResponseContextManager
from locust.user.task import TaskSet
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.compat import json as complexjson
from requests.cookies import extract_cookies_to_jar
from requests.models import RequestEncodingMixin
from requests.sessions import Session

from squall_locust import hub
from squall_locust._engine import NotPlain
from squall_locust.adapter import adapter_send, close_adapter, pair_of, shared_client
from squall_locust.hub import FAILED, IS_ERROR, REDIRECTS, SETS_COOKIES, UNDECODABLE, attach, count_slow, send
from squall_locust.ready import SessionCookies, SessionHeaders, cookie_header, find_target, lines_of, targets_of
from squall_locust.replies import NO_CONTEXT, EngineResponse

ORIGINAL_REQUEST = HttpSession.request
ORIGINAL_INIT = HttpSession.__init__
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


class Adapters(OrderedDict):
    """A session's adapters: of a change the session is looked at anew before its next request."""

    def __init__(self, fast, adapters):
        self.fast = fast
        super().__init__(adapters)

    def __setitem__(self, prefix, adapter):
        self.fast.n_attributes = -1
        super().__setitem__(prefix, adapter)

    def __delitem__(self, prefix):
        self.fast.n_attributes = -1
        super().__delitem__(prefix)

    def pop(self, *arguments):
        self.fast.n_attributes = -1
        return super().pop(*arguments)

    def copy(self):
        return OrderedDict(self)

    def __reduce__(self):
        # Who copies a session gets a dictionary like any other.
        return (OrderedDict, (), None, None, iter(self.items()))


class Fast:
    """What a session keeps for the fast way."""

    __slots__ = (
        "adapters",
        "base_url",
        "client",
        "counted",
        "handoff",
        "n_attributes",
        "plain",
        "pool_manager",
        "targets",
        "verifying",
        "yielded",
    )

    def __init__(self, pool_manager):
        self.pool_manager = pool_manager
        # The adapters as they were when the session was looked at.
        self.adapters = None
        self.base_url = None
        self.client = None
        self.counted = False
        self.verifying = None
        self.handoff = None
        self.n_attributes = -1
        self.plain = False
        self.targets = None
        self.yielded = False


def review(session, fast):
    """Whether a session is one the fast way may serve: nobody has put something else in place of its parts."""
    kind = type(session)
    own = session.__dict__
    plain = Session.send is ORIGINAL_SEND and all(name in own for name in NEEDED)
    plain = plain and not any(name in own for name in _overridable)
    plain = plain and all(getattr(kind, name) is method for name, method in _originals.items())
    plain = plain and all(type(adapter) is LocustHttpAdapter for adapter in session.adapters.values())
    fast.plain = plain and len(session.adapters) == 2
    fast.adapters = session.adapters
    # One that does not tell of changes may have changed by the next request.
    fast.n_attributes = len(own) if type(session.adapters) is Adapters else -1


def init(self, base_url, request_event, user, *args, pool_manager=None, **kwargs):
    ORIGINAL_INIT(self, base_url, request_event, user, *args, pool_manager=pool_manager, **kwargs)
    headers = SessionHeaders(self.headers.items())
    self.headers = headers
    self.cookies = SessionCookies()
    self.explicit_name = None
    self._fast = Fast(pool_manager)
    self.adapters = Adapters(self._fast, self.adapters)
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
    try:
        fast = own["_fast"]
    except KeyError:
        # A class of the user's that has not called our constructor.
        fast = own["_fast"] = Fast(None)
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
        or own["adapters"] is not fast.adapters
    ):
        reason = why_general(self, cookies, files, proxies, hooks, stream, cert)
    else:
        reason = None
    while reason is None:
        if own["base_url"] is not fast.base_url:
            fast.base_url = own["base_url"]
            fast.targets = targets_of(fast.base_url)
        target = None if params else fast.targets.get(url)
        if target is None:
            target = find_target(self, fast.targets, url, params)
            if target is None:
                reason = "the URL"
                break
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
        body = content_type = None
        if data or json is not None:
            body, content_type, reason = body_of(data, json)
            if reason is not None:
                break
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
            client = fast.verifying if verify else fast.client
            if client is None:
                client = shared_client(fast, verify)
        else:
            client = fast.client
            if client is None:
                client = shared_client(fast, False)
        shown = name or own["request_name"] or target.path_url
        tells_zero = method != "GET" and method != "HEAD" and method.upper() not in ("GET", "HEAD")

        loop = get_hub()
        if loop is not hub.current:
            attach(loop)
        try:
            reply, flags = send(
                EngineResponse,
                loop,
                client,
                self,
                method,
                target,
                shown,
                lines,
                headers,
                cookie,
                authorization,
                body,
                content_type,
                tells_zero,
                timeouts,
                catch_response,
                context or None,
            )
        except NotPlain as error:
            reason = str(error)
            break
        fast.yielded = True
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
            if engine is not None and not flags & IS_ERROR:
                reply.record(engine)
            else:
                reply.__exit__(None, None, None)
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


def body_of(data, json):
    """Body, content type, and why it is requests' business to make them."""
    if data:
        kind = type(data)
        if kind is bytes or kind is str:
            return data, None, None
        if kind is dict:
            return RequestEncodingMixin._encode_params(data), "application/x-www-form-urlencoded", None
        return None, None, "data"
    if _uses_own_json:
        return None, None, "another JSON library"
    try:
        return _encode_json(json).encode(), "application/json", None
    except ValueError:
        return None, None, "json"


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


def general(self, method, url, name, catch_response, context, arguments):
    """A request through requests' code, as Locust does it. One the engine has begun goes on from where it is."""
    if self.request_name and not name:
        name = self.request_name
    reply = self._fast.handoff
    self.explicit_name = explicit = name
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
    response_time = measured(response, reply)
    if response_time is None:
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


def measured(response, reply):
    """What the engine measured of a request that went through requests' code, milliseconds: its exchanges, without what
    this process took between them. None where the engine did not carry out all of it."""
    failure = None if reply is None else reply.what_failed()
    if failure is not None:
        # After TLS failed, the library has tried by itself.
        return None if failure[0] == "tls" else reply.elapsed_ms
    times = [getattr(part, "engine_ms", None) for part in (*response.history, response)]
    return None if None in times else sum(times)


def get(self, url, *, name=None, catch_response=False, data=None, json=None, **kwargs):
    if kwargs:
        return self.request("GET", url, name=name, catch_response=catch_response, data=data, json=json, **kwargs)
    # Most have no more arguments, and a call without a dictionary of them costs less.
    return self.request("GET", url, name=name, catch_response=catch_response, data=data, json=json)


def post(self, url, data=None, json=None, *, name=None, catch_response=False, **kwargs):
    if kwargs:
        return self.request("POST", url, name=name, catch_response=catch_response, data=data, json=json, **kwargs)
    return self.request("POST", url, name=name, catch_response=catch_response, data=data, json=json)


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
    HttpSession.post = functools.wraps(HttpSession.post)(post)
    LocustHttpAdapter.send = adapter_send
    LocustHttpAdapter.close = close_adapter
