"""The generators: where they are, how they are called, and what their reports say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple, Optional, Sequence
from urllib.parse import urlsplit

from .process import Failed, Finished

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "bench" / "scripts"

_HOW_TO_GET = {
    "wrk": "Debian: apt-get install wrk",
    "hey": "Debian: apt-get install hey",
    "nginx": "Debian: apt-get install nginx-light",
    "openssl": "Debian: apt-get install openssl",
    "locust": "bash scripts/locust.sh makes a Python environment with it, or set SQUALL_LOCUST_PYTHON to one's Python",
    "perf": "Debian: apt-get install linux-perf; it needs the CPU's counters, which some virtual machines hide",
    "valgrind": "Debian: apt-get install valgrind",
    "k6": "bash scripts/k6.sh builds the pinned version (needs Go), or set SQUALL_K6 to a k6 2.x",
    "squall": "cargo build --release --package squall-cli, or --squall PATH",
}


class Tools(NamedTuple):
    """Paths of everything the bench starts; None for what is missing and not needed by the chosen cases."""

    squall: Optional[str]
    target: Optional[str]
    k6: Optional[str]
    wrk: Optional[str]
    hey: Optional[str]
    nginx: Optional[str]
    openssl: Optional[str]
    perf: Optional[str]
    # The Python of an environment with Locust.
    locust: Optional[str] = None
    valgrind: Optional[str] = None

    def versions(self) -> dict[str, str]:
        """First line of what each says about itself."""
        asked = {
            "squall": [self.squall, "version"],
            "k6": [self.k6, "version"],
            "wrk": [self.wrk, "-v"],
            "nginx": [self.nginx, "-v"],
            "locust": [self.locust, "-m", "locust", "--version"],
        }
        found = {}
        for name, command in asked.items():
            if command[0]:
                said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
                lines = (said.stdout or said.stderr).strip().splitlines()
                found[name] = re.sub(r"\s+Copyright.*", "", lines[0]) if lines else "?"
        if self.hey:
            found["hey"] = "hey (names no version)"
        return found


def find(needed: set[str], squall: Optional[str], target: Optional[str]) -> Tools:
    """Locates the tools. Raises Failed naming every missing one that `needed` holds, and how to get it."""

    def which(name: str) -> Optional[str]:
        return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    release = str(ROOT / "target" / "release" / "squall")
    squall = squall or (release if os.access(release, os.X_OK) else None)
    if squall and not os.access(squall, os.X_OK):
        raise Failed(f"{squall} is not an executable file")
    tools = Tools(
        squall=squall and os.path.abspath(squall),
        target=os.path.abspath(target) if target else squall and os.path.abspath(squall),
        k6=_find_k6(which) if "k6" in needed else None,
        wrk=which("wrk"),
        hey=which("hey"),
        nginx=which("nginx"),
        openssl=which("openssl"),
        perf=which("perf"),
        locust=_find_locust() if "locust" in needed else None,
        valgrind=which("valgrind"),
    )
    missing = [name for name in sorted(needed) if getattr(tools, name, None) is None and name in Tools._fields]
    if missing:
        lines = [f"  {name}: {_HOW_TO_GET[name]}" for name in missing]
        raise Failed("not found:\n" + "\n".join(lines))
    return tools


def _find_k6(which) -> Optional[str]:
    named = os.environ.get("SQUALL_K6")
    if named:
        return named if os.access(named, os.X_OK) else None
    # Where scripts/k6.sh keeps what it builds; it is not called here, since it would build for minutes.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "squall"
    pinned = re.search(r"^version=(\S+)", (ROOT / "scripts" / "k6.sh").read_text(), re.M)
    built = cache / f"k6-{pinned.group(1)}" / "k6" if pinned else None
    if built and os.access(built, os.X_OK):
        return str(built)
    return which("k6")


def _find_locust() -> Optional[str]:
    """The Python of an environment with Locust: a named one, or where scripts/locust.sh keeps what it makes."""
    named = os.environ.get("SQUALL_LOCUST_PYTHON")
    if named:
        return named if os.access(named, os.X_OK) else None
    pinned = re.search(r"^version=\$\{1:-(\S+)\}", (ROOT / "scripts" / "locust.sh").read_text(), re.M)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    made = target / f"locust-{pinned.group(1)}" / "bin" / "python3" if pinned else None
    return str(made) if made and os.access(made, os.X_OK) else None


class Job(NamedTuple):
    """One way to make a load: a generator with its arguments."""

    tool: str
    command: list[str]
    env: dict[str, str]


class Report(NamedTuple):
    """What a generator says it did."""

    requests: int
    rate: float
    failed: int


# Where a script run leaves its numbers, in the working directory of the run.
SUMMARY = "summary.json"


def script_job(
    tools: Tools,
    tool: str,
    script: str,
    variables: Optional[dict[str, object]] = None,
    flags: Sequence[str] = (),
    cores: int = 1,
) -> Job:
    """The same script under k6 or Squall, with the same flags; only what pins it to its cores differs."""
    common = ["--quiet", "--no-color", "--summary-export", SUMMARY]
    if tool == "k6":
        command = [tools.k6, "run", "--no-usage-report", *common]
        env = {"GOMAXPROCS": str(cores)}
    else:
        # A user's run is recorded, so this one is; only not among the user's own.
        command = [tools.squall, "run", "--cores", str(cores), "--record", "record", *common]
        env = {}
    for key, value in (variables or {}).items():
        command += ["-e", f"{key}={value}"]
    return Job(tool, [*command, *flags, str(SCRIPTS / script)], env)


def wrk_job(tools: Tools, url: str, connections: int, seconds: float, headers: Sequence[str] = ()) -> Job:
    extra = [part for header in headers for part in ("-H", header)]
    command = [tools.wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", *extra, url]
    return Job("wrk", command, {})


def hey_job(tools: Tools, url: str, connections: int, seconds: float) -> Job:
    command = [tools.hey, "-z", f"{seconds:g}s", "-c", str(connections), "-cpus", "1", url]
    return Job("hey", command, {"GOMAXPROCS": "1"})


def burst_job(tools: Tools, url: str, flags: Sequence[str]) -> Job:
    return Job("squall", [tools.squall, "burst", "--json", "--cores", "1", *flags, url], {})


def locust_job(tools: Tools, tool: str, user: str, url: str, users: int, seconds: float) -> Job:
    """A user class of the bench's Locust file under Squall or the real Locust, in one process, with the same flags."""
    parts = urlsplit(url)
    flags = ["-f", str(SCRIPTS / "locustfile.py"), "--headless", "--only-summary", "--json"]
    flags += ["-u", str(users), "-r", str(users), "-t", f"{seconds:g}s", "-H", f"{parts.scheme}://{parts.netloc}", user]
    # A user's Python side is unpacked, and compiled by Python, once.
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    env = {"TARGET_PATH": parts.path, "XDG_CACHE_HOME": cache}
    if tool == "locust":
        return Job(tool, [tools.locust, "-m", "locust", *flags], env)
    return Job(tool, [tools.squall, "locust", "--python", tools.locust, "--record", "record", *flags], env)


