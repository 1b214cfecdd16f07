"""Does the self-check notice a disturbed generator, and leave quiet runs alone?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Optional

from .. import process
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Rounds, Sample, progress
from ..tools import script_job

_SECONDS = 4
_RATE = 2000
_FAULTY, _QUIET = 20, 50
_PERIOD_US = 100_000


class _Quota:
    """A cgroup of its own with a CPU quota (version 2, else version 1)."""

    def __init__(self, share: float):
        quota_us = max(1000, int(share * _PERIOD_US))
        name = f"squall-bench-{os.getpid()}"
        v1 = Path("/sys/fs/cgroup/cpu")
        v2 = Path("/sys/fs/cgroup")
        try:
            if (v2 / "cgroup.controllers").exists():
                self.path = v2 / name
                self.path.mkdir(exist_ok=True)
                (self.path / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
            else:
                self.path = v1 / name
                self.path.mkdir(exist_ok=True)
                (self.path / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
                (self.path / "cpu.cfs_quota_us").write_text(str(quota_us))
        except OSError as error:
            raise Failed(f"no CPU quota can be set here (needs root and a writable cgroup): {error}") from None

    def hold(self, pid: int) -> None:
        (self.path / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        try:
            self.path.rmdir()
        except OSError as error:
            progress(f"selfcheck: {self.path} stays: {error}")


def _run(bench: Bench, during: Optional[Callable[[int], None]] = None) -> Sample:
    variables = {"TARGET": bench.nginx().url, "RATE": _RATE, "VUS": 100, "DURATION": f"{_SECONDS}s"}
    job = script_job(bench.tools, "squall", "open_loop.js", variables)

    def read(run: Finished, _: Path) -> dict[str, float]:
        said = [line.strip() for line in (run.stdout + run.stderr).splitlines() if "generator " in line]
        verdicts = [line for line in said if "kept up" in line or "keep up" in line]
        if run.exit_code != 0 or not verdicts:
            raise Failed(f"no line about the generator, exit code {run.exit_code}: {run.stderr[-400:]}")
        return {"flagged": 0.0 if verdicts[-1].startswith("generator kept up") else 1.0, "cpu": run.cpu_s / run.wall_s}

    return bench.run(job, timeout_s=60, read=read, during=during, probe_s=0.1)


def _busy_loop(bench: Bench) -> Callable[[int], None]:
    def during(pid: int) -> None:
        with process.on_cpu(bench.cpus.generator):
            loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            while not _has_ended(pid):
                time.sleep(0.05)
        finally:
            process.stop(loop)

    return during


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def _pause(pid: int) -> None:
    time.sleep(_SECONDS / 2)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.2)
    os.kill(pid, signal.SIGCONT)


def selfcheck(bench: Bench) -> CaseResult:
    n_faulty, n_quiet = (3, 5) if bench.settings.is_quick else (_FAULTY, _QUIET)
    result = CaseResult("selfcheck", f"is a disturbed generator noticed? {_RATE:,}/s for {_SECONDS} s a run")
    quiet, cpu_share = _quiet_runs(bench, result, n_quiet)
    faults: dict[str, Callable[[int], None]] = {"busy loop on its core": _busy_loop(bench), "SIGSTOP of 200 ms": _pause}
    quota: Optional[_Quota] = None
    try:
        quota = _Quota(cpu_share / 2)
        faults[f"CPU quota of {cpu_share / 2:.1%}"] = quota.hold
    except Failed as error:
        result.say(f"The quota was not tried: {error}")
    try:
        for name, during in faults.items():
            progress(f"  {name}")
            rounds = [{"squall": _run(bench, during)} for _ in range(n_faulty)]
            # Faults are meant to disturb: whether the machine was quiet besides does not matter.
            result.rounds.append((name, Rounds(rounds, [], False)))
            flagged = sum(r["squall"].values["flagged"] for r in rounds)
            promise = Promise(f"self-check: {name}, share of {n_faulty} runs flagged", at_least=0.95)
            result.judge(promise, [flagged / n_faulty], False, f"{flagged:.0f} of {n_faulty}")
    finally:
        if quota:
            quota.remove()
    promise = Promise("self-check: share of quiet runs flagged", at_most=0.02)
    is_short = len(quiet) < n_quiet
    flagged = sum(s.values["flagged"] for s in quiet)
    share = [flagged / len(quiet)] if quiet else []
    result.judge(promise, share, is_short, f"{flagged:.0f} of {len(quiet)} quiet runs, {n_quiet} wanted")
    return result


def _quiet_runs(bench: Bench, result: CaseResult, wanted: int) -> tuple[list[Sample], float]:
    """Undisturbed runs, and the CPU share that they take."""
    quiet: list[Sample] = []
    noisy: list[Sample] = []
    while len(quiet) < wanted and len(noisy) < max(wanted, 10) and not (len(noisy) >= 10 and not quiet):
        sample = _run(bench)
        (quiet if sample.condition.quiet() else noisy).append(sample)
    result.rounds.append(
        ("no fault", Rounds([{"squall": s} for s in quiet], [{"squall": s} for s in noisy], len(quiet) < wanted))
    )
    flagged = sum(s.values["flagged"] for s in noisy)
    result.say(f"{len(noisy)} runs without a fault were disturbed by others; {flagged:.0f} of these were flagged.")
    shares = sorted(s.values["cpu"] for s in quiet + noisy)
    result.say(f"An undisturbed run takes {number(shares[len(shares) // 2] * 100)} % of the core.")
    return quiet, shares[len(shares) // 2]
