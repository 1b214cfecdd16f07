"""Watching: what looking at everything once a second takes from the machine that makes the load."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ..figures import median
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Sample
from ..tools import Job
from ..watched import System, system

# Sources whose probes must have seen something, by a series of each.
_SEEN = (
    "prom_up", "pg_connections_total", "redis_ops_per_second", "docker_cpu_cores", "k8s_hpa_replicas_current",
    "log_matches",
)  # fmt: skip


def _watched(bench: Bench, watched: System, seconds: float) -> Sample:
    def read(run: Finished, directory: Path) -> dict[str, float]:
        if run.exit_code != 0:
            raise Failed(f"exit code {run.exit_code}: {run.stderr[-400:]}")
        command = [bench.tools.squall, "report", "-q", "--report", "json=report.json", "record"]
        made = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        if made.returncode:
            raise Failed(f"squall report: {made.stderr[-400:]}")
        rows = json.loads((directory / "report.json").read_text())["runs"][0]["resources"]
        found = {row["metric"]: row["avg"] for row in rows}
        missing = [name for name in _SEEN if name not in found]
        if missing:
            raise Failed(f"nothing was seen of {', '.join(missing)}; there are {', '.join(sorted(found))}")
        return {"percent": found["observer_cpu_cores"] * 100, "series": len(rows)}

    command = [bench.tools.squall, "burst", "--json", "--cores", "1", "--record", "record", "--rate", "100"]
    command += ["--duration", f"{seconds:g}s", *watched.flags(), bench.target().url]
    return bench.run(Job("squall", command, watched.environment()), timeout_s=seconds + 60, read=read)


def observe(bench: Bench) -> CaseResult:
    seconds = bench.settings.seconds(30, 10)
    result = CaseResult("observe", "CPU of the thread that watches six sources once a second, by its own getrusage")
    bench.target().reset()
    scraped = f"127.0.0.1:{bench.target().port}"
    with system(bench.tools, bench.cpus.server, scraped) as watched:
        runs = {"squall": lambda: _watched(bench, watched, seconds)}
        rounds = bench.interleave(runs, min(3, bench.settings.rounds))
    result.add_rounds(f"{seconds:g} s a run", rounds)
    percent, series = rounds.values("squall", "percent"), rounds.values("squall", "series")
    result.table(["% of a core", "series"], [[number(median(percent)), number(median(series))]])
    note = "CPU time, which a busy machine only makes longer" if rounds.is_noisy else ""
    result.judge(Promise("watching everything takes, % of a core", at_most=1, unit="%"), percent, False, note)
    return result
