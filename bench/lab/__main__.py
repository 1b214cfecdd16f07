"""`bench/run.sh`: chooses cases, runs them, prints Markdown, keeps the raw lines, exits with the verdict."""

from __future__ import annotations

import argparse
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import machine, tools
from .cases import CASES
from .process import Failed
from .rounds import Bench, Settings, progress

_EXIT = """\
exit code: 0 every promise held; 1 one was missed in quiet rounds; 2 wrong usage or something is missing;
3 none was missed, but the machine was too noisy to judge all of them, or a case could not run.
"""


def _arguments() -> argparse.Namespace:
    usual = ", ".join(name for name, case in CASES.items() if not case.is_opt_in)
    opt_in = ", ".join(name for name, case in CASES.items() if case.is_opt_in)
    parser = argparse.ArgumentParser(
        prog="bench/run.sh",
        description="Runs Squall beside wrk, hey and k6, one core each, and judges the promises of SPEC.md.",
        epilog=f"cases: {usual}\nonly when named: {opt_in}\n\n{_EXIT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="case", help="cases to run (default: all but the opt-in ones)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--repeats", type=int, help="disturbed rounds repeated at most (default: as many as rounds)")
    parser.add_argument("--quick", action="store_true", help="2 short rounds: shows that it runs, proves little")
    parser.add_argument("--squall", metavar="PATH", help="the binary (default target/release/squall)")
    parser.add_argument("--target", metavar="PATH", help="the squall that serves as demo target (default: the same)")
    parser.add_argument("--server-cpu", type=int, help="default: the first usable")
    parser.add_argument("--generator-cpu", type=int, help="default: the second usable")
    parser.add_argument("--results", type=Path, default=tools.ROOT / "bench" / "results", help="where raw lines go")
    given = parser.parse_args()
    unknown = [name for name in given.cases if name not in CASES]
    if unknown:
        parser.error(f"unknown case {', '.join(unknown)}; there are {', '.join(CASES)}")
    if given.rounds < 1 or (given.repeats or 0) < 0:
        parser.error("--rounds must be at least 1, --repeats at least 0")
    return given


def _checkout() -> str:
    # Not the binary's: --squall may name any, and a tree may have changed since it was built.
    said = subprocess.run(
        ["git", "-C", str(tools.ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"


def main() -> int:
    given = _arguments()
    # A plain kill must stop the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    names = given.cases or [name for name, case in CASES.items() if not case.is_opt_in]
    rounds = min(given.rounds, 2) if given.quick else given.rounds
    repeats = given.repeats if given.repeats is not None else (0 if given.quick else rounds)
    try:
        found = tools.find(set().union(*(CASES[n].needs for n in names)), given.squall, given.target)
        cpus = machine.choose_cpus(given.server_cpu, given.generator_cpu)
    except (Failed, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    heading = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.describe(),
        "checkout": _checkout(),
        "versions": found.versions(),
        "cpus": cpus._asdict(),
        "rounds": rounds,
        "repeats": repeats,
        "quick": given.quick,
    }
    print(f"# Squall's bench, {heading['started']}\n")
    print(f"{heading['machine']}; server on CPU {cpus.server}, generator on CPU {cpus.generator}  ")
    print(f"checkout {heading['checkout']}; " + "; ".join(heading["versions"].values()) + "\n")
    if given.quick:
        print("Quick: few short rounds. It shows that the bench runs; its verdicts prove little.\n")
    sys.stdout.flush()
    return _run(names, Bench(found, cpus, Settings(rounds, repeats, given.quick)), given.results, heading)


def _run(names: list[str], bench: Bench, results: Path, heading: dict) -> int:
    verdicts: list[str] = []
    try:
        for name in names:
            progress(f"{name}: about {CASES[name].minutes:g} min at five quiet rounds")
            try:
                result = CASES[name].run(bench)
            except Failed as error:
                print(f"## {name}\n\nCould not run: {error}\n", flush=True)
                verdicts.append("NOT RUN")
                continue
            print(result.markdown(), flush=True)
            progress(f"{name}: raw lines in {result.write(results, heading)}")
            verdicts += [j.verdict for j in result.judged]
    except KeyboardInterrupt:
        progress("interrupted")
        return 130
    finally:
        bench.close()
    kinds = {kind: sum(v.startswith(kind) for v in verdicts) for kind in ("PASS", "FAIL", "NOISY", "NOT RUN")}
    print("**" + ", ".join(f"{n} {kind}" for kind, n in kinds.items() if n) + "**")
    if kinds["FAIL"]:
        return 1
    return 3 if kinds["NOISY"] or kinds["NOT RUN"] else 0


if __name__ == "__main__":
    sys.exit(main())
