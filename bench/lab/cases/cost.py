"""What a request costs in instructions, counted under valgrind: the same on every run, so that one that grows is noticed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Callable

from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Rounds, Sample
from ..tools import ROOT, Job, burst_job, script_job

_USERS = 10
_FEW, _MANY = 2_000, 6_000
_KEPT = ROOT / "bench" / "instructions.json"
_TOLERANCE = 1.02


def _counted(bench: Bench, job: Job) -> Sample:
    valgrind = [bench.tools.valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]

    def read(run: Finished, _: Path) -> dict[str, float]:
        found = re.search(r"Collected : (\d+)", run.stderr)
        if run.exit_code != 0 or found is None:
            raise Failed(f"{job.tool}: exit code {run.exit_code}: {run.stderr[-400:]}")
        return {"instructions": int(found.group(1))}

    job = job._replace(command=[*valgrind, *job.command])
    return bench.run(job, timeout_s=180, read=read, probe_s=0.05, keep_memory=False)


def cost(bench: Bench) -> CaseResult:
    result = CaseResult("cost", f"instructions a request outside the kernel, {_MANY:,} requests less {_FEW:,}")
    url = bench.nginx().url

    def script(n: int) -> Job:
        flags = ["--vus", str(_USERS), "--iterations", str(n)]
        return script_job(bench.tools, "squall", "get_check.js", {"TARGET": url}, flags)

    def burst(n: int) -> Job:
        return burst_job(bench.tools, url, ["--no-record", "--concurrency", str(_USERS), "--requests", str(n)])

    cases: dict[str, Callable[[int], Job]] = {"http": script, "burst": burst}
    kept = json.loads(_KEPT.read_text())
    rows, now = [], {}
    for case, make in cases.items():
        few, many = (_counted(bench, make(n)) for n in (_FEW, _MANY))
        result.add_rounds(case, Rounds([{"few": few, "many": many}], [], False))
        each = (many.values["instructions"] - few.values["instructions"]) / (_MANY - _FEW)
        now[case] = round(each)
        rows.append([case, number(each, 5), number(kept[case], 5)])
        promise = Promise(f"{case}: instructions a request, share of those kept", at_most=_TOLERANCE, unit="x")
        result.judge(promise, [each / kept[case]], False)
    result.table(["case", "instructions a request", "kept"], rows)
    result.say(f"Where the change is meant, `bench/instructions.json` becomes `{json.dumps(now)}`.")
    return result
