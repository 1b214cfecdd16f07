"""Locust files: `squall locust` beside the real Locust of the same Python, one process each."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Callable, Optional

from ..figures import median, percentile
from ..machine import process_cpu_s
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Rounds, Sample
from ..tools import Job, Report, locust_job, locust_report

_USERS = 50
_TOOLS = ("squall", "locust")
# A run that ends cuts off what is under way: the server counts that, the generator does not.
_UNCOUNTED_MAX = 0.01


def _rates(bench: Bench, tool: str, user: str, seconds: float) -> Sample:
    server = bench.nginx()
    before = server.served()
    server_cpu = sum(process_cpu_s(pid) for pid in server.pids)
    job = locust_job(bench.tools, tool, user, server.url, _USERS, seconds)

    def read(run: Finished, _: Path) -> dict[str, float]:
        report = _sound(tool, run)
        served = server.served() - before
        if abs(served - report.requests) > max(2 * _USERS, _UNCOUNTED_MAX * served):
            raise Failed(f"{tool} reports {report.requests} requests, the server counted {served}")
        busy = (sum(process_cpu_s(pid) for pid in server.pids) - server_cpu) / run.wall_s
        n = report.requests
        return {
            "requests": n,
            "rate": n / seconds,
            "cpu_us": run.cpu_s / n * 1e6,
            "user_us": run.user_s / n * 1e6,
            "system_us": run.system_s / n * 1e6,
            "per_cpu_s": n / run.cpu_s,
            "server_busy": busy,
        }

    return bench.run(job, seconds + 60, read)


def _sound(tool: str, run: Finished) -> Report:
    report = locust_report(run)
    if report.requests == 0:
        raise Failed(f"{tool} made no request: {run.stderr[-400:]}")
    if report.failed:
        raise Failed(f"{tool} reports {report.failed} failed requests: {run.stderr[-600:]}")
    return report


def _ratio(bench: Bench, name: str, user: str, kind: str, bound: float) -> CaseResult:
    seconds = bench.settings.seconds(10, 4)
    result = CaseResult(name, f"a Locust file with {kind}: GET, catch_response, one parsing of JSON, {_USERS} users")
    rounds = bench.interleave({tool: lambda tool=tool: _rates(bench, tool, user, seconds) for tool in _TOOLS})
    result.add_rounds(f"{seconds:g} s a run, start-up included", rounds)
    result.commands(rounds)
    result.table(
        ["generator", "requests/s", "CPU us a request (user + system)", "server busy"],
        [
            [
                tool,
                number(median(rounds.values(tool, "rate"))),
                " ".join(
                    (
                        number(median(rounds.values(tool, "cpu_us"))),
                        f"({number(median(rounds.values(tool, 'user_us')))}",
                        f"+ {number(median(rounds.values(tool, 'system_us')))})",
                    )
                ),
                f"{median(rounds.values(tool, 'server_busy')):.0%}",
            ]
            for tool in _TOOLS
        ],
    )
    promise = Promise(f"Locust file: requests per CPU-second over Locust's {kind}", at_least=bound, unit="x")
    note = f"by rate {number(median(rounds.ratios('rate', *_TOOLS)))} x"
    result.judge(promise, rounds.ratios("per_cpu_s", *_TOOLS), rounds.is_noisy, note)
    return result


def http(bench: Bench) -> CaseResult:
    return _ratio(bench, "locust-http", "HttpChecking", "HttpUser", 25)


def fast(bench: Bench) -> CaseResult:
    return _ratio(bench, "locust-fast", "FastChecking", "FastHttpUser", 6)


class _Tree:
    """Resident memory of a process and its descendants, sampled while it runs."""

    def __init__(self) -> None:
        self.kib: list[tuple[float, int]] = []

    def watch(self, pid: int) -> None:
        started = time.monotonic()
        while True:
            total = sum(_rss_kib(one) or 0 for one in _family(pid))
            if not total:
                return
            self.kib.append((time.monotonic() - started, total))
            time.sleep(0.2)


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            tasks = os.listdir(f"/proc/{one}/task")
            for task in tasks:
                found += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
        except OSError:
            continue
    return found


def _rss_kib(pid: int) -> Optional[int]:
    try:
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found.group(1)) if found else None


def _resting(bench: Bench, tool: str, user: str, users: int, seconds: float) -> Sample:
    tree = _Tree()
    job = locust_job(bench.tools, tool, user, bench.nginx().url, users, seconds)

    def read(run: Finished, _: Path) -> dict[str, float]:
        _sound(tool, run)
        # The second half, when every user has made requests, and before the end's clearing up.
        held = sorted(kib for at, kib in tree.kib if run.wall_s - seconds / 2 <= at <= run.wall_s - 1)
        if not held:
            raise Failed(f"{tool} with {users} users was over too soon")
        return {"rss_kib": held[len(held) // 2]}

    return bench.run(job, seconds + 120, read, during=tree.watch, keep_memory=False)


def memory(bench: Bench) -> CaseResult:
    users = 5_000
    seconds = bench.settings.seconds(20, 14)
    result = CaseResult("locust-memory", f"resident memory a user of {users:,} that get once in five seconds")
    rows = []
    for kind in ("Http", "Fast"):
        user = f"{kind}Resting"
        runs: dict[str, Callable[[], Sample]] = {
            f"{tool} {n}": lambda tool=tool, n=n: _resting(bench, tool, user, n, seconds)
            for tool in _TOOLS
            for n in (1, users)
        }
        rounds = bench.interleave(runs, min(3, bench.settings.rounds))
        result.add_rounds(f"{kind}, {seconds:g} s a run", rounds)
        each = {tool: _slopes(rounds, tool, users) for tool in _TOOLS}
        rows += [[f"{kind}User", tool, number(median(each[tool]))] for tool in _TOOLS]
        promise = Promise(f"Locust file: memory of a {kind}User at {users:,}, share of Locust's", at_most=1, unit="x")
        # Memory does not mind a noisy machine.
        result.judge(promise, [a / b for a, b in zip(*(each[tool] for tool in _TOOLS))], False)
    result.table(["user", "generator", "KiB a user"], rows)
    return result


def _slopes(rounds: Rounds, tool: str, users: int) -> list[float]:
    low, high = (rounds.values(f"{tool} {n}", "rss_kib") for n in (1, users))
    return [(b - a) / (users - 1) for a, b in zip(low, high)]


def _working(bench: Bench, tool: str, user: str, seconds: float) -> Sample:
    target = bench.target()
    target.reset()
    job = locust_job(bench.tools, tool, user, target.url, _USERS, seconds)

    def read(run: Finished, _: Path) -> dict[str, float]:
        _sound(tool, run)
        truth = percentile([entry["actual_ms"] for entry in target.log()], 50)
        reported = _reported_p50(tool, run)
        return {"error_us": (reported - truth) * 1e3, "reported_ms": reported, "truth_ms": truth}

    return bench.run(job, seconds + 60, read)


def _reported_p50(tool: str, run: Finished) -> float:
    if tool == "squall":
        found = re.search(r"^Squall: p50 ([\d.]+) ms", run.stderr, re.M)
        if not found:
            raise Failed(f"no line of ours in: {run.stderr[-400:]}")
        return float(found.group(1))
    counts: dict[float, int] = {}
    for entry in json.loads(run.stdout):
        for ms, n in entry["response_times"].items():
            counts[float(ms)] = counts.get(float(ms), 0) + n
    rank, seen = sum(counts.values()) // 2, 0
    for ms in sorted(counts):
        seen += counts[ms]
        if seen > rank:
            return ms
    raise Failed("Locust reports no times")


def truth(bench: Bench) -> CaseResult:
    seconds = bench.settings.seconds(15, 5)
    result = CaseResult("locust-truth", f"p50 with 100 us of Python after each request, {_USERS} users at 20/s each")
    rows = []
    for kind in ("Http", "Fast"):
        runs = {
            tool: lambda tool=tool, user=f"{kind}Working": _working(bench, tool, user, seconds) for tool in _TOOLS
        }
        rounds = bench.interleave(runs)
        result.add_rounds(f"{kind}, {seconds:g} s a run", rounds)
        figures = ("truth_ms", "reported_ms", "error_us")
        rows += [[f"{kind}User", t, *(number(median(rounds.values(t, f))) for f in figures)] for t in _TOOLS]
        promise = Promise(f"Locust file, {kind}User: error of p50 against the target's log", -100, 100, "us")
        note = f"Locust: {number(median(rounds.values('locust', 'error_us')))} us"
        result.judge(promise, rounds.values("squall", "error_us"), rounds.is_noisy, note)
    result.table(["user", "generator", "truth ms", "reported ms", "error us"], rows)
    return result


def load(bench: Bench) -> CaseResult:
    users, per_s = 500, 10_000
    seconds = bench.settings.seconds(60, 8)
    result = CaseResult("locust-load", f"{per_s:,} requests/s for {seconds:g} s from one Locust file, {users} users")
    target = bench.target()

    def one() -> Sample:
        target.reset()
        job = locust_job(bench.tools, "squall", "HttpPaced", target.url, users, seconds)

        def read(run: Finished, _: Path) -> dict[str, float]:
            report = _sound("squall", run)
            return {
                "rate": report.requests / seconds,
                "arrived": target.stats()["received"],
                "cpu": run.cpu_s / run.wall_s,
            }

        return bench.run(job, seconds + 60, read)

    rounds = bench.interleave({"squall": one}, 1)
    result.add_rounds("one run", rounds)
    result.commands(rounds)
    figures = ("rate", "arrived", "cpu")
    result.table(
        ["requests/s", "arrived at the target", "CPUs of the generator"],
        [[number(median(rounds.values("squall", f)), 5) for f in figures]],
    )
    # A user's pace makes up for nothing that was late: what is missing is said.
    promise = Promise(f"Locust file at {per_s:,}/s: requests a second, none failed", at_least=0.99 * per_s, unit="/s")
    result.judge(promise, rounds.values("squall", "rate"), rounds.is_noisy, "counted by the target too")
    return result
