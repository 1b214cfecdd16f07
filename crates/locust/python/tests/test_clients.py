"""HttpUser and FastHttpUser beside Locust's own code: the same request, asked twice, must look the same to everyone.

One user is as a Locust file gets it; of the other the engine is taken out, so that requests and urllib3, or
geventhttpclient, do everything. Whatever can be seen of response, request, errors and statistics is compared.
"""

import copy
import io
import time
import unittest
import warnings

from support import CERTIFICATE, KEY, Case, Server, refused_port, slow_count  # first: it imports Locust, which patches what the others import

import gevent
import requests
from locust import FastHttpUser, HttpUser
from locust.clients import HttpSession, ResponseContextManager
from locust.contrib.fasthttp import FastHttpSession, FastResponse
from locust.exception import LocustError, RescheduleTask, ResponseError
from squall_locust.clients import EngineResponse

warnings.simplefilter("ignore", DeprecationWarning)


def look(response, attributes):
    """What is seen of a response."""
    seen = {}
    for name, read in attributes.items():
        try:
            seen[name] = read(response)
        except Exception as error:
            # geventhttpclient's own response in a with-block has lost its history.
            seen[name] = repr(error) if name != "history" else []
    return seen


def pairs(headers):
    return sorted((name.lower(), value) for name, value in headers.items())


REQUESTS = {
    "status_code": lambda r: r.status_code,
    "ok": lambda r: r.ok,
    "content": lambda r: r.content,
    "text": lambda r: r.text,
    "json": lambda r: repr(r.json()),
    "encoding": lambda r: r.encoding,
    "apparent_encoding": lambda r: r.apparent_encoding,
    "reason": lambda r: r.reason,
    "url": lambda r: r.url,
    "headers": lambda r: pairs(r.headers),
    "cookies": lambda r: sorted(r.cookies.items()),
    "history": lambda r: [(past.status_code, past.url, past.content) for past in r.history],
    "next": lambda r: r.next and r.next.url,
    "is_redirect": lambda r: r.is_redirect,
    "links": lambda r: r.links,
    "lines": lambda r: list(r.iter_lines()),
    "pieces": lambda r: list(r.iter_content(2)),
    "bool": lambda r: bool(r),
    "elapsed": lambda r: type(r.elapsed),
    "error": lambda r: repr(r.error),
    "raise_for_status": lambda r: r.raise_for_status(),
    "request": lambda r: (r.request.method, r.request.url, r.request.path_url, r.request.body, pairs(r.request.headers)),
    "raw": lambda r: (r.raw.status, r.raw.reason, r.raw.version, pairs(r.raw.headers)),
    "kind": lambda r: isinstance(r, ResponseContextManager) and isinstance(r, requests.Response),
    "repr": repr,
}
FAST = {
    "status_code": lambda r: r.status_code,
    "ok": lambda r: r.ok,
    "content": lambda r: r.content,
    "text": lambda r: r.text,
    "json": lambda r: repr(r.json()),
    "encoding": lambda r: r.encoding,
    "url": lambda r: r.url,
    "headers": lambda r: r.headers and pairs(r.headers),
    "same header": lambda r: r.headers.getlist("x-a"),
    "history": lambda r: [past.status_code for past in r.history],
    "error": lambda r: repr(getattr(r, "error", None)),
    "raise_for_status": lambda r: r.raise_for_status(),
    "request": lambda r: (r.request.method, r.request.url, r.request.body, pairs(r.request.headers)),
    "kind": lambda r: isinstance(r, FastResponse),
}


