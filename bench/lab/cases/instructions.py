"""Instructions a request: hardly moved by noise, so the figure to compare two builds with on a busy machine."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from ..process import Failed, Finished
from ..report import CaseResult, number
from ..rounds import Bench, Rounds, Sample
from ..servers import N_ADDRESSES
from ..tools import Job, burst_job, script_job, wrk_job

_USERS = 50
_COUNTS = "perf.csv"


def _counted(bench: Bench, job: Job, n: int) -> Sample:
    events = ["-e", "instructions:u", "-e", "instructions:k"]
    perf = [bench.tools.perf, "stat", "-x,", "-o", _COUNTS, *events, "--"]

    def read(run: Finished, directory: Path) -> dict[str, float]:
        if run.exit_code != 0:
            raise Failed(f"{job.tool}: exit code {run.exit_code}: {run.stderr[-400:]}")
        found = {}
        for line in (directory / _COUNTS).read_text().splitlines():
            fields = line.split(",")
            if len(fields) > 2 and fields[2].startswith("instructions:"):
                if not fields[0].isdigit():
                    raise Failed(f"perf counts no instructions here ({fields[0]})")
                found[fields[2][-1]] = int(fields[0])
        if job.tool == "wrk":
            n_done = int(run.stdout.split(" requests in ")[0].split()[-1])
            return {"user": found["u"], "kernel": found["k"], "n": n_done}
        return {"user": found["u"], "kernel": found["k"], "n": n}

    job = job._replace(command=[*perf, *job.command])
    return bench.run(job, timeout_s=120, read=read, probe_s=0.05, keep_memory=False)


def instructions(bench: Bench) -> CaseResult:
    result = CaseResult("instructions", "instructions a request, start-up taken off")
    plain, secure = bench.nginx().url, bench.nginx().tls_url
    new = {"NEW_CONNECTIONS": 1, "SPREAD": N_ADDRESSES}

    def script(tool: str, url: str, **more: object) -> Callable[[int], Job]:
        def make(n: int) -> Job:
            flags = ["--vus", str(_USERS), "--iterations", str(n)]
            return script_job(bench.tools, tool, "get_check.js", {"TARGET": url, **more}, flags)

        return make

    def burst(n: int) -> Job:
        return burst_job(bench.tools, plain, ["--concurrency", str(_USERS), "--requests", str(n)])

    counted: dict[tuple[str, str], tuple[Callable[[int], Job], int]] = {
        ("burst", "squall"): (burst, 20_000),
        ("burst", "wrk"): (lambda n: wrk_job(bench.tools, plain, _USERS, 1 if n < 1000 else 3), 20_000),
    }
    cases = (
        ("http", plain, {}, 20_000),
        ("tls", secure, {}, 20_000),
        ("tls-new", secure, new, 2_000),
        ("plain-new", plain, new, 5_000),
    )
    for case, url, more, n in cases:
        for tool in ("squall", "k6"):
            counted[case, tool] = (script(tool, url, **more), n)
    rows = []
    for (case, tool), (make, n) in counted.items():
        few = _counted(bench, make(_USERS), _USERS)
        many = _counted(bench, make(_USERS + n), _USERS + n)
        result.add_rounds(f"{case} {tool}", Rounds([{"few": few, "many": many}], [], False))
        more_requests = many.values["n"] - few.values["n"]
        user, kernel = ((many.values[k] - few.values[k]) / more_requests for k in ("user", "kernel"))
        # wrk can't be told a number of requests: its first run is a second of load, not a start-up.
        start = "–" if tool == "wrk" else number(few.values["user"] / 1e6)
        rows.append([case, tool, number(user, 5), number(kernel, 5), start])
    result.table(["case", "generator", "user", "kernel", "start-up with 50 VUs, millions"], rows)
    return result
