"""What a case found: tables, promises and verdicts, as Markdown and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, Optional, Sequence

from .figures import Estimate, estimate
from .rounds import Rounds, Sample


class Promise(NamedTuple):
    """One sentence of SPEC.md with its bound."""

    text: str
    at_least: Optional[float] = None
    at_most: Optional[float] = None
    unit: str = ""

    def holds(self, value: float) -> bool:
        # Not a number is no proof: both comparisons are false for it.
        low = self.at_least is None or value >= self.at_least
        high = self.at_most is None or value <= self.at_most
        return low and high

    def bound(self) -> str:
        parts = []
        if self.at_least is not None:
            parts.append(f"≥ {self.at_least:g}")
        if self.at_most is not None:
            parts.append(f"≤ {self.at_most:g}")
        return " and ".join(parts) + (f" {self.unit}" if self.unit else "")


class Judged(NamedTuple):
    """A promise, what was measured, and what follows."""

    promise: Promise
    measured: Estimate
    verdict: str
    note: str


def judge(promise: Promise, values: Sequence[float], is_noisy: bool, note: str = "") -> Judged:
    """PASS or FAIL by the median; NOISY, with what it would have been, when the machine was not quiet enough."""
    measured = estimate(values) if values else Estimate(float("nan"), None, None, None, 0)
    verdict = "PASS" if promise.holds(measured.value) else "FAIL"
    if is_noisy:
        verdict = f"NOISY ({verdict.lower()})"
    return Judged(promise, measured, verdict, note)


class CaseResult:
    """Collects what a case prints and keeps."""

    def __init__(self, name: str, title: str):
        self.name, self.title = name, title
        self.blocks: list[str] = []
        self.judged: list[Judged] = []
        self.rounds: list[tuple[str, Rounds]] = []

    def say(self, text: str) -> None:
        self.blocks.append(text)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.blocks.append(markdown(header, rows))

    def add_rounds(self, label: str, rounds: Rounds) -> None:
        """Keeps the raw lines and counts the rounds."""
        self.rounds.append((label, rounds))

    def _rounds_text(self) -> str:
        lines = []
        for label, rounds in self.rounds:
            n_quiet = sum(all(s.condition.quiet() for s in r.values()) for r in rounds.all_rounds())
            text = f"- {label}: {n_quiet} of {len(rounds.all_rounds())} rounds quiet, {len(rounds.counted)} counted"
            lines.append(text + (" (NOISY: too few were quiet)" if rounds.is_noisy else ""))
        return "\n".join(lines)

    def commands(self, rounds: Rounds) -> None:
        lines = [" ".join(_short(part) for part in s.run.command) for s in rounds.counted[0].values()]
        self.say("```\n" + "\n".join(lines) + "\n```")

    def judge(self, promise: Promise, values: Sequence[float], is_noisy: bool, note: str = "") -> None:
        self.judged.append(judge(promise, values, is_noisy, note))

    def markdown(self) -> str:
        parts = [f"## {self.name}: {self.title}", self._rounds_text(), *self.blocks]
        if self.judged:
            rows = [
                [j.promise.text, j.promise.bound(), _estimate_text(j.measured), j.verdict, j.note]
                for j in self.judged
            ]
            parts.append(markdown(["promise", "bound", "measured: median [interval, coverage]", "verdict", ""], rows))
        return "\n\n".join(parts) + "\n"

    def document(self) -> dict:
        return {
            "case": self.name,
            "title": self.title,
            "promises": [
                {
                    "text": j.promise.text,
                    "at_least": j.promise.at_least,
                    "at_most": j.promise.at_most,
                    "unit": j.promise.unit,
                    "measured": j.measured._asdict(),
                    "verdict": j.verdict,
                    "note": j.note,
                }
                for j in self.judged
            ],
            "text": self.markdown(),
            "rounds": [
                {
                    "label": label,
                    "noisy": rounds.is_noisy,
                    "counted": [_lines(r) for r in rounds.counted],
                    "disturbed": [_lines(r) for r in rounds.disturbed],
                }
                for label, rounds in self.rounds
            ],
        }

    def write(self, directory: Path, heading: dict) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{heading['started'].replace(':', '')}-{self.name}.json"
        path.write_text(json.dumps({**heading, **self.document()}, indent=1, ensure_ascii=False) + "\n")
        return path


def _lines(round_: dict[str, Sample]) -> dict[str, dict]:
    return {name: sample.line() for name, sample in round_.items()}


def _short(part: str) -> str:
    return part.rsplit("/", 1)[-1] if part.startswith("/") else part


def number(value: Optional[float], digits: int = 3) -> str:
    """Three significant digits, without an exponent."""
    if value is None:
        return "–"
    if value != value:
        return "none"
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if magnitude >= 1e-4 else f"{value:.1e}"


def _estimate_text(e: Estimate) -> str:
    if e.low is None:
        return f"{number(e.value, 4)} (n={e.n})"
    return f"{number(e.value, 4)} [{number(e.low, 4)}, {number(e.high, 4)}; {e.coverage:.0%}] (n={e.n})"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table padded so that it reads as plain text too."""
    cells = [list(map(str, header)), *[list(map(str, row)) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


__all__ = ["CaseResult", "Judged", "Promise", "judge", "markdown", "number"]
