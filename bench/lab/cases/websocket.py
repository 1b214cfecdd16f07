"""What a message over a WebSocket costs: echoes, judged by messages per CPU-second of the generator."""

from __future__ import annotations

from pathlib import Path

from ..figures import median
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Sample
from ..tools import metrics, script_job

_USERS = 50
_MESSAGES = 1000
# What the end of the run cuts off is the server's but not the generator's.
_UNCOUNTED_MAX = 0.005


def _echo(bench: Bench, tool: str, api: str, seconds: float) -> Sample:
    target = bench.target()
    before = target.ws_received()
    variables = {
        "TARGET": target.ws_url,
        "VUS": _USERS,
        "DURATION": f"{seconds:g}s",
        "MESSAGES": _MESSAGES,
        "API": api,
    }

    def read(run: Finished, directory: Path) -> dict[str, float]:
        if run.exit_code != 0:
            raise Failed(f"{tool}: exit code {run.exit_code}: {run.stderr[-400:]}")
        found = metrics(directory)
        n = int(found["ws_msgs_received"]["count"])
        served = target.ws_received() - before
        if n == 0:
            raise Failed(f"{tool} received no message: {(run.stderr or run.stdout)[-400:]}")
        if abs(served - n) > max(2 * _USERS, _UNCOUNTED_MAX * served):
            raise Failed(f"{tool} reports {n} messages, the server counted {served}")
        if found["checks"]["fails"]:
            raise Failed(f"{tool} reports {found['checks']['fails']} failed checks")
        return {
            "messages": n,
            "rate": n / run.wall_s,
            "cpu_us": run.cpu_s / n * 1e6,
            "user_us": run.user_s / n * 1e6,
            "system_us": run.system_s / n * 1e6,
            "per_cpu_s": n / run.cpu_s,
        }

    return bench.run(script_job(bench.tools, tool, "ws_echo.js", variables), seconds * 3 + 60, read)


def _case(bench: Bench, name: str, api: str, module: str) -> CaseResult:
    result = CaseResult(name, f"echoes over a WebSocket with {module}, {_USERS} VUs, {_MESSAGES:,} messages a connection")
    seconds = bench.settings.seconds(5, 2)
    tools = ("squall", "k6")
    rounds = bench.interleave({t: lambda t=t: _echo(bench, t, api, seconds) for t in tools})
    result.add_rounds(f"{seconds:g} s a run", rounds)
    result.commands(rounds)
    rows = []
    for tool in tools:
        mid = {f: number(median(rounds.values(tool, f))) for f in ("rate", "cpu_us", "user_us", "system_us")}
        rows.append([tool, mid["rate"], f"{mid['cpu_us']} ({mid['user_us']} + {mid['system_us']})"])
    result.table(["generator", "echoes/s", "CPU us an echo (user + system)"], rows)
    promise = Promise(f"{module}: messages per CPU-second over k6's", at_least=3, unit="x")
    by_rate = number(median(rounds.ratios("rate", "squall", "k6")))
    result.judge(promise, rounds.ratios("per_cpu_s", "squall", "k6"), rounds.is_noisy, f"by rate {by_rate} x")
    return result


def blocking(bench: Bench) -> CaseResult:
    return _case(bench, "ws", "ws", "k6/ws")


def events(bench: Bench) -> CaseResult:
    return _case(bench, "websockets", "websockets", "k6/websockets")
