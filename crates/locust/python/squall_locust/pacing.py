"""Users with a constant pace: slots that passed while a task kept its user are told to the engine.

Locust's pacing never makes up for a slot that has passed, so what would have waited in one is nowhere in its numbers. The
arithmetic is the engine's (`crates/pyengine/src/pacing.rs`); here it hears of each task that took longer than its pace.
"""

import functools
from time import perf_counter

import locust
from locust.user import wait_time as original
from locust.user.task import TaskSet
from locust.user.users import User

ORIGINAL_PACING = original.constant_pacing
ORIGINAL_THROUGHPUT = original.constant_throughput


@functools.wraps(ORIGINAL_PACING)
def constant_pacing(wait_time):
    # As Locust's own, which it stands in for, but for what it notes.
    def wait_time_func(self):
        run_time = perf_counter() - self._cp_last_run - self._cp_last_wait_time
        if run_time > wait_time:
            note(self, run_time, wait_time)
        self._cp_last_wait_time = max(0, wait_time - run_time)
        user = owner(self)
        user._paced_by = self
        user._pace = wait_time
        self._cp_last_run = perf_counter()
        return self._cp_last_wait_time

    return wait_time_func


@functools.wraps(ORIGINAL_THROUGHPUT)
def constant_throughput(task_runs_per_second):
    if task_runs_per_second <= 0:
        raise ValueError(f"constant_throughput() requires a positive rate, got: {task_runs_per_second}")
    return constant_pacing(1 / task_runs_per_second)


def owner(paced):
    """The user that is paced, itself or by one of its task sets."""
    return paced if isinstance(paced, User) else paced.user


def note(paced, run_time, pace):
    """A task of a user, or of a task set, took longer than its pace."""
    user = owner(paced)
    if "_paced_by" not in user.__dict__:
        # Its first: a log-in before it is none of the plan's.
        run_time = min(run_time, perf_counter() - user.__dict__.get("_tasks_began", 0.0))
    engine = getattr(user.environment.stats, "engine", None)
    if engine is not None:
        paced._lag = engine.overrun(run_time, pace, getattr(paced, "_lag", 0.0))


def note_stopped(user):
    """A user is about to be stopped: what it has missed up to now, it has missed."""
    paced = user.__dict__.pop("_paced_by", None)
    if paced is None:
        return
    run_time = perf_counter() - paced._cp_last_run - paced._cp_last_wait_time
    if run_time > user._pace:
        note(paced, run_time, user._pace)


def install():
    """Puts ours in the place of Locust's functions. Once, before a Locust file is read."""
    if original.constant_pacing is not ORIGINAL_PACING:
        return
    for module in (original, locust):
        module.constant_pacing = constant_pacing
        module.constant_throughput = constant_throughput
    stop, run = User.stop, TaskSet.run

    @functools.wraps(stop)
    def stop_noting(self, force=False):
        note_stopped(self)
        return stop(self, force)

    @functools.wraps(run)
    def run_noting(self):
        self.user.__dict__.setdefault("_tasks_began", perf_counter())
        return run(self)

    User.stop, TaskSet.run = stop_noting, run_noting