def locust_report(run: Finished) -> Report:
    """What a run of a Locust file says it did."""
    try:
        entries = json.loads(run.stdout)
    except ValueError:
        raise Failed(f"exit code {run.exit_code}, and no JSON: {(run.stderr or run.stdout)[-800:]}") from None
    requests = sum(entry["num_requests"] for entry in entries)
    return Report(requests, 0.0, sum(entry["num_failures"] for entry in entries))


def metrics(directory: Path) -> dict:
    """The metrics of a script run's `--summary-export`."""
    path = directory / SUMMARY
    if not path.exists():
        raise Failed("the run wrote no summary")
    return json.loads(path.read_text())["metrics"]


def read_report(job: Job, run: Finished, directory: Path) -> Report:
    """Reads what a generator reported. Raises Failed when it reported nothing or an error."""
    if run.exit_code != 0:
        said = (run.stderr or run.stdout)[-800:]
        raise Failed(f"exit code {run.exit_code}: {' '.join(job.command)}\n{said}")
    if "--summary-export" in job.command:
        found = metrics(directory)
        requests = found.get("http_reqs", {})
        checks = found.get("checks", {})
        # k6 counts requests that failed as passes of http_req_failed: the metric says "failed".
        failed = int(found.get("http_req_failed", {}).get("passes", 0)) + int(checks.get("fails", 0))
        return Report(int(requests.get("count", 0)), float(requests.get("rate", 0)), failed)
    if job.tool == "squall":
        found = json.loads(run.stdout)
        return Report(int(found["issued"]), float(found["throughput_rps"]), int(found["err"]))
    if job.tool == "wrk":
        return _read_wrk(run.stdout)
    if job.tool == "hey":
        return _read_hey(run.stdout)
    raise Failed(f"{job.tool} has no report that is known here")


def _number(pattern: str, text: str) -> Optional[float]:
    match = re.search(pattern, text, re.M)
    return float(match.group(1)) if match else None


def _read_wrk(text: str) -> Report:
    requests = _number(r"^\s*(\d+) requests in", text)
    rate = _number(r"^Requests/sec:\s+([\d.]+)", text)
    if requests is None or rate is None:
        raise Failed(f"wrk printed something else than its report:\n{text[-400:]}")
    failed = _number(r"^\s*Non-2xx or 3xx responses: (\d+)", text) or 0
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    if errors:
        failed += sum(int(n) for n in errors.groups())
    return Report(int(requests), rate, int(failed))


def _read_hey(text: str) -> Report:
    rate = _number(r"^\s*Requests/sec:\s+([\d.]+)", text)
    if rate is None:
        raise Failed(f"hey printed something else than its report:\n{text[-400:]}")
    by_status = {int(s): int(n) for s, n in re.findall(r"^\s*\[(\d+)\]\s+(\d+) responses", text, re.M)}
    errors = sum(int(n) for n in re.findall(r"^\s*\[(\d+)\]\s+(?!\d+ responses)", text, re.M))
    good = sum(n for status, n in by_status.items() if 200 <= status < 400)
    total = sum(by_status.values()) + errors
    return Report(total, rate, total - good)
