"""The machine: which CPUs, how busy they are with other people's work, how well a timer can be met."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import time
from pathlib import Path
from typing import Iterable, NamedTuple, Optional

from .figures import percentile

# A run is quiet below these; they are the protocol's, not to be tuned until a result looks good.
FOREIGN_CORES_MAX = 0.1
STEAL_MAX = 0.005
PROBE_P99_US_MAX = 50.0

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PR_SET_TIMERSLACK = 29


class Cpus(NamedTuple):
    """Who runs where."""

    server: int
    generator: int


def choose_cpus(server: Optional[int], generator: Optional[int]) -> Cpus:
    """The first two CPUs this process may use, unless told otherwise.

    Raises ValueError when there are not two: a generator that shares its CPU with the server measures the scheduler.
    """
    usable = sorted(os.sched_getaffinity(0))
    for cpu in (server, generator):
        if cpu is not None and cpu not in usable:
            raise ValueError(f"this process may not use CPU {cpu}, only {usable}")
    if server is None:
        server = next((c for c in usable if c != generator), None)
    if generator is None:
        generator = next((c for c in usable if c != server), None)
    if server is None or generator is None or server == generator:
        raise ValueError(f"two CPUs are needed, one for the server and one for the generator; usable: {usable}")
    return Cpus(server, generator)


def describe() -> str:
    """One line about the machine, to print beside every figure."""
    cpu = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    total_kib = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1))
    virtual = "hypervisor" in Path("/proc/cpuinfo").read_text()
    return (
        f"{os.cpu_count()} x {cpu}{' (virtual machine)' if virtual else ''}, {total_kib / 2**20:.0f} GiB, "
        f"Linux {platform.release()}"
    )


class Condition(NamedTuple):
    """What a run was disturbed by."""

    wall_s: float
    foreign_cores: float
    steal: float
    probe_p50_us: float
    probe_p99_us: float

    def quiet(self) -> bool:
        return not self.disturbances()

    def disturbances(self) -> list[str]:
        found = []
        if self.foreign_cores >= FOREIGN_CORES_MAX:
            found.append(f"foreign CPU {self.foreign_cores:.2f} core")
        if self.steal >= STEAL_MAX:
            found.append(f"steal {self.steal:.1%}")
        if self.probe_p99_us >= PROBE_P99_US_MAX:
            found.append(f"timer probe p99 {self.probe_p99_us:.0f} us")
        return found


class _Ticks(NamedTuple):
    idle_s: float
    steal_s: float
    all_s: float


def _ticks() -> _Ticks:
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(f) * _TICK_S for f in stat.readline().split()[1:9]]
    return _Ticks(fields[3] + fields[4], fields[7], sum(fields))


def process_cpu_s(pid: int) -> float:
    """CPU time of a process so far, all threads, to the nanosecond where the kernel keeps it."""
    total = 0.0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as stat:
                total += int(stat.read().split()[0]) / 1e9
    except (OSError, IndexError, ValueError):
        return total
    return total


def _ksoftirqd() -> list[int]:
    # On loopback these threads do the server's and the generator's network work when there is much of it.
    pids = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if Path(f"/proc/{entry}/comm").read_text().startswith("ksoftirqd/"):
                pids.append(int(entry))
        except OSError:
            continue
    return pids


class Watch:
    """Measures what else the machine did during a run.

    Foreign CPU is what all CPUs did (from the exact idle time of /proc/stat) less the generator, the servers, this
    process and the kernel's soft interrupt threads.
    """

    _soft: Optional[list[int]] = None

    def __init__(self, ours: Iterable[int], probe: tuple[float, float]):
        if Watch._soft is None:
            Watch._soft = _ksoftirqd()
        self._pids = list(ours) + Watch._soft
        self._probe = probe
        self._cpu = {pid: process_cpu_s(pid) for pid in self._pids}
        self._own = time.process_time()
        self._ticks = _ticks()
        self._start = time.monotonic()

    def stop(self, generator_cpu_s: float) -> Condition:
        wall = time.monotonic() - self._start
        ticks = _ticks()
        ours = generator_cpu_s + time.process_time() - self._own
        ours += sum(max(0.0, process_cpu_s(pid) - before) for pid, before in self._cpu.items())
        elapsed = max(ticks.all_s - self._ticks.all_s, _TICK_S)
        steal = ticks.steal_s - self._ticks.steal_s
        busy = elapsed - (ticks.idle_s - self._ticks.idle_s) - steal
        foreign = max(0.0, busy - ours) / max(wall, 1e-9)
        return Condition(wall, foreign, max(0.0, steal) / elapsed, *self._probe)


def timer_probe(cpu: int, seconds: float = 0.25) -> tuple[float, float]:
    """How late this process wakes on `cpu`, p50 and p99 in microseconds.

    Every 250 us it sleeps (timer slack 1 ns) until 100 us before a deadline and spins the rest, the way a precise pacer
    waits; its lateness is then what other processes, the host and interrupts took away, not the cost of a wake-up.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    try:
        late = []
        clock = time.monotonic_ns
        deadline = clock() + 1_000_000
        for _ in range(max(40, int(seconds / 250e-6))):
            spare = deadline - clock() - 100_000
            if spare > 0:
                time.sleep(spare / 1e9)
            now = clock()
            while now < deadline:
                now = clock()
            late.append((now - deadline) / 1e3)
            # A deadline missed by more than a period would make the next ones late as well: it counts once.
            deadline = max(deadline, now - 250_000) + 250_000
    finally:
        # 0 restores the thread's default slack.
        libc.prctl(_PR_SET_TIMERSLACK, 0, 0, 0, 0)
        os.sched_setaffinity(0, before)
    return percentile(late, 50), percentile(late, 99)
