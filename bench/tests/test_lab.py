"""Tests of what needs no generator: `PYTHONPATH=bench python3 -m unittest discover bench/tests`."""

import math
import sys
import unittest
from pathlib import Path

from lab import machine, process, tools
from lab.figures import estimate, geometric_mean, percentile
from lab.machine import Condition
from lab.process import Failed, Finished
from lab.report import Promise, judge, markdown, number
from lab.rounds import Bench, Sample, Settings, _order


def finished(stdout: str = "", exit_code: int = 0) -> Finished:
    return Finished(["x"], exit_code, 1.0, 0.5, 0.5, 0, 0, 0, [], 0, stdout, "")


class Figures(unittest.TestCase):
    def test_percentiles_interpolate_as_k6_does(self):
        for values, p, want in [([1, 2, 3, 4], 50, 2.5), ([4, 1, 3, 2], 100, 4), ([7], 99, 7), ([1, 2], 95, 1.95)]:
            self.assertAlmostEqual(percentile(values, p), want)
        self.assertTrue(math.isnan(percentile([], 50)))

    def test_five_values_enclose_the_median_with_their_whole_range(self):
        e = estimate([3, 1, 2, 5, 4])
        self.assertEqual((e.value, e.low, e.high, e.coverage), (3, 1, 5, 0.9375))

    def test_the_interval_narrows_with_more_values_and_keeps_its_coverage(self):
        # Known: for n = 20 the 6th and 15th order statistics cover 95.86 %.
        e = estimate(range(1, 21))
        self.assertEqual((e.low, e.high), (6, 15))
        self.assertAlmostEqual(e.coverage, 0.9586, places=4)

    def test_too_few_values_have_no_interval(self):
        self.assertEqual(estimate([1, 2, 3])[1:4], (None, None, None))

    def test_geometric_mean(self):
        self.assertAlmostEqual(geometric_mean([1, 4]), 2)


class Verdicts(unittest.TestCase):
    def test_bounds_are_inclusive_and_nothing_measured_fails(self):
        for promise, values, want in [
            (Promise("p", at_least=2), [2, 2, 2], "PASS"),
            (Promise("p", at_least=2), [1.9, 1.9, 5], "FAIL"),
            (Promise("p", at_most=2), [2], "PASS"),
            (Promise("p", 1, 3), [4], "FAIL"),
            (Promise("p", at_most=2), [], "FAIL"),
        ]:
            self.assertEqual(judge(promise, values, is_noisy=False).verdict, want)
        self.assertEqual(judge(Promise("p", at_most=1), [2], is_noisy=True).verdict, "NOISY (fail)")

    def test_numbers_read_without_exponents(self):
        for value, want in [(0, "0"), (1234567, "1,234,567"), (12.345, "12.3"), (0.01234, "0.0123"), (None, "–")]:
            self.assertEqual(number(value), want)
        self.assertEqual(number(math.nan), "none")

    def test_tables_are_padded(self):
        self.assertEqual(markdown(["a", "b"], [["xx", "y"]]), "| a  | b |\n|----|---|\n| xx | y |")


