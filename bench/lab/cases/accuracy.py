"""Percentiles against the truth: exact delays, script work after each request, and the target's own log."""

from __future__ import annotations

from pathlib import Path

from ..figures import median, percentile
from ..process import Failed, Finished
from ..report import CaseResult, Promise, number
from ..rounds import Bench, Rounds, Sample
from ..tools import metrics, script_job

_DELAYS_MS = ("0", "1", "10", "100")
_PERCENTILES = {"med": 50.0, "p(90)": 90.0, "p(95)": 95.0, "p(99)": 99.0}
_RATE = 1000
_WORK_US = 100
_VUS = 200
_TOOLS = ("squall", "k6")
# Share of its core that a generator is to be busy with in `busy`.
_BUSY = 0.8


def _allowed_ms(truth: float) -> float:
    return max(0.5, truth / 100)


def _one(bench: Bench, tool: str, seconds: float, rate: int = _RATE, vus: int = _VUS) -> Sample:
    target = bench.target()
    target.reset()
    variables = {
        "TARGET": target.url,
        "DELAYS_MS": ",".join(_DELAYS_MS),
        "RATE": rate,
        "VUS": vus,
        "DURATION": f"{seconds:g}s",
        "WORK_US": _WORK_US,
    }

    def read(run: Finished, directory: Path) -> dict[str, float]:
        if run.exit_code != 0:
            raise Failed(f"{tool}: exit code {run.exit_code}: {run.stderr[-400:]}")
        found = metrics(directory)
        actual: dict[str, list[float]] = {ms: [] for ms in _DELAYS_MS}
        for entry in target.log():
            actual[f"{entry['injected_ms']:g}"].append(entry["actual_ms"])
        values: dict[str, float] = {}
        worst = 0.0
        for ms in _DELAYS_MS:
            reported = found[f"http_req_duration{{delay:{ms}}}"]
            for name, p in _PERCENTILES.items():
                truth = percentile(actual[ms], p)
                error = reported[name] - truth
                values[f"{ms} {name}"] = error
                values[f"{ms} {name} truth"] = truth
                worst = max(worst, abs(error) / _allowed_ms(truth))
        values["worst"] = worst
        values["requests"] = sum(map(len, actual.values()))
        values["cpu"] = run.cpu_s / run.wall_s
        values["dropped"] = found.get("dropped_iterations", {}).get("count", 0)
        return values

    job = script_job(bench.tools, tool, "exact_delays.js", variables)
    return bench.run(job, seconds + 60, read)


def accuracy(bench: Bench) -> CaseResult:
    seconds = bench.settings.seconds(15, 5)
    result = CaseResult(
        "accuracy", f"reported percentiles against the target's log, {_RATE:,}/s with {_WORK_US} us of script work each"
    )
    rounds = bench.interleave({t: lambda t=t: _one(bench, t, seconds) for t in _TOOLS})
    _tell(result, seconds, rounds)
    note = f"k6: {number(median(rounds.values('k6', 'worst')))}"
    promise = Promise("percentile errors: the worst, in parts of what is allowed (0.5 ms or 1 %)", at_most=1)
    result.judge(promise, rounds.values("squall", "worst"), rounds.is_noisy, note)
    return result


def _busy_rate(bench: Bench, tool: str) -> int:
    """Iterations a second that keep a generator's core busy for the wanted share of the time."""
    rate = _RATE
    for _ in range(2):
        sample = _one(bench, tool, 4, rate, vus=2 * _VUS)
        # The second try is near the wanted load, where an iteration takes less CPU than it did alone.
        rate = int(rate * _BUSY / sample.values["cpu"])
    return rate


def busy(bench: Bench) -> CaseResult:
    seconds = bench.settings.seconds(15, 5)
    rates = {tool: _busy_rate(bench, tool) for tool in _TOOLS}
    shown = ", ".join(f"{tool} at {rate:,}/s" for tool, rate in rates.items())
    result = CaseResult("accuracy-busy", f"the same with each generator's core {_BUSY:.0%} busy: {shown}")
    rounds = bench.interleave({t: lambda t=t: _one(bench, t, seconds, rates[t], 2 * _VUS) for t in _TOOLS})
    _tell(result, seconds, rounds)
    note = f"k6: {number(median(rounds.values('k6', 'worst')))}"
    promise = Promise(f"percentile errors with the core {_BUSY:.0%} busy, in parts of what is allowed", at_most=1)
    result.judge(promise, rounds.values("squall", "worst"), rounds.is_noisy, note)
    return result


def _tell(result: CaseResult, seconds: float, rounds: Rounds) -> None:
    result.add_rounds(f"{seconds:g} s a run", rounds)
    rows = []
    for ms in _DELAYS_MS:
        for name in _PERCENTILES:
            truth = median(rounds.values("squall", f"{ms} {name} truth"))
            errors = [f"{median(rounds.values(t, f'{ms} {name}')) * 1e3:+.0f}" for t in _TOOLS]
            rows.append([f"{ms} ms", name, f"{truth:.3f}", *errors, f"{_allowed_ms(truth) * 1e3:.0f}"])
    result.table(["delay", "percentile", "truth ms (squall's runs)", "squall error us", "k6 error us", "allowed us"], rows)
    cpu = ", ".join(f"{t} {median(rounds.values(t, 'cpu')):.0%}" for t in _TOOLS)
    dropped = ", ".join(f"{t} {number(median(rounds.values(t, 'dropped')))}" for t in _TOOLS)
    result.say(f"CPU of the generator's core: {cpu}; dropped iterations: {dropped}.")
