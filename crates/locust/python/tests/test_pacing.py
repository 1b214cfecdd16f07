"""Users with a constant pace: what a long task made them miss is told to the engine, and nothing else is."""

import time
import types
import unittest

import locust
from locust import User, constant_pacing, constant_throughput
from locust.user import wait_time
from locust.user.task import TaskSet
from squall_locust import pacing
from support import Case


class Listening:
    """Stands for the engine's statistics; gives back the lag it is told to."""

    def __init__(self):
        self.told = []

    def overrun(self, run_time, pace, lag):
        self.told.append((run_time, pace, lag))
        return 0.25


class Pacing(Case):
    def paced(self, wait):
        engine = Listening()
        environment = types.SimpleNamespace(stats=types.SimpleNamespace(engine=engine))
        user = type("Paced", (User,), {"wait_time": wait})(self.environment)
        user.environment = environment
        return user, engine

    def run_for(self, paced, seconds):
        """As if the task that is over had taken so long."""
        paced._cp_last_run = time.perf_counter() - seconds - paced._cp_last_wait_time

    def test_locust_s_functions_are_in_their_place(self):
        for name in ("constant_pacing", "constant_throughput"):
            self.assertIs(getattr(locust, name), getattr(pacing, name))
            self.assertIs(getattr(wait_time, name), getattr(pacing, name))
        self.assertRaises(ValueError, constant_throughput, 0)

    def test_a_task_in_time_waits_for_the_rest_and_nothing_is_missed(self):
        user, engine = self.paced(constant_pacing(2))
        self.run_for(user, 0.5)
        self.assertAlmostEqual(user.wait_time(), 1.5, places=2)
        self.assertEqual(engine.told, [])

    def test_a_task_that_takes_longer_is_told_with_the_lag_of_the_one_before(self):
        user, engine = self.paced(constant_throughput(10))
        user._tasks_began = 0.0
        for _ in range(2):
            self.run_for(user, 5)
            self.assertEqual(user.wait_time(), 0)
        self.assertEqual([round(run_time, 2) for run_time, _, _ in engine.told], [5, 5])
        self.assertEqual([(pace, lag) for _, pace, lag in engine.told], [(0.1, 0.0), (0.1, 0.25)])

    def test_what_came_before_the_first_task_is_none_of_the_plan_s(self):
        user, engine = self.paced(constant_pacing(0.1))
        self.run_for(user, 60)
        user._tasks_began = time.perf_counter() - 0.5
        user.wait_time()
        self.assertAlmostEqual(engine.told[0][0], 0.5, places=2)

    def test_a_user_stopped_in_a_long_task_has_missed_what_it_missed_till_then(self):
        user, engine = self.paced(constant_pacing(0.1))
        user.wait_time()
        self.run_for(user, 3)
        for _ in range(2):
            pacing.note_stopped(user)
        self.assertEqual([round(run_time, 1) for run_time, _, _ in engine.told], [3.0])
        user.wait_time()
        # While it waits it misses nothing.
        pacing.note_stopped(user)
        self.assertEqual(len([told for told in engine.told if told[0] < 1]), 0)

    def test_a_task_set_may_have_a_pace_of_its_own(self):
        user, engine = self.paced(constant_pacing(100))
        tasks = type("Tasks", (TaskSet,), {"wait_time": constant_pacing(0.1)})(user)
        user._tasks_began = 0.0
        self.run_for(tasks, 1)
        tasks.wait_time()
        self.assertEqual(engine.told[0][1], 0.1)
        self.assertIs(user._paced_by, tasks)


if __name__ == "__main__":
    unittest.main()
