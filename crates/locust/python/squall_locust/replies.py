"""HttpUser's responses of the fast way: `requests.Response` and Locust's context manager, made when they are read."""

import http.client
from datetime import timedelta
from io import BytesIO

from locust.clients import ResponseContextManager
from requests.cookies import cookiejar_from_dict, extract_cookies_to_jar
from requests.models import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse

from squall_locust import _engine

NO_CONTEXT = {}


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


class EngineResponse(_engine.Reply, ResponseContextManager):
    """A response of the fast way: `requests.Response` and Locust's context manager, whose parts are made when read."""

    # Sending is done by the base class's constructor.
    __init__ = object.__init__

    _content_consumed = True
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
        self.touch()
        session = self.session
        context = self.request_context or NO_CONTEXT
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

    def _decide(self, result):
        self.touch()
        self.__dict__["_manual_result"] = result

    _manual_result = property(lambda self: self.__dict__.get("_manual_result"), _decide)

    def _blame(self, error):
        self.touch()
        self.__dict__["error"] = error

    error = property(lambda self: self.__dict__.get("error"), _blame)

    # With-blocks begin and end in the engine; what is not plain comes here.
    _enter_slowly = ResponseContextManager.__enter__
    _exit_slowly = ResponseContextManager.__exit__


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
