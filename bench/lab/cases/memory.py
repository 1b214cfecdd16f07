"""Memory: what a VU takes, whether a long run grows, what many distinct URLs cost."""

from __future__ import annotations

from pathlib import Path

from ..figures import median
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Sample
from ..tools import Job, metrics, script_job

_ABSOLUTE = (1, 1000, 5000)
_SLOPE = (100, 1000)


def _users(bench: Bench, tool: str, vus: int, seconds: float) -> Sample:
    job = script_job(
        bench.tools, tool, "users.js", {"TARGET": bench.nginx().url, "VUS": vus, "DURATION": f"{seconds:g}s"}
    )

    def read(run: Finished, directory: Path) -> dict[str, float]:
        if run.exit_code != 0:
            raise Failed(f"{tool} with {vus} VUs: exit code {run.exit_code}: {run.stderr[-400:]}")
        found = metrics(directory)
        if found["vus_max"]["max"] != vus:
            raise Failed(f"{tool} had {found['vus_max']['max']} VUs instead of {vus}")
        # The last part of the run, when every user has been round several times and before the end's clearing up.
        steady = run.steady_rss_kib(run.wall_s - seconds / 2 - 1, run.wall_s - 0.5)
        return {"rss_kib": steady, "peak_kib": run.peak_rss_kib, "requests": found["http_reqs"]["count"]}

    return bench.run(job, timeout_s=seconds + 90, read=read)


def memory(bench: Bench) -> CaseResult:
    result = CaseResult("memory", "resident memory of users that get, check and sleep(1)")
    seconds = bench.settings.seconds(8, 5)
    rounds_wanted = min(3, bench.settings.rounds)
    rss: dict[tuple[str, int], list[float]] = {}
    rows = []
    is_noisy = False
    for vus in sorted({*_ABSOLUTE, *_SLOPE}):
        runs = {
            tool: lambda tool=tool, vus=vus: _users(bench, tool, vus, seconds) for tool in ("squall", "k6")
        }
        rounds = bench.interleave(runs, rounds_wanted)
        is_noisy |= rounds.is_noisy
        result.add_rounds(f"{vus} VUs, {seconds:g} s a run", rounds)
        for tool in runs:
            rss[tool, vus] = rounds.values(tool, "rss_kib")
        rows.append(
            [
                str(vus),
                *(number(median(rss[tool, vus]) / 1024) for tool in runs),
                *(number(median(rounds.values(tool, "peak_kib")) / 1024) for tool in runs),
            ]
        )
    result.table(["VUs", "squall MiB", "k6 MiB", "squall peak MiB", "k6 peak MiB"], rows)
    low, high = _SLOPE

    def slopes(tool: str) -> list[float]:
        return [(b - a) / (high - low) for a, b in zip(rss[tool, low], rss[tool, high])]

    # Memory depends on what the process did, not on who else used the CPU: a noisy machine does not spoil it.
    note = f"k6: {number(median(slopes('k6')))} KiB"
    if is_noisy:
        note += "; the machine was noisy, which memory does not mind"
    result.judge(
        Promise(f"memory: KiB a VU, slope from {low} to {high} VUs", at_most=115, unit="KiB"),
        slopes("squall"),
        False,
        note,
    )
    return result


def urls(bench: Bench) -> CaseResult:
    n = 20_000 if bench.settings.is_quick else 100_000
    result = CaseResult("urls", f"{n:,} distinct URLs in one run")

    def one() -> Sample:
        def read(run: Finished, directory: Path) -> dict[str, float]:
            count = metrics(directory)["http_reqs"]["count"]
            if run.exit_code != 0 or count != n:
                raise Failed(f"{count} requests of {n}, exit code {run.exit_code}: {run.stderr[-400:]}")
            return {"peak_mb": run.peak_rss_kib * 1024 / 1e6, "wall_s": run.wall_s}

        base = bench.nginx().url.rsplit("/", 1)[0]
        job = script_job(bench.tools, "squall", "distinct_urls.js", {"TARGET": base, "URLS": n})
        return bench.run(job, timeout_s=330, read=read)

    rounds = bench.interleave({"squall": one}, 1)
    result.add_rounds("peak memory", rounds)
    bound = Promise(f"memory: {n:,} distinct URLs stay below", at_most=512, unit="MB")
    result.judge(bound, rounds.values("squall", "peak_mb"), False)
    return result


_RATE = 20_000


def growth(bench: Bench) -> CaseResult:
    total, start = (60.0, 12.0) if bench.settings.is_quick else (600.0, 120.0)
    result = CaseResult("memory-growth", f"growth of resident memory from {start:g} s to {total:g} s at {_RATE:,}/s")
    job: Job = script_job(
        bench.tools,
        "squall",
        "open_loop.js",
        {"TARGET": bench.nginx().url, "RATE": _RATE, "VUS": 1000, "DURATION": f"{total:g}s"},
    )

    def read(run: Finished, directory: Path) -> dict[str, float]:
        requests = metrics(directory)["http_reqs"]["count"]
        offset = run.wall_s - total
        window = 10 if total >= 600 else 4
        early = run.steady_rss_kib(offset + start - window / 2, offset + start + window / 2)
        late = run.steady_rss_kib(offset + total - window, offset + total - 0.5)
        return {"growth_mb": (late - early) * 1024 / 1e6, "early_mib": early / 1024, "rate": requests / total}

    rounds = bench.interleave({"squall": lambda: bench.run(job, total + 60, read)}, 1)
    result.add_rounds("one run", rounds)
    rate = median(rounds.values("squall", "rate"))
    # Memory need not be quiet, but a generator that could not make the rate was not measured at it.
    is_short = rate < 0.98 * _RATE
    note = f"{number(rate, 5)} requests/s made; {number(median(rounds.values('squall', 'early_mib')))} MiB at the start"
    promise = Promise(f"memory: growth at {_RATE:,} requests/s", at_most=2, unit="MB")
    result.judge(promise, rounds.values("squall", "growth_mb"), is_short, note)
    return result
