"""Starting: many VUs, and the way to the first request."""

from __future__ import annotations

import re
from pathlib import Path

from ..figures import median
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Sample
from ..tools import metrics, script_job

_VUS = 10_000


def _initialise(bench: Bench, tool: str, vus: int) -> Sample:
    def read(run: Finished, directory: Path) -> dict[str, float]:
        said = re.search(r"STARTED (\d+)", run.stderr + run.stdout)
        if run.exit_code != 0 or said is None or metrics(directory)["iterations"]["count"] != vus:
            raise Failed(f"{tool} did not run {vus} VUs: {run.stderr[-400:]}")
        # Date.now() counts whole milliseconds; half of one is added on average.
        seconds = (int(said.group(1)) * 1_000_000 + 500_000 - run.started_unix_ns) / 1e9
        return {"seconds": seconds, "wall_s": run.wall_s, "cpu_s": run.cpu_s, "peak_mib": run.peak_rss_kib / 1024}

    job = script_job(bench.tools, tool, "init.js", {"VUS": vus})
    return bench.run(job, timeout_s=180, read=read)


def init(bench: Bench) -> CaseResult:
    vus = _VUS
    result = CaseResult("init", f"{vus:,} VUs initialised on one core: process start to the first iteration")
    tools = ("squall", "k6")
    rounds = bench.interleave({tool: lambda tool=tool: _initialise(bench, tool, vus) for tool in tools})
    result.add_rounds("one run each", rounds)
    result.table(
        ["generator", "seconds to the first iteration", "of the whole run", "its CPU seconds", "peak RSS MiB"],
        [[t, *(number(median(rounds.values(t, f))) for f in ("seconds", "wall_s", "cpu_s", "peak_mib"))] for t in tools],
    )
    promise = Promise(f"{vus:,} VUs initialised within", at_most=3, unit="s")
    result.judge(promise, rounds.values("squall", "seconds"), rounds.is_noisy)
    return result


def _first_request(bench: Bench, tool: str) -> Sample:
    target = bench.target()
    target.reset()

    def read(run: Finished, _: Path) -> dict[str, float]:
        arrival = target.first_arrival_unix_ns()
        if run.exit_code != 0 or arrival is None:
            raise Failed(f"no request of {tool} arrived: {run.stderr[-400:]}")
        return {"ms": (arrival - run.started_unix_ns) / 1e6, "cpu_ms": run.cpu_s * 1e3, "wall_ms": run.wall_s * 1e3}

    job = script_job(bench.tools, tool, "one_request.js", {"TARGET": target.url})
    return bench.run(job, timeout_s=30, read=read, probe_s=0.1, keep_memory=False)


def startup(bench: Bench) -> CaseResult:
    result = CaseResult("startup", "process start to the first request at the server, one VU")
    tools = ("squall", "k6")
    n = 5 if bench.settings.is_quick else 20
    rounds = bench.interleave({tool: lambda tool=tool: _first_request(bench, tool) for tool in tools}, n)
    result.add_rounds("one run each", rounds)
    result.table(
        ["generator", "ms to the first request", "ms of the whole run", "CPU ms"],
        [[t, *(number(median(rounds.values(t, f))) for f in ("ms", "wall_ms", "cpu_ms"))] for t in tools],
    )
    promise = Promise("start to first request, share of k6's", at_most=0.2, unit="x")
    result.judge(promise, rounds.ratios("ms", "squall", "k6"), rounds.is_noisy)
    return result
