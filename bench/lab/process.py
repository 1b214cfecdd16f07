"""Starting a process on one CPU and accounting for it from fork to exit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Optional, Sequence

_MEMORY_EVERY_S = 0.1


class Finished(NamedTuple):
    """What became of a process. CPU times and switches come from wait4, so they hold every thread and the start-up."""

    command: list[str]
    exit_code: int
    wall_s: float
    user_s: float
    system_s: float
    voluntary_switches: int
    involuntary_switches: int
    peak_rss_kib: int
    rss_kib: list[tuple[float, int]]
    started_unix_ns: int
    stdout: str
    stderr: str

    @property
    def cpu_s(self) -> float:
        return self.user_s + self.system_s

    def steady_rss_kib(self, start_s: float, end_s: float) -> float:
        """Median resident size between two moments after the start."""
        held = sorted(kib for at, kib in self.rss_kib if start_s <= at <= end_s)
        return float(held[len(held) // 2]) if held else float("nan")


class Failed(Exception):
    """A process did not do what a case needs of it."""


def _memory(pid: int) -> Optional[tuple[int, int]]:
    """Resident size and its high-water mark, KiB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = {}
    for line in status.splitlines():
        if line.startswith(("VmRSS:", "VmHWM:")):
            found[line[:5]] = int(line.split()[1])
    return (found["VmRSS"], found["VmHWM"]) if len(found) == 2 else None


class _Memory(threading.Thread):
    """Samples memory while the process lives.

    The maximum that wait4 reports is no use: it counts the memory of the forking Python before the exec.
    """

    def __init__(self, pid: int, started: float):
        super().__init__(daemon=True)
        self.pid, self.started = pid, started
        self.done = threading.Event()
        self.samples: list[tuple[float, int]] = []
        self.peak = 0

    def run(self) -> None:
        wait = 0.02
        while not self.done.wait(wait):
            wait = _MEMORY_EVERY_S
            now = _memory(self.pid)
            if now:
                self.samples.append((time.monotonic() - self.started, now[0]))
                self.peak = max(self.peak, now[1])


@contextlib.contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """Children started within run on `cpu` from their first instruction on.

    They inherit it from this thread: `taskset` would do the same, but its own start counts as the child's.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run_pinned(
    command: Sequence[str],
    cpu: int,
    directory: Path,
    env: dict[str, str],
    timeout_s: float,
    during: Optional[Callable[[int], None]] = None,
    keep_memory: bool = True,
) -> Finished:
    """Runs `command` on `cpu` to its end; `during` gets the process id and works beside it on a thread.

    Raises Failed when it takes longer than `timeout_s`; it is killed then.
    """
    out_path, err_path = directory / "stdout", directory / "stderr"
    with open(out_path, "wb") as out, open(err_path, "wb") as err:
        with on_cpu(cpu):
            started_unix_ns = time.time_ns()
            started = time.monotonic()
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=directory
            )
    timed_out = threading.Event()

    def give_up() -> None:
        timed_out.set()
        os.kill(child.pid, signal.SIGKILL)

    alarm = threading.Timer(timeout_s, give_up)
    alarm.daemon = True
    alarm.start()
    memory = _Memory(child.pid, started) if keep_memory else None
    helper = threading.Thread(target=during, args=(child.pid,), daemon=True) if during else None
    for thread in (memory, helper):
        if thread:
            thread.start()
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        child.kill()
        raise
    finally:
        alarm.cancel()
        if memory:
            memory.done.set()
    wall = time.monotonic() - started
    # Popen must not wait for a process that is gone.
    child.returncode = os.waitstatus_to_exitcode(status)
    if memory:
        memory.join()
    if helper:
        helper.join()
    if timed_out.is_set():
        raise Failed(f"took longer than {timeout_s:.0f} s: {' '.join(command)}")
    return Finished(
        command=list(command),
        exit_code=child.returncode,
        wall_s=wall,
        user_s=usage.ru_utime,
        system_s=usage.ru_stime,
        voluntary_switches=usage.ru_nvcsw,
        involuntary_switches=usage.ru_nivcsw,
        peak_rss_kib=memory.peak if memory else 0,
        rss_kib=memory.samples if memory else [],
        started_unix_ns=started_unix_ns,
        stdout=out_path.read_text(encoding="utf-8", errors="replace"),
        stderr=err_path.read_text(encoding="utf-8", errors="replace"),
    )


def stop(child: subprocess.Popen, patience_s: float = 5.0) -> None:
    """Ends a server: asked first, killed if it does not listen."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
