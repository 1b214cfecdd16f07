"""Interleaved rounds: each runs every generator once, in alternating order, and counts only if the machine was quiet."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Callable, NamedTuple, Optional, Sequence

from . import machine, process
from .machine import Condition, Cpus
from .process import Failed, Finished
from .servers import DemoTarget, Nginx
from .tools import Job, Tools

# So many quiet rounds say more than any number of disturbed ones, though less than what was asked for.
_QUIET_MIN = 3
# Kept of each report in the raw lines.
_OUTPUT_KEPT = 4000


class Sample(NamedTuple):
    """One run: its figures, what it was disturbed by, and the process behind it."""

    tool: str
    values: dict[str, float]
    condition: Condition
    run: Finished

    def line(self) -> dict:
        """The raw line that is kept."""
        run = self.run
        return {
            "tool": self.tool,
            "command": run.command,
            "values": self.values,
            "condition": self.condition._asdict(),
            "disturbances": self.condition.disturbances(),
            "exit_code": run.exit_code,
            "wall_s": run.wall_s,
            "user_s": run.user_s,
            "system_s": run.system_s,
            "voluntary_switches": run.voluntary_switches,
            "involuntary_switches": run.involuntary_switches,
            "peak_rss_kib": run.peak_rss_kib,
            "stdout": run.stdout[-_OUTPUT_KEPT:],
            "stderr": run.stderr[-_OUTPUT_KEPT:],
        }


class Settings(NamedTuple):
    """How much is measured."""

    rounds: int
    repeats: int
    is_quick: bool

    def seconds(self, usual: float, quick: float) -> float:
        return quick if self.is_quick else usual


class Rounds(NamedTuple):
    """The rounds that count, and those that did not."""

    counted: list[dict[str, Sample]]
    disturbed: list[dict[str, Sample]]
    is_noisy: bool

    def values(self, tool: str, figure: str) -> list[float]:
        return [r[tool].values[figure] for r in self.counted if tool in r and figure in r[tool].values]

    def ratios(self, figure: str, above: str, below: str) -> list[float]:
        """`figure` of one tool over another's in the same round: what disturbs both cancels."""
        pairs = [(r[above].values, r[below].values) for r in self.counted if above in r and below in r]
        return [a[figure] / b[figure] for a, b in pairs if figure in a and b.get(figure)]

    def all_rounds(self) -> list[dict[str, Sample]]:
        return self.counted + self.disturbed


class Bench:
    """What cases measure with: tools, CPUs, servers (started when first asked for), and a place for files."""

    def __init__(self, tools: Tools, cpus: Cpus, settings: Settings):
        self.tools, self.cpus, self.settings = tools, cpus, settings
        self.directory = Path(tempfile.mkdtemp(prefix="squall-bench-"))
        self._nginx: Optional[Nginx] = None
        self._target: Optional[DemoTarget] = None
        self._n_runs = 0
        # This process waits on the server's CPU, so that it never takes the generator's.
        os.sched_setaffinity(0, {cpus.server})

    def nginx(self) -> Nginx:
        if self._nginx is None:
            self._nginx = Nginx(self.tools, self.directory / "nginx", self.cpus.server)
        return self._nginx

    def target(self) -> DemoTarget:
        if self._target is None:
            self._target = DemoTarget(self.tools, self.directory / "target", self.cpus.server)
        return self._target

    def close(self) -> None:
        for server in (self._nginx, self._target):
            if server:
                server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(
        self,
        job: Job,
        timeout_s: float,
        read: Callable[[Finished, Path], dict[str, float]],
        during: Optional[Callable[[int], None]] = None,
        probe_s: float = 0.25,
        keep_memory: bool = True,
    ) -> Sample:
        """One measured run; `read` turns it into figures, given the run and its working directory."""
        self._n_runs += 1
        directory = self.directory / f"run-{self._n_runs}"
        directory.mkdir()
        env = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "TMPDIR")}
        # Neither generator finds a user's configuration or leaves anything in a home.
        env |= {"HOME": str(directory), "XDG_DATA_HOME": str(directory), **job.env}
        probe = machine.timer_probe(self.cpus.generator, probe_s)
        servers = [pid for s in (self._nginx, self._target) if s for pid in s.pids]
        watch = machine.Watch(servers, probe)
        run = process.run_pinned(
            job.command, self.cpus.generator, directory, env, timeout_s, during, keep_memory
        )
        condition = watch.stop(run.cpu_s)
        values = read(run, directory)
        shutil.rmtree(directory, ignore_errors=True)
        return Sample(job.tool, values, condition, run)

    def interleave(self, runs: dict[str, Callable[[], Sample]], rounds: Optional[int] = None) -> Rounds:
        """Runs each of `runs` once a round until enough rounds were quiet.

        A disturbed round is repeated, at most `settings.repeats` times in all (more where a case asks for more rounds
        than the settings). Where that does not give enough quiet ones the result is called noisy, and what counts is
        the quiet ones if there are at least three, else every round. When not one of the first rounds was quiet, the
        rest of the repetitions is spared.
        """
        wanted = rounds or self.settings.rounds
        repeats = self.settings.repeats * max(1, wanted // self.settings.rounds)
        quiet: list[dict[str, Sample]] = []
        disturbed: list[dict[str, Sample]] = []
        while len(quiet) < wanted:
            n = len(quiet) + len(disturbed)
            if n >= wanted + repeats or (n >= wanted and not quiet):
                if len(quiet) >= _QUIET_MIN:
                    return Rounds(quiet, disturbed, is_noisy=True)
                return Rounds(quiet + disturbed, [], is_noisy=True)
            result = {name: runs[name]() for name in _order(list(runs), n)}
            is_quiet = all(sample.condition.quiet() for sample in result.values())
            (quiet if is_quiet else disturbed).append(result)
            note = "quiet" if is_quiet else "; ".join(
                f"{name}: {', '.join(s.condition.disturbances())}"
                for name, s in result.items()
                if not s.condition.quiet()
            )
            progress(f"  round {n + 1}: {note}")
        return Rounds(quiet, disturbed, is_noisy=False)


def _order(names: Sequence[str], n: int) -> list[str]:
    """Forwards, backwards, and starting one further every second round."""
    shift = n // 2 % len(names)
    turned = [*names[shift:], *names[:shift]]
    return turned if n % 2 == 0 else turned[::-1]


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


__all__ = ["Bench", "Failed", "Rounds", "Sample", "Settings", "progress"]
