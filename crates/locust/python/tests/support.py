"""What the tests share: Locust with the engine below it, and a server whose answers are told by the path.

Run them with a Python that has locust 2.47, and with the package `squall_locust` and its `_engine` on PYTHONPATH:
`python -m unittest discover -s crates/locust/python/tests`.
"""

import json
import os
import socket
import ssl
import struct
import unittest
import zlib

import locust  # first: it patches what the others import
from squall_locust import hub, overlay

overlay.install()

import gevent  # noqa: E402
from gevent.server import StreamServer  # noqa: E402
from locust.env import Environment  # noqa: E402

# No test waits longer. Seconds.
LIMIT = 30
# A certificate of its own for localhost and 127.0.0.1, until 2126, and its key.
CERTIFICATE, KEY = (os.path.join(os.path.dirname(os.path.abspath(__file__)), name) for name in ("localhost.crt", "localhost.key"))

assert locust.__version__.startswith("2.47"), locust.__version__


class Server(StreamServer):
    """Answers by the path; `seen` has what came, `connections` how many there were."""

    def __init__(self, **tls):
        super().__init__(("127.0.0.1", 0), self.serve, **tls)
        self.seen = []
        self.connections = 0
        self.n_closed = 0

    def wrap_socket_and_handle(self, client_socket, address):
        try:
            super().wrap_socket_and_handle(client_socket, address)
        except ssl.SSLError:
            # The client does not trust us, as it should.
            pass

    def serve(self, connection, _address):
        self.connections += 1
        file = connection.makefile("rb")
        try:
            while True:
                line = file.readline()
                if not line:
                    return
                method, path, _ = line.decode("latin-1").split(" ", 2)
                headers = []
                while (line := file.readline()) not in (b"\r\n", b""):
                    name, _, value = line.decode("latin-1").rstrip("\r\n").partition(": ")
                    headers.append((name, value))
                length = dict((name.lower(), value) for name, value in headers).get("content-length")
                body = file.read(int(length)) if length else b""
                self.seen.append((method, path, headers, body))
                if not self.answer(connection, method, path, headers, body):
                    return
        except OSError:
            pass
        finally:
            self.n_closed += 1
            file.close()
            connection.close()

    def answer(self, connection, method, path, headers, body):
        """Writes the answer; whether the connection is kept."""
        kind, _, detail = path.split("?")[0].strip("/").partition("/")

        def send(status, answer=b"", **more):
            lines = [f"HTTP/1.1 {status}"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
            if "Transfer_Encoding" not in more and "Content_Length" not in more and not status.startswith("304"):
                lines.append(f"Content-Length: {len(answer)}")
            sent = b"" if method == "HEAD" else answer
            connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + sent)
            return True

        if kind == "echo":
            # Sorted: geventhttpclient has an order of its own, which nothing depends on.
            sent = sorted((name.lower(), value) for name, value in headers)
            seen = {"method": method, "path": path, "headers": sent, "body": body.decode("latin-1")}
            return send("200 OK", json.dumps(seen).encode(), Content_Type="application/json")
        if kind == "status":
            return send(f"{detail} Something", b"page" if detail not in ("204", "304") else b"")
        if kind == "redirect":
            n = int(detail)
            return send("302 Found", b"moved", Location=f"/redirect/{n - 1}" if n > 1 else "/echo")
        if kind == "redirect307":
            return send("307 Temporary Redirect", Location="/echo")
        if kind == "loop":
            return send("301 Moved Permanently", Location="/loop")
        if kind == "cookie":
            return send("200 OK", b"set", Set_Cookie=f"{detail}=1; Path=/")
        if kind == "cookie-redirect":
            return send("303 See Other", Location="/echo", Set_Cookie="way=1; Path=/")
        if kind == "gzip":
            packer = zlib.compressobj(wbits=31)
            return send("200 OK", packer.compress(b"packed" * 9) + packer.flush(), Content_Encoding="gzip")
        if kind == "deflate":
            return send("200 OK", zlib.compress(b"packed"), Content_Encoding="deflate")
        if kind == "raw-deflate":
            packer = zlib.compressobj(wbits=-15)
            return send("200 OK", packer.compress(b"packed") + packer.flush(), Content_Encoding="deflate")
        if kind == "bad-gzip":
            return send("200 OK", b"this is no gzip", Content_Encoding="gzip")
        if kind == "chunked":
            return send("200 OK", b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", Transfer_Encoding="chunked")
        if kind == "latin":
            return send("200 OK", "ü".encode("latin-1"), Content_Type="text/html; charset=ISO-8859-1")
        if kind == "text":
            return send("200 OK", "ü".encode(), Content_Type="text/plain")
        if kind == "json-latin":
            return send("200 OK", '{"a": "ü"}'.encode("latin-1"), Content_Type="text/plain")
        if kind == "bad-json":
            return send("200 OK", b'{"a": 1,}', Content_Type="application/json")
        if kind == "odd-json":
            numbers = b'[1e400, -0, 123456789012345678901234567890, NaN, "\\ud800", 0.1, {"a": 1, "a": 2}]'
            return send("200 OK", numbers, Content_Type="application/json")
        if kind == "headers":
            connection.sendall(b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nx-a: 2\r\nX-B: \xe4\r\nContent-Length: 0\r\n\r\n")
            return True
        if kind == "until-close":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            return False
        if kind == "close":
            return False
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if kind == "garbage":
            connection.sendall(b"this is no HTTP\r\n\r\n")
            return False
        if kind == "short":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            return False
        if kind == "short-chunk":
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            return False
        if kind == "once":
            send("200 OK", b"once")
            return False
        if kind == "never":
            gevent.sleep(LIMIT)
            return False
        return send("200 OK", b'{"status": "ok"}', Content_Type="application/json")


class Case(unittest.TestCase):
    """A server, and an environment with a runner, for each test; no test takes longer than the limit."""

    def setUp(self):
        self.server = Server()
        self.server.start()
        self.host = f"http://127.0.0.1:{self.server.server_port}"
        self.environment = Environment()
        self.runner = self.environment.create_local_runner()
        self._limit = gevent.Timeout.start_new(LIMIT)

    def tearDown(self):
        self._limit.close()
        self.runner.quit()
        self.server.stop(timeout=1)

    def user(self, kind, **attributes):
        """A user of this class."""
        return type("TestUser", (kind,), {"host": self.host, **attributes})(self.environment)

    def eventually(self, is_so, what):
        """Waits until something is so."""
        for _ in range(LIMIT * 100):
            if is_so():
                return
            gevent.sleep(0.01)
        self.fail(what)


def refused_port():
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def slow_count():
    return hub.slow_requests()["count"]
