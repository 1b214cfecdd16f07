"""Open loops: is every arrival made, when does it arrive, and is the response time the truth when the target stalls?"""

from __future__ import annotations

import json
from pathlib import Path

from ..figures import median, percentile
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Sample
from ..servers import DemoTarget
from ..tools import Job, burst_job, metrics, script_job


def _job(bench: Bench, tool: str, rate: int, vus: int, seconds: float, **more: object) -> Job:
    variables = {"TARGET": bench.target().url, "RATE": rate, "VUS": vus, "DURATION": f"{seconds:g}s", **more}
    return script_job(bench.tools, tool, "open_loop.js", variables)


def _counts(found: dict) -> dict[str, float]:
    return {
        "iterations": found.get("iterations", {}).get("count", 0),
        "dropped": found.get("dropped_iterations", {}).get("count", 0),
    }


def rate(bench: Bench) -> CaseResult:
    per_s, vus = 10_000, 1000
    seconds = bench.settings.seconds(60, 5)
    result = CaseResult("rate", f"open loop: a script at {per_s:,}/s for {seconds:g} s, {vus:,} pre-allocated VUs")
    target = bench.target()

    def one(tool: str) -> Sample:
        target.reset()

        def read(run: Finished, directory: Path) -> dict[str, float]:
            if run.exit_code != 0:
                raise Failed(f"{tool}: exit code {run.exit_code}: {run.stderr[-400:]}")
            return {**_counts(metrics(directory)), "arrived": target.stats()["received"], "cpu_s": run.cpu_s}

        return bench.run(_job(bench, tool, per_s, vus, seconds), seconds + 90, read)

    tools = ("squall", "k6")
    rounds = bench.interleave({tool: lambda tool=tool: one(tool) for tool in tools}, 1)
    result.add_rounds("one run each", rounds)
    result.commands(rounds)
    figures = ("iterations", "dropped", "arrived", "cpu_s")
    result.table(
        ["generator", "iterations", "dropped", "arrived at the target", "CPU seconds"],
        [[t, *(number(median(rounds.values(t, f)), 4) for f in figures)] for t in tools],
    )
    due = per_s * seconds
    started = Promise(f"open loop at {per_s:,}/s: iterations started", due - 1, due + 1)
    dropped = Promise(f"open loop at {per_s:,}/s: iterations dropped", at_most=0)
    result.judge(started, rounds.values("squall", "arrived"), rounds.is_noisy, "counted by the target")
    result.judge(dropped, rounds.values("squall", "dropped"), rounds.is_noisy)
    return result


def _late_script(bench: Bench, tool: str, per_s: int, seconds: float) -> Sample:
    target = bench.target()
    target.reset()

    def read(run: Finished, directory: Path) -> dict[str, float]:
        if run.exit_code != 0:
            raise Failed(f"{tool}: exit code {run.exit_code}: {run.stderr[-400:]}")
        late = target.stats(per_s)["lateness_us"]
        if late is None:
            raise Failed(f"no arrivals of {tool}")
        figures = {key: late[key] for key in ("p50", "p90", "p99", "max", "gap_cov")}
        return {**figures, **_counts(metrics(directory)), "cpu_us": run.cpu_s / late["arrivals"] * 1e6}

    return bench.run(_job(bench, tool, per_s, 200, seconds), seconds + 60, read)


def _late_burst(bench: Bench, per_s: int, seconds: float) -> Sample:
    flags = ["--rate", str(per_s), "--duration", f"{seconds:g}s"]

    def read(run: Finished, _: Path) -> dict[str, float]:
        if run.exit_code != 0:
            raise Failed(f"burst: exit code {run.exit_code}: {run.stderr[-400:]}")
        found = json.loads(run.stdout)
        late = {key: found["lateness_ms"][key] * 1e3 for key in ("p50", "p90", "p99", "max")}
        made = found["issued"] / found["elapsed_s"]
        return {**late, "dropped": found["dropped"], "rate": made, "cpu_us": run.cpu_s / found["issued"] * 1e6}

    return bench.run(burst_job(bench.tools, bench.nginx().url, flags), seconds + 60, read)