class Reports(unittest.TestCase):
    def read(self, tool: str, text: str) -> tuple:
        return tuple(tools.read_report(tools.Job(tool, [tool], {}), finished(text), Path(".")))

    def test_wrk(self):
        text = "  148163 requests in 3.05s, 26.28MB read\nRequests/sec:  48544.20\n"
        self.assertEqual(self.read("wrk", text), (148163, 48544.2, 0))
        text = "  10 requests in 1s, 1B read\n  Socket errors: connect 0, read 3, write 0, timeout 2\nRequests/sec: 10.0\n"
        self.assertEqual(self.read("wrk", text)[2], 5)

    def test_hey(self):
        text = "Summary:\n  Requests/sec:\t36490.12\n\nStatus code distribution:\n  [200]\t9 responses\n  [503]\t2 responses\n"
        self.assertEqual(self.read("hey", text), (11, 36490.12, 2))
        self.assertEqual(self.read("hey", text + "\nError distribution:\n  [4]\tGet: refused\n"), (15, 36490.12, 6))

    def test_locust(self):
        text = '[{"num_requests": 5, "num_failures": 1}, {"num_requests": 2, "num_failures": 0}]'
        self.assertEqual(tuple(tools.locust_report(finished(text))), (7, 0.0, 1))
        with self.assertRaises(Failed):
            tools.locust_report(finished("Traceback"))

    def test_burst(self):
        self.assertEqual(self.read("squall", '{"issued": 5, "throughput_rps": 2.5, "err": 1}'), (5, 2.5, 1))

    def test_a_report_that_is_none_is_refused(self):
        for tool in ("wrk", "hey", "ab"):
            with self.assertRaises(Failed):
                self.read(tool, "segmentation fault")
        with self.assertRaises(Failed):
            tools.read_report(tools.Job("wrk", ["wrk"], {}), finished("", exit_code=1), Path("."))


class Rounds(unittest.TestCase):
    QUIET = Condition(1.0, 0.0, 0.0, 0.1, 1.0)

    def interleave(self, conditions: list, rounds: int, repeats: int):
        bench = Bench.__new__(Bench)
        bench.settings = Settings(rounds, repeats, False)
        coming = iter(conditions)
        return bench.interleave({"x": lambda: Sample("x", {"v": 1.0}, next(coming), finished())})

    def test_each_disturbance_alone_makes_a_run_count_less(self):
        for change in ({"foreign_cores": 0.1}, {"steal": 0.005}, {"probe_p99_us": 50.0}):
            self.assertFalse(self.QUIET._replace(**change).quiet())
        self.assertTrue(self.QUIET.quiet())

    def test_disturbed_rounds_are_repeated_and_left_out(self):
        loud = self.QUIET._replace(steal=0.1)
        rounds = self.interleave([self.QUIET, loud, self.QUIET, self.QUIET], 3, 3)
        self.assertEqual((len(rounds.counted), len(rounds.disturbed), rounds.is_noisy), (3, 1, False))

    def test_repetitions_are_bounded_and_then_everything_counts(self):
        loud = self.QUIET._replace(steal=0.1)
        rounds = self.interleave([self.QUIET, loud, loud, loud, loud], 3, 2)
        self.assertEqual((len(rounds.counted), rounds.is_noisy), (5, True))
        some = self.interleave([self.QUIET, loud, self.QUIET, loud, self.QUIET, loud], 4, 2)
        self.assertEqual((len(some.counted), len(some.disturbed), some.is_noisy), (3, 3, True))
        hopeless = self.interleave([loud] * 3, 3, 3)
        self.assertEqual((len(hopeless.counted), hopeless.is_noisy), (3, True))

    def test_order_alternates_and_everyone_comes_first_in_turn(self):
        orders = [_order("abc", n) for n in range(6)]
        self.assertEqual(orders[0], orders[1][::-1])
        self.assertEqual({order[0] for order in orders}, set("abc"))


class Processes(unittest.TestCase):
    def test_a_run_is_accounted_for_and_an_endless_one_is_killed(self):
        import tempfile

        cpu = min(machine.os.sched_getaffinity(0))
        with tempfile.TemporaryDirectory() as directory:
            spin = [sys.executable, "-c", "sum(range(3_000_000)); print('done')"]
            run = process.run_pinned(spin, cpu, Path(directory), {}, 60)
            self.assertEqual((run.exit_code, run.stdout), (0, "done\n"))
            self.assertGreater(run.cpu_s, 0.001)
            with self.assertRaises(Failed):
                process.run_pinned(["sleep", "60"], cpu, Path(directory), {"PATH": "/usr/bin:/bin"}, 0.2)


if __name__ == "__main__":
    unittest.main()