class Twins(Case):
    """Two users of a kind, the second without the engine."""

    def twins(self, kind, **attributes):
        ours, theirs = self.user(kind, **attributes), self.user(kind, **attributes)
        session = theirs.client
        session._fast.plain = False
        session._fast.n_attributes = len(session.__dict__)
        if kind is HttpUser:
            for adapter in session.adapters.values():
                del adapter.session
        else:
            del session.client._fast
        return ours, theirs

    def compare(self, kind, attributes, requests, **of_user):
        """Each request by both; the server must see the same, and so must whoever reads responses and statistics."""
        for label, ask in requests.items():
            seen = []
            for user in self.twins(kind, **of_user):
                del self.server.seen[:]
                self.environment.stats.clear_all()
                try:
                    outcome = look(ask(user.client), attributes)
                except Exception as error:
                    outcome = repr(error)
                stats = self.environment.stats
                entries = {
                    key: (entry.num_requests, entry.num_failures, entry.total_content_length)
                    for key, entry in stats.entries.items()
                }
                errors = sorted((error.to_name(), error.occurrences) for error in stats.errors.values())
                came = [
                    (method, path, sorted((name.lower(), value) for name, value in headers), body)
                    for method, path, headers, body in self.server.seen
                ]
                if kind is FastHttpUser:
                    # geventhttpclient asks a server that closes a new connection without a word again, up to eleven
                    # times; the engine does so only where the connection was an old one.
                    came = [request for place, request in enumerate(came) if request not in came[:place]]
                seen.append({"outcome": outcome, "entries": entries, "errors": errors, "came": came})
            with self.subTest(label):
                self.assertEqual(differences(*seen), [])

    METHODS = {
        "get": lambda c: c.get("/echo"),
        "head": lambda c: c.head("/echo"),
        "options": lambda c: c.options("/echo"),
        "delete": lambda c: c.delete("/echo"),
        "post nothing": lambda c: c.post("/echo"),
        "put nothing": lambda c: c.put("/echo"),
        "patch nothing": lambda c: c.patch("/echo"),
        "other method": lambda c: c.request("PURGE", "/echo"),
        "small letters": lambda c: c.request("get", "/echo"),
        "query": lambda c: c.get("/echo?a=1&b=c%20d"),
        "escapes": lambda c: c.get("/echo/%41%2f%7e?x=%C3%A4"),
        "letters": lambda c: c.get("/echo/ä ö?ü=ß"),
        "name": lambda c: c.get("/echo", name="a name"),
    }
    BODIES = {
        "text": lambda c: c.post("/echo", data="hé"),
        "bytes": lambda c: c.post("/echo", data=b"\x00\xff"),
        "form": lambda c: c.post("/echo", data={"a": "1 2", "b": "ü"}),
        "json": lambda c: c.post("/echo", json={"a": [1, None, "é"]}),
        "empty json": lambda c: c.post("/echo", json={}),
        "put json": lambda c: c.put("/echo", json=1),
        "own type": lambda c: c.post("/echo", data="x", headers={"content-type": "text/x"}),
        "own json type": lambda c: c.post("/echo", json=1, headers={"Content-Type": "application/vnd.x+json"}),
        "headers": lambda c: c.get("/echo", headers={"X-A": "1", "Accept": "text/html"}),
        "latin header": lambda c: c.get("/echo", headers={"X-A": "ä"}),
        "auth": lambda c: c.get("/echo", auth=("us:er", "pass wörd")),
    }
    ANSWERS = {
        path: lambda c, path=path: c.get(path)
        for path in (
            "/status/204 /status/404 /status/500 /status/201 /status/304 /gzip /deflate /raw-deflate /bad-gzip /chunked "
            "/latin /text /json-latin /bad-json /odd-json /headers /until-close /close /garbage /short "
            "/redirect/2 /redirect307 /cookie/a /cookie-redirect"
        ).split()
    }
    KEPT = {
        "no redirects": lambda c: c.get("/redirect/2", allow_redirects=False),
        "redirected post": lambda c: c.post("/redirect/1", data="x"),
        "redirected post, kept": lambda c: c.post("/redirect307", json={"a": 1}),
        "cookies come back": lambda c: (c.get("/cookie/a"), c.get("/cookie/b"), c.get("/echo"))[-1],
        "session headers": lambda c: (c.get("/echo"), change_headers(c), c.get("/echo"))[-1],
        "one connection": lambda c: (c.get("/echo"), c.get("/echo"))[-1],
        "group": lambda c: grouped(c),
        "absolute": lambda c: c.get(c.base_url + "/echo"),
    }

    def test_requests_of_an_http_user_are_those_of_locust(self):
        for requests_ in (self.METHODS, self.BODIES, self.KEPT):
            self.compare(HttpUser, REQUESTS, requests_)

    def test_requests_of_a_fast_http_user_are_those_of_locust(self):
        for requests_ in (self.METHODS, self.BODIES, self.KEPT):
            self.compare(FastHttpUser, FAST, requests_)

    def test_answers_to_an_http_user_are_seen_as_locust_s(self):
        self.compare(HttpUser, REQUESTS, self.ANSWERS)

    def test_answers_to_a_fast_http_user_are_seen_as_locust_s(self):
        # geventhttpclient says of a body that ends early that it does not parse, by its parser's own words.
        answers = {path: ask for path, ask in self.ANSWERS.items() if path not in ("/short", "/garbage")}
        self.compare(FastHttpUser, FAST, answers)

    def test_odd_arguments_of_requests_are_taken(self):
        port = refused_port()
        self.compare(
            HttpUser,
            REQUESTS,
            {
                "params": lambda c: c.get("/echo", params={"a": "1 2", "b": [1, 2]}),
                "params twice": lambda c: (c.get("/echo", params={"a": 1}), c.get("/echo?z", params={"a": 1}))[-1],
                "params text": lambda c: c.get("/echo", params="x=y"),
                "session params": lambda c: (c.params.update(p="1"), c.get("/echo"))[-1],
                "cookies": lambda c: c.get("/echo", cookies={"a": "b"}),
                "session cookies": lambda c: (c.cookies.set("a", "b"), c.get("/echo"))[-1],
                "pairs": lambda c: c.post("/echo", data=[("a", "1"), ("a", "2")]),
                "no accept": lambda c: c.get("/echo", headers={"Accept": None}),
                "no user agent": lambda c: c.get("/echo", headers={"User-Agent": None}),
                "own host": lambda c: c.get("/echo", headers={"Host": "other"}),
                "bytes in a header": lambda c: c.get("/echo", headers={"X-A": b"1"}),
                "number in a header": lambda c: c.get("/echo", headers={"X-A": 1}),
                "line in a header": lambda c: c.get("/echo", headers={"X-A": "1\r\nX-B: 2"}),
                "session auth": lambda c: (setattr(c, "auth", ("u", "p")), c.get("/echo"))[-1],
                "hook": lambda c: c.get("/echo", hooks={"response": lambda r, **_: setattr(r, "reason", "hooked")}),
                "session hook": lambda c: (c.hooks["response"].append(hook), c.get("/echo"))[-1],
                "callable auth": lambda c: c.get("/echo", auth=sign),
                "nan": lambda c: c.post("/echo", json=float("nan")),
                "not json": lambda c: c.post("/echo", json={1, 2}),
                "loop": lambda c: c.get("/loop"),
                "no schema": lambda c: c.get("ftp://x/"),
                "bad port": lambda c: c.get("http://127.0.0.1:99999/"),
                "refused": lambda c: c.get(f"http://127.0.0.1:{port}/x"),
                "unknown host": lambda c: c.get("http://nowhere.invalid/"),
                "short chunk": lambda c: c.get("/short-chunk"),
                "reset": lambda c: c.get("/reset"),
                "timeout": lambda c: c.get("/never", timeout=0.05),
                "timeouts": lambda c: c.get("/never", timeout=(1, 0.05)),
                "zero timeout": lambda c: c.get("/never", timeout=0),
                "verify": lambda c: c.get("/echo", verify=False),
                "stream": lambda c: c.get("/chunked", stream=True),
                "prepared": lambda c: c.send(c.prepare_request(requests.Request("GET", c.base_url + "/echo"))),
                "file": lambda c: c.post("/echo", data=File(b"content")),
            },
        )

    def test_odd_arguments_of_geventhttpclient_are_taken(self):
        port = refused_port()
        self.compare(
            FastHttpUser,
            FAST,
            {
                "params": lambda c: c.get("/echo", params={"a": "1 2"}),
                "unknown argument": lambda c: c.get("/echo", timeout=5),
                "number in a header": lambda c: c.get("/echo", headers={"X-A": 1}),
                "line in a header": lambda c: c.get("/echo", headers={"X-A": "1\r\nX-B: 2"}),
                "files": lambda c: c.post("/status/200", files={"f": ("n", b"x", None, None, "bound")}),
                "loop": lambda c: c.get("/loop"),
                "refused": lambda c: c.get(f"http://127.0.0.1:{port}/x"),
                "unknown host": lambda c: c.get("http://nowhere.invalid/"),
                "reset": lambda c: c.get("/reset"),
                "post closed": lambda c: c.post("/close", data="x"),
                "stream": lambda c: c.get("/echo", stream=True),
                "lines": lambda c: Lines(c.iter_lines("/chunked")),
            },
        )
        self.compare(FastHttpUser, FAST, {"timeout": lambda c: c.get("/never")}, network_timeout=0.05)
        self.compare(FastHttpUser, FAST, {"headers": lambda c: c.get("/echo")}, default_headers={"X-A": "1"})
        self.compare(FastHttpUser, FAST, {"loop": lambda c: c.get("/redirect/3")}, max_redirects=2)

    def test_tls_is_locust_s(self):
        secure = Server(keyfile=KEY, certfile=CERTIFICATE)
        secure.start()
        self.addCleanup(secure.stop, 1)
        url = f"https://localhost:{secure.server_port}/"
        self.compare(
            HttpUser,
            REQUESTS,
            {
                "not trusted": lambda c: c.get(url, name="not trusted"),
                "not verified": lambda c: c.get(url, verify=False),
                "never verified": lambda c: (setattr(c, "verify", False), c.get(url))[-1],
                "own authority": lambda c: c.get(url, verify=CERTIFICATE),
            },
        )
        self.compare(FastHttpUser, FAST, {"insecure": lambda c: c.get(url)})
        self.compare(FastHttpUser, FAST, {"not trusted": lambda c: c.get(url, name="not trusted")}, insecure=False)

    def test_blocks_decide_as_locust_s(self):
        def within(body, path="/echo", **arguments):
            def ask(client):
                with client.get(path, catch_response=True, **arguments) as response:
                    body(response)
                return response

            return ask

        def fail(error):
            def body(response):
                raise error

            return body

        blocks = {
            "nothing": within(lambda r: None),
            "success": within(lambda r: r.success()),
            "failure": within(lambda r: r.failure("bad")),
            "failure, exception": within(lambda r: r.failure(ValueError("bad"))),
            "failure, success": within(lambda r: (r.failure("bad"), r.success())),
            "404": within(lambda r: None, "/status/404"),
            "404, success": within(lambda r: r.success(), "/status/404"),
            "renamed": within(lambda r: r.request_meta.update(name="other")),
            "name": within(lambda r: None, name="n"),
            "raised": within(fail(ValueError("x"))),
            "response error": within(fail(ResponseError("x"))),
            "reschedule": within(fail(RescheduleTask())),
            "raise_for_status": within(lambda r: r.raise_for_status(), "/status/500"),
            "closed": within(lambda r: None, "/close"),
            "without": without_catch,
            "success without": lambda c: c.get("/echo").success(),
        }
        self.compare(HttpUser, REQUESTS, blocks)
        self.compare(FastHttpUser, FAST, blocks)

    def test_rest_is_locust_s(self):
        for kind in (HttpUser, FastHttpUser):
            results = []
            for user in self.twins(kind):
                self.environment.stats.clear_all()
                seen = []
                for path, body in (("/", None), ("/bad-json", None), ("/close", None), ("/status/404", None)):
                    with user.rest("GET", path) as response:
                        seen.append(response.js)
                with user.rest("POST", "/echo", json={"a": 1}) as response:
                    seen.append(response.js["body"])
                    assert False, "told,"
                with user.rest("GET", "/") as response:
                    response.js["nothing"]
                errors = sorted(error.to_name().split(" at ")[0] for error in self.environment.stats.errors.values())
                results.append((seen, errors))
            self.assertEqual(results[0], results[1])


