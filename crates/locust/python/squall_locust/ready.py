"""Parts of HttpUser's requests that are kept ready: headers, cookies and URLs, until something about them changes."""

import time
from urllib.parse import urlsplit

from requests.cookies import RequestsCookieJar, get_cookie_header
from requests.exceptions import RequestException
from requests.models import PreparedRequest
from requests.structures import CaseInsensitiveDict

from squall_locust import _engine
from squall_locust._engine import NotPlain

# URLs, and sets of headers, that are kept ready.
MAX_TARGETS = 10_000
MAX_LINES = 1_000
# Targets for which a jar keeps its header ready.
MAX_COOKIES = 64


class ReadyHeaders:
    """Of headers: `lines` is what the engine sends for them, until they change."""

    lines = None

    def __setitem__(self, key, value):
        self.lines = None
        super().__setitem__(key, value)

    def __delitem__(self, key):
        self.lines = None
        super().__delitem__(key)


class ReadyCookies:
    """Of a jar: `ready` has the Cookie header for targets that were asked for, until a cookie changes or expires."""

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

    def header_for(self, target):
        """The Cookie header of a request to the target, if there is one."""
        if self.ready_until is not None and time.time() >= self.ready_until:
            self.ready = {}
        try:
            return self.ready[target]
        except KeyError:
            pass
        header = self.make_header(target)
        if len(self.ready) >= MAX_COOKIES:
            self.ready = {}
        self.ready_until = min((cookie.expires for cookie in self if cookie.expires is not None), default=None)
        self.ready[target] = header
        return header


class SessionHeaders(ReadyHeaders, CaseInsensitiveDict):
    """A session's headers."""


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


class SessionCookies(ReadyCookies, RequestsCookieJar):
    """A session's cookies."""

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("ready", None)
        state.pop("ready_until", None)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        self.ready = {}
        self.ready_until = None

    def make_header(self, target):
        return cookie_header(self, target.url)


def cookie_header(jar, url):
    request = PreparedRequest()
    request.url = url
    request.headers = CaseInsensitiveDict()
    return get_cookie_header(jar, request)


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
