"""Something to watch: a PostgreSQL, a Redis, a Prometheus, a simulated cluster, a Docker engine that repeats what a real one
said, and a log that grows; all on 127.0.0.1, on the server's CPU, stopped at the end of the case.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import secrets
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, Optional

from . import process
from .process import Failed
from .servers import free_port
from .tools import ROOT, Tools

_RECORDED = ROOT / "crates" / "observe" / "tests" / "recorded" / "docker"
_HOW = "bash scripts/servers.sh installs it (Debian)"
_LOG_EVERY_S = 0.05


def _program(name: str, folders: str = "") -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + folders)
    if found is None:
        raise Failed(f"{name} is missing: {_HOW}")
    return found


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class _Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A Docker engine's socket."""

    daemon_threads = True

    def __init__(self, path: Path):
        super().__init__(str(path), _Answer)
        self.looks = 0


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.endswith("/stats"):
            self.server.looks += 1
            body = (_RECORDED / f"stats-{1 + self.server.looks % 2}.json").read_bytes()
        elif path == "/events":
            body = b""
        else:
            name = {"/info": "info.json", "/containers/json": "list.json"}.get(path, "inspect.json")
            body = (_RECORDED / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


class System:
    """All of it."""

    def __init__(self, tools: Tools, cpu: int, scraped: str):
        # The bench's own folder is closed to the user that PostgreSQL insists on.
        self.directory = Path(tempfile.mkdtemp(prefix="squall-bench-watched-"))
        self.directory.chmod(0o777)
        self.tools, self.cpu = tools, cpu
        self.children: list[subprocess.Popen] = []
        self._done = threading.Event()
        try:
            self.postgres = self._postgres()
            self.redis = self._redis()
            self.prometheus = self._prometheus(scraped)
            self.kubeconfig = self._cluster()
        except Failed:
            self.stop()
            raise
        self.docker = self.directory / "docker.sock"
        self._engine = _Engine(self.docker)
        self.log = self.directory / "backend.log"
        threading.Thread(target=self._engine.serve_forever, daemon=True).start()
        threading.Thread(target=self._write_log, daemon=True).start()

    def flags(self) -> list[str]:
        """What watches all of it."""
        container = json.loads((_RECORDED / "list.json").read_text())[0]["Names"][0].strip("/")
        specs = [
            f"prometheus=http://127.0.0.1:{self.prometheus},preset=seed-api,up=up",
            f"postgres=postgresql://postgres@127.0.0.1:{self.postgres}/postgres",
            f"redis=redis://127.0.0.1:{self.redis}",
            f"docker={container}",
            "k8s=default/web",
            f"logs={self.log}:QueuePool timeout",
        ]
        return ["--kubeconfig", str(self.kubeconfig), *(word for spec in specs for word in ("--observe", spec))]

    def environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.docker}"}

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self.children]

    def stop(self) -> None:
        self._done.set()
        for child in reversed(self.children):
            process.stop(child)
        if hasattr(self, "_engine"):
            self._engine.shutdown()
            self._engine.server_close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self, command: list[str], name: str, is_up: Callable[[], bool]) -> None:
        log = self.directory / f"{name}.log"
        with open(log, "wb") as out, process.on_cpu(self.cpu):
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.directory)
        self.children.append(child)
        give_up = time.monotonic() + 30
        while not is_up():
            if child.poll() is not None or time.monotonic() > give_up:
                raise Failed(f"{name} did not come up:\n{log.read_text(errors='replace')[-600:]}")
            time.sleep(0.05)

    def _postgres(self) -> int:
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        folders = "".join(f":{path}" for path in reversed(versions))
        initdb, server, psql = (_program(name, folders) for name in ("initdb", "postgres", "psql"))
        # It refuses to run as root.
        other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        data, port = self.directory / "postgres", free_port(4000)
        made = subprocess.run(
            [*other, initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"],
            capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        if made.returncode:
            raise Failed(f"initdb: {made.stderr[-400:]}")
        settings = ["shared_preload_libraries=pg_stat_statements", "fsync=off", "max_connections=50"]
        command = [*other, server, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(self.directory)]
        command += [word for setting in settings for word in ("-c", setting)]

        def ask(sql: str) -> bool:
            words = [psql, "-XqAt", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", sql]
            return subprocess.run(words, capture_output=True, check=False).returncode == 0

        self._start(command, "postgres", lambda: ask("SELECT 1"))
        if not ask("CREATE EXTENSION pg_stat_statements"):
            raise Failed("PostgreSQL has no pg_stat_statements")
        return port

    def _redis(self) -> int:
        port = free_port(5000)
        command = [_program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        self._start(command, "redis", lambda: _accepts(port))
        return port

    def _prometheus(self, scraped: str) -> int:
        port = free_port(6000)
        config = self.directory / "prometheus.yml"
        config.write_text(
            "scrape_configs:\n- job_name: target\n  scrape_interval: 1s\n  scrape_timeout: 1s\n"
            f"  static_configs:\n  - targets: ['{scraped}']\n"
        )
        command = [_program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.directory}/prometheus"]
        self._start([*command, f"--web.listen-address=127.0.0.1:{port}"], "prometheus", lambda: _accepts(port))
        return port

    def _cluster(self) -> Path:
        kubeconfig, port = self.directory / "cluster.yaml", free_port(7000)
        command = [self.tools.target, "demo-target", "--listen", "0", "--cluster", str(port)]
        self._start([*command, "--cluster-kubeconfig", str(kubeconfig)], "cluster", kubeconfig.exists)
        return kubeconfig

    def _write_log(self) -> None:
        with open(self.log, "a", encoding="ascii", buffering=1) as log:
            while not self._done.wait(_LOG_EVERY_S):
                log.write(f"request {secrets.token_hex(8)} answered\nsqlalchemy: QueuePool timeout\n")


@contextlib.contextmanager
def system(tools: Tools, cpu: int, scraped: str) -> Iterator[System]:
    """A system for as long as a case looks at it."""
    found: Optional[System] = None
    try:
        found = System(tools, cpu, scraped)
        yield found
    finally:
        if found:
            found.stop()
