"""What a request costs: closed loops of every kind, judged by requests per CPU-second of the generator."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Sequence

from ..figures import median
from ..machine import process_cpu_s
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Rounds, Sample
from ..servers import N_ADDRESSES
from ..tools import Job, burst_job, hey_job, read_report, script_job, wrk_job

_USERS = 50
# A request that the end of the run cuts off is the server's but not the generator's; wrk and hey let go of more.
_UNCOUNTED_MAX = 0.005
# Above this a rate says as much about the server as about the generator. CPU a request stays comparable.
_SERVER_BUSY_MAX = 0.9


def _measure(bench: Bench, job: Job, seconds: float) -> Sample:
    server = bench.nginx()
    before = server.served()
    server_cpu = sum(process_cpu_s(pid) for pid in server.pids)

    def read(run: Finished, directory: Path) -> dict[str, float]:
        report = read_report(job, run, directory)
        busy = (sum(process_cpu_s(pid) for pid in server.pids) - server_cpu) / run.wall_s
        served = server.served() - before
        if report.requests == 0:
            raise Failed(f"{job.tool} made no request: {(run.stderr or run.stdout)[-400:]}")
        if abs(served - report.requests) > max(2 * _USERS, _UNCOUNTED_MAX * served):
            raise Failed(f"{job.tool} reports {report.requests} requests, the server counted {served}")
        if report.failed:
            raise Failed(f"{job.tool} reports {report.failed} failed requests or checks")
        n = report.requests
        return {
            "requests": n,
            "served": served,
            "rate": report.rate,
            "cpu_us": run.cpu_s / n * 1e6,
            "user_us": run.user_s / n * 1e6,
            "system_us": run.system_s / n * 1e6,
            "per_cpu_s": n / run.cpu_s,
            "voluntary": run.voluntary_switches / n,
            "involuntary": run.involuntary_switches / n,
            "peak_rss_mib": run.peak_rss_kib / 1024,
            "server_busy": busy,
        }

    return bench.run(job, timeout_s=seconds * 3 + 60, read=read)


def _table(result: CaseResult, rounds: Rounds, tools: Sequence[str]) -> None:
    def mid(tool: str, figure: str, digits: int = 3) -> str:
        return number(median(rounds.values(tool, figure)), digits)

    result.table(
        ["generator", "requests/s", "CPU us a request (user + system)", "switches a request: voluntary, forced",
         "peak RSS MiB", "server busy"],
        [
            [
                tool,
                mid(tool, "rate"),
                f"{mid(tool, 'cpu_us')} ({mid(tool, 'user_us')} + {mid(tool, 'system_us')})",
                f"{mid(tool, 'voluntary', 2)}, {mid(tool, 'involuntary', 2)}",
                mid(tool, "peak_rss_mib"),
                f"{median(rounds.values(tool, 'server_busy')):.0%}",
            ]
            for tool in tools
        ],
    )  # fmt: skip
    limited = [tool for tool in tools if median(rounds.values(tool, "server_busy")) > _SERVER_BUSY_MAX]
    if limited:
        result.say(f"The rates of {', '.join(limited)} are the server's: it was more than {_SERVER_BUSY_MAX:.0%} busy.")


def _compare(
    bench: Bench,
    result: CaseResult,
    jobs: dict[str, Callable[[float], Job]],
    promises: Sequence[tuple[str, Promise]],
    seconds: float,
) -> CaseResult:
    """Interleaves the jobs and judges Squall's requests per CPU-second against each promise's peer."""
    rounds = bench.interleave({tool: lambda make=make: _measure(bench, make(seconds), seconds)
                               for tool, make in jobs.items()})  # fmt: skip
    result.add_rounds(f"{seconds:g} s a run", rounds)
    result.commands(rounds)
    _table(result, rounds, list(jobs))
    for peer, promise in promises:
        rates = median(rounds.ratios("rate", "squall", peer))
        result.judge(
            promise, rounds.ratios("per_cpu_s", "squall", peer), rounds.is_noisy, f"by rate {number(rates)} x"
        )
    return result


def _script(bench: Bench, tool: str, url: str, seconds: float, **variables: object) -> Job:
    variables = {"TARGET": url, "VUS": _USERS, "DURATION": f"{seconds:g}s", **variables}
    return script_job(bench.tools, tool, "get_check.js", variables)


def http(bench: Bench) -> CaseResult:
    result = CaseResult("http", "a k6 script with GET and two checks, one parsing JSON, 50 VUs")
    url = bench.nginx().url
    jobs = {
        "squall": lambda s: _script(bench, "squall", url, s),
        "k6": lambda s: _script(bench, "k6", url, s),
        "wrk": lambda s: wrk_job(bench.tools, url, _USERS, s),
    }
    promises = [
        ("k6", Promise("script: requests per CPU-second over k6's", at_least=6.5, unit="x")),
        ("wrk", Promise("script: requests per CPU-second over wrk's, which runs no script", at_least=0.70, unit="x")),
    ]
    return _compare(bench, result, jobs, promises, bench.settings.seconds(5, 2))


def burst(bench: Bench) -> CaseResult:
    result = CaseResult("burst", "load without a script, 50 connections")
    url = bench.nginx().url
    jobs = {
        "squall": lambda s: burst_job(bench.tools, url, ["--concurrency", str(_USERS), "--duration", f"{s:g}s"]),
        "wrk": lambda s: wrk_job(bench.tools, url, _USERS, s),
        "hey": lambda s: hey_job(bench.tools, url, _USERS, s),
    }
    promises = [
        ("wrk", Promise("burst: requests per CPU-second over wrk's", at_least=0.95, unit="x")),
        ("hey", Promise("burst: requests per CPU-second over hey's", at_least=2.0, unit="x")),
    ]
    return _compare(bench, result, jobs, promises, bench.settings.seconds(5, 2))


def tls(bench: Bench) -> CaseResult:
    result = CaseResult("tls", "the same script over HTTPS with keep-alive (TLS 1.3)")
    url = bench.nginx().tls_url
    jobs = {
        "squall": lambda s: _script(bench, "squall", url, s),
        "k6": lambda s: _script(bench, "k6", url, s),
        "wrk": lambda s: wrk_job(bench.tools, url, _USERS, s),
    }
    promises = [("k6", Promise("HTTPS keep-alive: requests per CPU-second over k6's", at_least=5, unit="x"))]
    return _compare(bench, result, jobs, promises, bench.settings.seconds(5, 2))


def http2(bench: Bench) -> CaseResult:
    result = CaseResult("http2", "the same script over HTTP/2 (TLS 1.3), one connection a VU")
    url = bench.nginx().http2_url
    jobs = {
        "squall": lambda s: _script(bench, "squall", url, s),
        "k6": lambda s: _script(bench, "k6", url, s),
    }
    promises = [("k6", Promise("HTTP/2 over TLS: requests per CPU-second over k6's", at_least=4, unit="x"))]
    return _compare(bench, result, jobs, promises, bench.settings.seconds(5, 2))


def tls_new(bench: Bench) -> CaseResult:
    result = CaseResult("tls-new", "the same script, a new TLS connection for each request, whole handshakes")
    url = bench.nginx().tls_url
    more = {"NEW_CONNECTIONS": 1, "SPREAD": N_ADDRESSES}
    jobs = {
        "squall": lambda s: _script(bench, "squall", url, s, **more),
        "k6": lambda s: _script(bench, "k6", url, s, **more),
    }
    promises = [("k6", Promise("new TLS connection each: requests per CPU-second over k6's", at_least=2, unit="x"))]
    return _compare(bench, result, jobs, promises, bench.settings.seconds(5, 2))


def plain_new(bench: Bench) -> CaseResult:
    result = CaseResult("plain-new", "the same script, a new plain connection for each request")
    url = bench.nginx().url
    more = {"NEW_CONNECTIONS": 1, "SPREAD": N_ADDRESSES}
    jobs = {
        "squall": lambda s: _script(bench, "squall", url, s, **more),
        "k6": lambda s: _script(bench, "k6", url, s, **more),
    }
    promises = [("k6", Promise("new plain connection each: requests per CPU-second over k6's", at_least=2.5, unit="x"))]
    return _compare(bench, result, jobs, promises, bench.settings.seconds(5, 2))
