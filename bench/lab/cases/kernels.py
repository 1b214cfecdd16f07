"""JavaScript itself: CPU time of eleven kernels under Squall's engine and k6's."""

from __future__ import annotations

import re
from pathlib import Path

from ..figures import geometric_mean, median
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Rounds, Sample
from ..tools import script_job

# How often each runs: chosen so that k6 needs somewhat less than a second of CPU.
_TIMES = {
    "json-parse": 2500,
    "json-round-trip": 2000,
    "regex": 16000,
    "regex-global-10k": 2500,
    "template-replace": 3500,
    "string-building": 300,
    "sort": 400,
    "map-filter-reduce": 2500,
    "sha256": 1700,
    "loops": 300,
    "classes": 900,
}


def _measure(bench: Bench, tool: str, kernel: str, n: int) -> Sample:
    def read(run: Finished, _: Path) -> dict[str, float]:
        said = re.search(rf"CHECK {kernel} (-?\d+)", run.stderr + run.stdout)
        if run.exit_code != 0 or said is None:
            raise Failed(f"{tool} did not run the kernel {kernel}: {run.stderr[-400:]}")
        return {"cpu_ms": run.cpu_s * 1e3, "check": float(said.group(1))}

    job = script_job(bench.tools, tool, "kernels.js", {"KERNEL": kernel, "N": n})
    return bench.run(job, timeout_s=120, read=read, probe_s=0.1, keep_memory=False)


def _interleave(bench: Bench, result: CaseResult, kernel: str, n: int) -> Rounds:
    rounds = bench.interleave(
        {tool: lambda tool=tool: _measure(bench, tool, kernel, n) for tool in ("squall", "k6")}
    )
    answers = {v for tool in ("squall", "k6") for v in rounds.values(tool, "check")}
    if len(answers) != 1:
        raise Failed(f"the engines disagree about kernel {kernel}: {sorted(answers)}")
    result.add_rounds(f"{kernel}, {n} times", rounds)
    return rounds


def js(bench: Bench) -> CaseResult:
    result = CaseResult("js", "eleven JavaScript kernels, CPU time of a fixed number of runs, start-up taken off")
    share = 4 if bench.settings.is_quick else 1
    idle = _interleave(bench, result, "none", 0)
    base = {tool: median(idle.values(tool, "cpu_ms")) for tool in ("squall", "k6")}
    is_noisy = idle.is_noisy
    rows = []
    ratios: dict[str, list[float]] = {}
    for kernel, usual in _TIMES.items():
        n = usual // share
        rounds = _interleave(bench, result, kernel, n)
        is_noisy |= rounds.is_noisy
        ours = [max(ms - base["squall"], 0.1) for ms in rounds.values("squall", "cpu_ms")]
        theirs = [max(ms - base["k6"], 0.1) for ms in rounds.values("k6", "cpu_ms")]
        ratios[kernel] = [b / a for a, b in zip(ours, theirs)]
        rows.append(
            [kernel, number(median(ours) / n * 1e3), number(median(theirs) / n * 1e3), number(median(ratios[kernel]))]
        )
    rows.append(["geometric mean", "", "", number(geometric_mean([median(r) for r in ratios.values()]))])
    result.table(["kernel", "squall us", "k6 us", "k6 / squall"], rows)
    means = [geometric_mean(one_round) for one_round in zip(*ratios.values())]
    result.judge(Promise("JavaScript: geometric mean over k6's engine", at_least=4, unit="x"), means, is_noisy)
    slowest = min(ratios, key=lambda kernel: median(ratios[kernel]))
    result.judge(
        Promise("JavaScript: no kernel below half of k6's speed", at_least=0.5, unit="x"),
        ratios[slowest],
        is_noisy,
        f"slowest: {slowest}",
    )
    return result
