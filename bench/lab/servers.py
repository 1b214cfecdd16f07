"""The servers under load, started by the bench on 127.0.0.1 and stopped at its end.

nginx is fast enough not to be the limit and counts its requests; the demo target is slower and knows when each request
arrived and how long its answer really took.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import resource
import socket
import subprocess
import time
from pathlib import Path
from typing import Optional

from . import process
from .process import Failed
from .tools import Tools

# 32 bytes, as in every figure this suite is compared with.
ANSWER = '{"status":"ok","total":12345678}'
# New connections are spread over these, because one address has only as many source ports as the ephemeral range.
N_ADDRESSES = 8


def free_port(above: int = 0) -> int:
    """A port below the ephemeral range that nobody listens on."""
    for port in range(max(above + 1, 21000 + os.getpid() % 4000), 32000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise Failed("no free port between 21000 and 32000")


def _get(port: int, path: str, method: str = "GET", body: Optional[str] = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise Failed(f"{method} {path} on port {port}: {response.status} {data[:200]!r}")
        return data
    finally:
        connection.close()


def _wait_until_up(port: int, path: str, child: subprocess.Popen, log: Path) -> None:
    give_up = time.monotonic() + 10
    while True:
        try:
            _get(port, path)
            return
        except (OSError, http.client.HTTPException):
            if child.poll() is not None or time.monotonic() > give_up:
                text = log.read_text(errors="replace")[-600:] if log.exists() else ""
                raise Failed(f"the server did not come up: {' '.join(map(str, child.args))}\n{text}") from None
            time.sleep(0.02)


_NGINX = """\
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile {files};
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    server_tokens off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    default_type application/json;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    # Every handshake is a whole one, whether or not a client would resume.
    ssl_session_cache off;
    ssl_session_tickets off;
    ssl_protocols TLSv1.3;
    ssl_certificate {dir}/cert.pem;
    ssl_certificate_key {dir}/key.pem;
    server {{
{listen}
        location / {{ return 200 '{answer}'; }}
        location = /_status {{ stub_status; }}
    }}
}}
"""


class Nginx:
    """nginx with one worker: plain, TLS 1.3 (P-256 certificate), that with HTTP/2; a 32-byte JSON answer to each path."""

    def __init__(self, tools: Tools, directory: Path, cpu: int):
        directory.mkdir(parents=True)
        self.plain_port = free_port()
        self.tls_port = free_port(above=self.plain_port)
        self.http2_port = free_port(above=self.tls_port)
        self._certificate(tools, directory)
        listen = "\n".join(
            f"        listen 127.0.0.{n}:{self.plain_port} backlog=8192;\n"
            f"        listen 127.0.0.{n}:{self.tls_port} ssl backlog=8192;\n"
            f"        listen 127.0.0.{n}:{self.http2_port} ssl http2 backlog=8192;"
            for n in range(1, N_ADDRESSES + 1)
        )
        files = _hard_file_limit()
        config = directory / "nginx.conf"
        config.write_text(
            _NGINX.format(
                user="user root;" if os.geteuid() == 0 else "",
                files=files,
                connections=max(1024, files - 64),
                dir=directory,
                listen=listen,
                answer=ANSWER,
            )
        )
        command = [tools.nginx, "-p", str(directory), "-c", str(config)]
        with open(directory / "nginx.out", "wb") as out, process.on_cpu(cpu):
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            _wait_until_up(self.plain_port, "/_status", self.child, directory / "nginx.out")
        except Failed:
            process.stop(self.child)
            raise
        # The one with which it was found to be up.
        self._own = 1
        children = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text()
        self.pids = [self.child.pid, *map(int, children.split())]

    @staticmethod
    def _certificate(tools: Tools, directory: Path) -> None:
        command = [
            tools.openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem"),
        ]  # fmt: skip
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise Failed(f"openssl could not make a certificate: {made.stderr[-400:]}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.plain_port}/v1/results"

    @property
    def tls_url(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}/v1/results"

    @property
    def http2_url(self) -> str:
        return f"https://127.0.0.1:{self.http2_port}/v1/results"

    def served(self) -> int:
        """Requests since the start, those of this method not counted."""
        # "server accepts handled requests" is followed by a line of their three numbers.
        accepts_handled_requests = _get(self.plain_port, "/_status").decode().splitlines()[2].split()
        self._own += 1
        return int(accepts_handled_requests[2]) - self._own

    def stop(self) -> None:
        process.stop(self.child)


class DemoTarget:
    """`squall demo-target`: exact delays and stalls, and the truth about what arrived when."""

    def __init__(self, tools: Tools, directory: Path, cpu: int):
        directory.mkdir(parents=True)
        self.port = free_port()
        self.grpc_port = free_port(above=self.port)
        command = [tools.target, "demo-target", "--listen", str(self.port), "--grpc", str(self.grpc_port)]
        command += ["--log-capacity", "1500000"]
        with open(directory / "target.out", "wb") as out, process.on_cpu(cpu):
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            _wait_until_up(self.port, "/_control", self.child, directory / "target.out")
        except Failed:
            process.stop(self.child)
            raise
        self.pids = [self.child.pid]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/results"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/echo"

    def ws_received(self) -> int:
        """Messages of all WebSockets that have ended."""
        text = _get(self.port, "/metrics").decode()
        found = re.search(r'^app_ws_messages_total\{direction="received"\} (\d+)', text, re.MULTILINE)
        return int(found.group(1)) if found else 0

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    def reset(self, **control: object) -> None:
        """Forgets what was served and sets the server-wide modes; none means all off."""
        _get(self.port, "/_control", "PUT", json.dumps(control))
        _get(self.port, "/_reset", "POST")

    def stats(self, rate: Optional[float] = None) -> dict:
        return json.loads(_get(self.port, f"/_stats?rate={rate}" if rate else "/_stats"))

    def log(self) -> list[dict]:
        """Every request since the last reset, in order of completion."""
        entries: list[dict] = []
        while True:
            lines = _get(self.port, f"/_log?since={len(entries)}&limit=100000").splitlines()
            if not lines:
                return entries
            entries.extend(json.loads(line) for line in lines)

    def first_arrival_unix_ns(self) -> Optional[int]:
        lines = _get(self.port, "/_log?limit=1").splitlines()
        return json.loads(lines[0])["arrival_unix_ns"] if lines else None

    def stop(self) -> None:
        process.stop(self.child)


def _hard_file_limit() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