def lateness(bench: Bench) -> CaseResult:
    result = CaseResult("lateness", "how late arrivals are, as the target sees them; microseconds")
    seconds = bench.settings.seconds(10, 4)
    tools = ("squall", "k6")
    rows = []
    for per_s in (1000, 5000):
        runs = {t: lambda t=t, per_s=per_s: _late_script(bench, t, per_s, seconds) for t in tools}
        rounds = bench.interleave(runs)
        result.add_rounds(f"script at {per_s:,}/s, {seconds:g} s a run", rounds)
        figures = ("p50", "p90", "p99", "max", "gap_cov", "dropped", "cpu_us")
        rows += [[f"{per_s:,}/s {t}", *(number(median(rounds.values(t, f))) for f in figures)] for t in tools]
        ours = rounds.values("squall", "p50")
        below = Promise(f"arrival lateness p50 at {per_s:,}/s", at_most=60, unit="us")
        result.judge(below, ours, rounds.is_noisy)
        share = Promise(f"arrival lateness p50 at {per_s:,}/s, share of k6's", at_most=0.1, unit="x")
        result.judge(share, rounds.ratios("p50", "squall", "k6"), rounds.is_noisy)
    per_s = 50_000
    rounds = bench.interleave({"squall": lambda: _late_burst(bench, per_s, seconds)})
    result.add_rounds(f"burst at {per_s:,}/s on nginx, {seconds:g} s a run", rounds)
    figures = ("p50", "p90", "p99", "max", "gap_cov", "dropped", "cpu_us")
    rows.append(
        [f"{per_s:,}/s burst (self-reported)"]
        + [number(median(rounds.values("squall", f))) if rounds.values("squall", f) else "–" for f in figures]
    )
    result.table(["", "p50", "p90", "p99", "max", "gap variation", "dropped", "CPU us a request"], rows)
    promise = Promise(f"burst at {per_s:,}/s: send lateness p99", at_most=100, unit="us")
    made = number(median(rounds.values("squall", "rate")), 5)
    result.judge(promise, rounds.values("squall", "p99"), rounds.is_noisy, f"{made} requests/s made")
    return result


# Of 10,000 arrivals at 1,000/s, the 1,000 of a stalled second wait 1,000 to 0 ms: the 95th percentile of all is the
# middle of them, the 99th is a tenth from their top.
_TRUTH_MS = {"p(95)": 500.0, "p(99)": 900.0}


def _seen(target: DemoTarget, per_s: int) -> dict[str, float]:
    """Response times from an even schedule by the target's own log: it has what the target took to work off the queue."""
    log = sorted(target.log(), key=lambda entry: entry["arrival_ns"])
    offsets = [entry["arrival_ns"] / 1e6 - i * 1e3 / per_s for i, entry in enumerate(log)]
    origin = percentile(offsets, 0.5)
    response = [offset - origin + entry["actual_ms"] for offset, entry in zip(offsets, log)]
    return {f"seen {name}": percentile(response, p) for name, p in (("med", 50), ("p(95)", 95), ("p(99)", 99))}


def stall(bench: Bench) -> CaseResult:
    result = CaseResult("stall", "1,000/s for 10 s, the target stalls for 1 s: response time from the intended start")
    target = bench.target()
    per_s = 1000

    def one(tool: str, vus: int) -> Sample:
        target.reset(stall={"at": "4s", "for": "1s"})

        def read(run: Finished, directory: Path) -> dict[str, float]:
            if run.exit_code != 0:
                raise Failed(f"{tool}: exit code {run.exit_code}: {run.stderr[-400:]}")
            found = metrics(directory)
            counts = _counts(found)
            trend = found["squall_response_time" if tool == "squall" else "http_req_duration"]
            seen = {} if counts["dropped"] else _seen(target, per_s)
            return {**counts, **{p: trend[p] for p in ("med", *_TRUTH_MS)}, **seen}

        more = {"RESPONSE_TIME": 1} if tool == "squall" else {}
        return bench.run(_job(bench, tool, per_s, vus, 10, **more), 90, read)

    tools = ("squall", "k6")
    rows = [["truth of an even schedule", "–", *(number(ms) for ms in _TRUTH_MS.values()), "–"]]
    for vus, plenty in ((50, "few"), (1200, "plenty of")):
        rounds = bench.interleave({t: lambda t=t, vus=vus: one(t, vus) for t in tools})
        result.add_rounds(f"{vus} VUs", rounds)
        figures = ("med", *_TRUTH_MS, "dropped")
        rows += [[f"{vus} VUs, {t}", *(number(median(rounds.values(t, f)), 4) for f in figures)] for t in tools]
        if rounds.values("squall", "seen med"):
            seen = (number(median(rounds.values("squall", f"seen {p}")), 4) for p in ("med", *_TRUTH_MS))
            rows.append([f"{vus} VUs, squall's run as the target saw it", *seen, "–"])
        for p, truth in _TRUTH_MS.items():
            promise = Promise(f"1 s stall, {plenty} VUs: response time {p} within 3 %", truth * 0.97, truth * 1.03, "ms")
            result.judge(promise, rounds.values("squall", p), rounds.is_noisy)
    target.reset()
    result.table(["", "median ms", "p95 ms", "p99 ms", "dropped"], rows)
    result.say("k6 has no response time from the intended start; its row is `http_req_duration`.")
    return result
