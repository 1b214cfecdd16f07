"""`--processes`: one process becomes a master and its workers, by forking, as Locust does it.

Also what a process of such a family has to know of the overlay: whether it measures, and into what.
"""

import atexit
import gc
import logging
import os
import signal
import sys
import time

import gevent

SIGINT = signal.SIGINT
SIGTERM = signal.SIGTERM
# How long workers may take to end by themselves. Seconds.
PATIENCE = 3


class Family:
    """What this process is among those that came from one start."""

    def __init__(self, is_forked_worker=False):
        self.is_forked_worker = is_forked_worker


def divide(options):
    """Forks the workers that `--processes` asks for. Returns in each process."""
    if not options.processes:
        return Family()
    if os.name == "nt":
        sys.stderr.write("--processes is not supported in Windows (except in WSL)\n")
        sys.exit(1)
    if options.processes == -1:
        options.processes = os.cpu_count()
        if not options.processes:
            sys.stderr.write("--processes failed to detect number of cpus!?\n")
            sys.exit(1)
    elif options.processes < -1:
        sys.stderr.write(f"Invalid --processes count {options.processes}\n")
        sys.exit(1)
    elif options.master:
        sys.stderr.write(
            "--master cannot be combined with --processes. Remove --master, as it is implicit as long as --worker is "
            "not set.\n"
        )
        sys.exit(1)
    # What is there now is shared until somebody writes to it: the collector should not.
    gc.collect()
    gc.freeze()
    children = []
    for _ in range(options.processes):
        pid = gevent.fork()
        if not pid:
            return become_worker(options)
        children.append(pid)
        logging.debug(f"Started child worker with pid #{pid}")
    if options.worker:
        wait_for_workers(children)
    options.master = True
    options.expect_workers = options.processes
    atexit.register(end_workers, children)
    return Family()


def become_worker(options):
    is_with_master = not options.worker
    options.worker = True
    # These make no sense in a worker.
    options.run_time = None
    options.autostart = None
    options.csv_prefix = None
    options.stats_history_enabled = False
    options.html_file = None
    options.print_stats = None
    return Family(is_forked_worker=is_with_master)


def wait_for_workers(children):
    """The parent of workers of a master elsewhere: waits for them and ends with the worst of their codes."""

    def on_interrupt(_signal, _frame):
        if on_interrupt.came_before:
            for pid in children:
                signal_process(pid, signal.SIGKILL)
            sys.exit(1)
        on_interrupt.came_before = True

    on_interrupt.came_before = False
    signal.signal(SIGINT, on_interrupt)
    sys.exit(max(exit_code_of(pid) for pid in children))


def end_workers(children):
    """At the master's exit: workers that do not end by themselves are told to, and waited for."""
    worst = 0
    running = list(children)
    deadline = time.monotonic() + PATIENCE
    while running and time.monotonic() < deadline:
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                running.remove(pid)
                worst = max(worst, os.waitstatus_to_exitcode(status))
        time.sleep(0.05)
    for pid in running:
        signal_process(pid, SIGTERM)
    for pid in running:
        worst = max(worst, exit_code_of(pid))
    if worst > 1:
        logging.error(f"Bad response code from worker children: {worst}")


def exit_code_of(pid):
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return 0


def signal_process(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def recorder(environment):
    """The engine's `Stats` beneath the environment's statistics; None where this process has Locust's own."""
    return getattr(environment.stats, "engine", None)