class Ours(Case):
    """What only the engine's way has."""

    def test_plain_requests_take_the_fast_way(self):
        before = slow_count()
        for kind in (HttpUser, FastHttpUser):
            user = self.user(kind)
            for _ in range(3):
                user.client.get("/echo?x=1", headers={"X-A": "1"})
                user.client.post("/echo", json={"a": 1})
                user.client.post("/echo", data={"a": 1})
            user.client.get("/cookie/a")
            user.client.get("/echo")
            user.client.get("/status/404")
        self.assertEqual(slow_count(), before)
        self.assertEqual(self.server.connections, 2)

    def test_what_the_engine_cannot_do_is_counted(self):
        before = slow_count()
        self.user(HttpUser).client.get("/echo", stream=True).content
        self.user(FastHttpUser).client.get("/echo", stream=True)
        self.assertEqual(slow_count(), before + 2)

    def test_a_response_is_one_of_requests(self):
        response = self.user(HttpUser).client.get("/echo")
        self.assertIsInstance(response, EngineResponse)
        self.assertIsInstance(response, requests.Response)
        response.encoding = "latin-1"
        response.status_code = 500
        response.own = 1
        self.assertEqual((response.encoding, response.status_code, response.own, response.ok), ("latin-1", 500, 1, False))

    def test_a_changed_session_goes_requests_way(self):
        class Counting(requests.adapters.HTTPAdapter):
            sent = 0

            def send(self, *args, **kwargs):
                Counting.sent += 1
                return super().send(*args, **kwargs)

        client = self.user(HttpUser).client
        client.get("/echo")
        client.mount(self.host, Counting())
        self.assertEqual(client.get("/echo").status_code, 200)
        self.assertEqual(Counting.sent, 1)
        client = self.user(HttpUser).client
        sent = []
        send = client.send
        client.send = lambda request, **kwargs: sent.append(request.url) or send(request, **kwargs)
        client.get("/echo")
        self.assertEqual(sent, [f"{self.host}/echo"])

    def test_sessions_of_the_user_s_own_making_work(self):
        class Session(HttpSession):
            def __init__(self, base_url, event):
                requests.Session.__init__(self)
                self.base_url, self.request_event, self.user, self.request_name = base_url, event, None, None
                self.explicit_name = None

        event = self.environment.events.request
        self.assertEqual(Session(self.host, event).get("/echo").status_code, 200)

        class Wrapped(HttpSession):
            def request(self, method, url, **kwargs):
                return super().request(method, url + "?wrapped", **kwargs)

        client = Wrapped(base_url=self.host, request_event=event, user=None)
        self.assertEqual(client.get("/echo").json()["path"], "/echo?wrapped")
        client = FastHttpSession(self.host, event, None)
        self.assertEqual(client.get("/echo").json()["path"], "/echo")
        self.assertEqual(self.environment.stats.total.num_requests, 3)

    def test_connections_are_as_many_as_a_fast_user_may_have(self):
        user = self.user(FastHttpUser, concurrency=2)
        waiting = [gevent.spawn(user.client.get, "/never") for _ in range(4)]
        self.eventually(lambda: len(self.server.seen) == 2, "two requests do not come")
        gevent.sleep(0.05)
        self.assertEqual(len(self.server.seen), 2)
        gevent.killall(waiting)

    def test_users_may_share_a_pool(self):
        import urllib3
        from geventhttpclient.client import HTTPClientPool

        shared = urllib3.PoolManager(maxsize=1, block=True)
        first, second = (self.user(HttpUser, pool_manager=shared) for _ in range(2))
        first.client.get("/echo")
        second.client.get("/echo")
        self.assertEqual(self.server.connections, 1)
        shared = HTTPClientPool(concurrency=1)
        first, second = (self.user(FastHttpUser, client_pool=shared) for _ in range(2))
        first.client.get("/echo")
        second.client.get("/echo")
        self.assertEqual(self.server.connections, 2)

    def test_a_server_that_closes_after_each_answer_is_no_failure(self):
        for kind in (HttpUser, FastHttpUser):
            client = self.user(kind).client
            for _ in range(30):
                client.get("/once")
                client.post("/once", data="x")
        self.assertEqual(self.environment.stats.total.num_failures, 0)

    def test_a_kept_connection_that_ends_without_an_answer_is_tried_again_as_the_library_does(self):
        # urllib3 sends once; geventhttpclient once for each place in its pool and once more, but only what may be repeated.
        for kind, method, times in (
            (HttpUser, "GET", 1),
            (HttpUser, "POST", 1),
            (FastHttpUser, "GET", 12),
            (FastHttpUser, "POST", 1),
        ):
            user = self.user(kind)
            user.client.get("/", name="/")
            response = user.client.request(method, "/close", name=f"{kind.__name__} {method}")
            self.assertEqual(response.status_code, 0)
            sent = [seen for seen in self.server.seen if seen[:2] == (method, "/close")]
            self.assertEqual(len(sent), times, (kind, method))
            self.server.seen.clear()
            entry = self.environment.stats.get(f"{kind.__name__} {method}", method)
            self.assertEqual((entry.num_requests, entry.num_failures), (1, 1))

    def test_an_adapter_of_the_user_s_own_is_asked(self):
        class Own(requests.adapters.HTTPAdapter):
            n_sent = 0

            def send(self, *args, **kwargs):
                Own.n_sent += 1
                return super().send(*args, **kwargs)

        client = self.user(HttpUser).client
        client.get("/")
        client.mount("http://", Own())
        client.get("/")
        self.assertEqual(Own.n_sent, 1)
        client.adapters["http://127.0.0.1"] = Own()
        client.get("/")
        self.assertEqual(Own.n_sent, 2)
        client = self.user(HttpUser).client
        client.get("/")
        client.adapters = {"http://": Own(), "https://": Own()}
        client.get("/")
        self.assertEqual(Own.n_sent, 3)
        self.assertEqual(type(copy.copy(client.adapters)), dict)

    def test_a_request_that_can_not_be_sent_is_named_as_locust_names_it(self):
        client = self.user(HttpUser).client
        client.get(f"{self.host}/", headers={"X": "line\nbreak"})
        client.get("/", headers={"X": "line\nbreak"}, name="named")
        self.assertEqual(set(self.environment.stats.entries), {(f"{self.host}/", "GET"), ("named", "GET")})

    def test_a_name_is_looked_up(self):
        for kind in (HttpUser, FastHttpUser):
            client = self.user(kind).client
            port = self.server.server_port
            self.assertEqual(client.get(f"http://localhost:{port}/echo", name="local").status_code, 200)

    def test_a_cookie_that_ends_is_not_sent(self):
        client = self.user(HttpUser).client
        client.cookies.set("short", "1", domain="127.0.0.1", path="/", expires=int(time.time()) + 1)
        self.assertIn(["cookie", "short=1"], client.get("/echo").json()["headers"])
        client.cookies.ready_until = 0
        for cookie in client.cookies:
            cookie.expires = 1
        self.assertNotIn("cookie", dict(client.get("/echo").json()["headers"]))


def differences(ours, theirs, where=""):
    """Where two outcomes differ, and how."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return [found for key in ours for found in differences(ours[key], theirs[key], f"{where}/{key}")]
    return [] if ours == theirs else [(where, ours, theirs)]


class File(io.BytesIO):
    def __eq__(self, other):
        return isinstance(other, File)


class Lines(list):
    """The lines of a stream, which has no other parts."""


def change_headers(client):
    headers = client.headers if isinstance(client, requests.Session) else client.client.default_headers
    headers["X-Later"] = "1"
    headers.update({"X-More": "2"})


def grouped(client):
    with client.rename_request("group"):
        return client.get("/echo")


def hook(response, **_):
    response.reason = "hooked"


def sign(request):
    request.headers["X-Signed"] = "yes"
    return request


def without_catch(client):
    try:
        with client.get("/echo") as response:
            return response
    except LocustError as error:
        raise ValueError(str(error)) from error


if __name__ == "__main__":
    unittest.main()
