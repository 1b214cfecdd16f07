"""What a gRPC call costs: on an open connection, and with a connection of its own, judged like `throughput`."""

from __future__ import annotations

from pathlib import Path

from ..figures import median
from ..machine import process_cpu_s
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Sample
from ..tools import metrics, script_job

_USERS = 50
_TOOLS = ("squall", "k6")


def _one(bench: Bench, tool: str, seconds: float, more: dict[str, object]) -> Sample:
    target = bench.target()
    before = sum(process_cpu_s(pid) for pid in target.pids)
    variables = {"TARGET": target.grpc, "VUS": _USERS, "DURATION": f"{seconds:g}s", **more}

    def read(run: Finished, directory: Path) -> dict[str, float]:
        if run.exit_code != 0:
            raise Failed(f"{tool}: exit code {run.exit_code}: {run.stderr[-400:]}")
        found = metrics(directory)
        calls = found["iterations"]["count"]
        if not calls or found["checks"]["fails"]:
            raise Failed(f"{tool}: {calls} calls, {found['checks']['fails']} failed checks: {run.stderr[-400:]}")
        busy = (sum(process_cpu_s(pid) for pid in target.pids) - before) / run.wall_s
        return {
            "rate": found["iterations"]["rate"],
            "cpu_us": run.cpu_s / calls * 1e6,
            "user_us": run.user_s / calls * 1e6,
            "system_us": run.system_s / calls * 1e6,
            "per_cpu_s": calls / run.cpu_s,
            "peak_rss_mib": run.peak_rss_kib / 1024,
            "server_busy": busy,
        }

    job = script_job(bench.tools, tool, "grpc_unary.js", variables)
    return bench.run(job, seconds * 3 + 60, read)


def _case(bench: Bench, result: CaseResult, promise: Promise, more: dict[str, object]) -> CaseResult:
    seconds = bench.settings.seconds(5, 2)
    rounds = bench.interleave({t: lambda t=t: _one(bench, t, seconds, more) for t in _TOOLS})
    result.add_rounds(f"{seconds:g} s a run", rounds)
    result.commands(rounds)

    def mid(tool: str, figure: str) -> str:
        return number(median(rounds.values(tool, figure)))

    result.table(
        ["generator", "calls/s", "CPU us a call (user + system)", "peak RSS MiB", "server busy"],
        [
            [
                tool,
                mid(tool, "rate"),
                f"{mid(tool, 'cpu_us')} ({mid(tool, 'user_us')} + {mid(tool, 'system_us')})",
                mid(tool, "peak_rss_mib"),
                f"{median(rounds.values(tool, 'server_busy')):.0%}",
            ]
            for tool in _TOOLS
        ],
    )
    rates = median(rounds.ratios("rate", "squall", "k6"))
    result.judge(promise, rounds.ratios("per_cpu_s", "squall", "k6"), rounds.is_noisy, f"by rate {number(rates)} x")
    return result


def grpc(bench: Bench) -> CaseResult:
    result = CaseResult("grpc", "a unary gRPC call and two checks on an open connection, 50 VUs")
    promise = Promise("gRPC unary: calls per CPU-second over k6's", at_least=5, unit="x")
    return _case(bench, result, promise, {})


def grpc_new(bench: Bench) -> CaseResult:
    result = CaseResult("grpc-new", "the same call with connect and close around it")
    promise = Promise("gRPC connect, call, close: iterations per CPU-second over k6's", at_least=3, unit="x")
    return _case(bench, result, promise, {"NEW_CONNECTIONS": 1, "SPREAD": 1})
