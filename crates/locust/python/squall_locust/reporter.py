"""Tells the Rust side, once a second, what was measured and how the test stands.

Reports are made just after each whole second of the wall clock, so that a snapshot's requests belong to one second.
Nothing is taken from the engine while the Rust side is slow to read: it stays in the engine and comes with the next.
"""

import collections
import logging
import platform
import time

import gevent
import locust
from locust import html, stats
from locust.runners import MasterRunner, WorkerRunner

# Rows of exceptions that are told, and how much of each text.
MAX_EXCEPTIONS = 1_000
MAX_TEXT = 64 << 10
# Snapshots that wait for the next report to a master elsewhere; of more the oldest go, and the master tells how many.
MAX_SNAPSHOTS = 256
# Log lines that wait for the next report; of more the oldest go.
MAX_LINES = 5_000
# How often the lateness of gevent's loop is looked at, and from when on a beat counts as late. Seconds.
BEAT = 0.05
LATE = 0.01

logger = logging.getLogger(__name__)

ORIGINAL_BUCKETS = stats.bucket_response_time


# Locust's listener that adds what workers report to the master's statistics.
ON_WORKER_REPORT = "setup_distributed_stats_event_listeners.<locals>.on_worker_report"


def take_sums(engine, data):
    """Counts what a worker of the real Locust reports."""
    for entry in data["stats"]:
        times = [(float(time), count) for time, count in entry["response_times"].items()]
        method, name = str(entry["method"]), str(entry["name"])
        engine.log_many(method, name, times, entry["num_none_requests"], int(entry["total_content_length"]))
    for error in data["errors"].values():
        engine.error_many(str(error["method"]), str(error["name"]), str(error["error"]), error["occurrences"])


class LineKeeper(logging.Handler):
    """Keeps formatted log lines until the next report. Called from any thread."""

    def __init__(self):
        super().__init__()
        self.lines = collections.deque(maxlen=MAX_LINES)

    def emit(self, record):
        self.lines.append((record.levelname, self.format(record)))

    def take(self):
        taken = []
        while self.lines:
            taken.append(self.lines.popleft())
        return taken


class Pulse:
    """How late gevent's loop wakes a greenlet, and how much CPU the process takes."""

    def __init__(self):
        self.beats = 0
        self.late = 0
        self.worst_s = 0.0

    def run(self):
        while True:
            due = time.perf_counter() + BEAT
            gevent.sleep(BEAT)
            lateness = time.perf_counter() - due
            self.beats += 1
            self.late += lateness > LATE
            self.worst_s = max(self.worst_s, lateness)

    def figures(self):
        return {
            "beats": self.beats,
            "late": self.late,
            "worst_ms": self.worst_s * 1000,
            "cpu_s": time.process_time(),
        }


def settings():
    """The constants of `locust.stats` that a locustfile may overwrite, as they are now."""
    return {
        "percentiles_to_report": list(stats.PERCENTILES_TO_REPORT),
        "percentiles_to_statistics": list(stats.PERCENTILES_TO_STATISTICS),
        "percentiles_to_chart": list(stats.PERCENTILES_TO_CHART),
        "percentiles_for_html": list(html.PERCENTILES_FOR_HTML_REPORT),
        "console_interval_s": stats.CONSOLE_STATS_INTERVAL_SEC,
        "history_interval_s": stats.HISTORY_STATS_INTERVAL_SEC,
        "csv_interval_s": stats.CSV_STATS_INTERVAL_SEC,
        "window_s": stats.CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW,
        "name_width": stats.STATS_NAME_WIDTH,
        "type_width": stats.STATS_TYPE_WIDTH,
        "own_buckets": stats.bucket_response_time is not ORIGINAL_BUCKETS,
    }


def versions():
    return {"locust_version": locust.__version__, "python_version": platform.python_version()}


class Reporter:
    """Reports one environment's run. `recorder` is the engine's `Stats` beneath `environment.stats`."""

    def __init__(self, link, environment, lines, slow_requests):
        self.link = link
        self.environment = environment
        self.recorder = None
        self.lines = lines
        self.slow_requests = slow_requests
        self.pulse = Pulse()
        # How often the engine began anew: it counts snapshots from 1 then.
        self.generation = 0
        self._for_master = None
        self._told_settings = None
        self._told_exceptions = None

    def start(self):
        gevent.spawn(self._every_second)
        gevent.spawn(self.pulse.run)

    def _every_second(self):
        while True:
            gevent.sleep(1.0 - time.time() % 1.0 + 0.002)
            if not self.link.is_busy():
                self.report()

    def report(self, last=False):
        """Tells everything that is new."""
        self.tell_measurements(last)
        self.tell_settings()
        self.tell_state()
        self.tell_exceptions()
        self.tell_lines()
        slow = self.slow_requests()
        self.link.tell("health", slow_requests=slow["count"], slow_reasons=slow["reasons"], **self.pulse.figures())

    def tell_measurements(self, last=False):
        """Hands over what the engine measured since the last time."""
        if self.recorder is None:
            return
        encoded = self.recorder.snapshot(last)
        if encoded:
            self.link.snapshot(encoded)
            if self._for_master is not None:
                self._for_master.append([self.generation, encoded])
        if not isinstance(self.environment.runner, MasterRunner):
            # What a master has is its workers', who tell it themselves.
            total = self.recorder.total()
            self.link.tell("times", start=total[7], last=total[8])

    def send_to_master(self, is_of_same_start):
        """A worker: where its master is of another start, snapshots go to it in Locust's own reports."""
        if not is_of_same_start:
            self._for_master = collections.deque(maxlen=MAX_SNAPSHOTS)

        def attach(client_id, data):
            # An empty list says that the Rust side has them already.
            data["squall"] = []
            if self._for_master is not None:
                self.tell_measurements()
                data["squall"] = list(self._for_master)
                self._for_master.clear()

        self.environment.events.report_to_master.add_listener(attach)

    def take_from_workers(self):
        """A master: its statistics are those of all workers. Those of the same start come over the link, as others' do that
        the Rust side has from them; the rest in Locust's reports."""
        engine = self.recorder
        self.link.on_snapshot = engine.ingest
        foreign = set()

        def take(client_id, data):
            if "squall" not in data:
                if client_id not in foreign:
                    foreign.add(client_id)
                    logger.info(
                        "Worker %s is not Squall's: it makes load at Locust's speed, and its response times have two digits",
                        client_id,
                    )
                take_sums(engine, data)
            for generation, encoded in data.get("squall", ()):
                name = f"{client_id}/{generation}"
                engine.ingest(name, encoded)
                self.link.forward(name, encoded)

        handlers = self.environment.events.worker_report._handlers
        for place, handler in enumerate(handlers):
            if getattr(handler, "__qualname__", "") == ON_WORKER_REPORT:
                handlers[place] = take

    def tell_entry_times(self):
        """When each entry began and had its last request: exact, where snapshots only know the second."""
        if self.recorder is None:
            return
        times = []
        for method, name in self.recorder.keys():
            entry = self.recorder.entry(method, name)
            times.append([method, name, entry[7], entry[8]])
        self.link.tell("entry_times", entries=times)

    def tell_settings(self):
        now = settings()
        if now != self._told_settings:
            self._told_settings = now
            self.link.tell("settings", **now)

    def tell_state(self):
        runner = self.environment.runner
        if runner is None:
            return
        fields = {"state": runner.state, "user_count": runner.user_count}
        fields["target_user_count"] = runner.target_user_count
        if isinstance(runner, MasterRunner):
            fields["user_classes_count"] = dict(runner.reported_user_classes_count)
            fields["worker_count"] = runner.worker_count
            fields["workers"] = [
                {
                    "id": worker.id,
                    "state": worker.state,
                    "user_count": worker.user_count,
                    "cpu_usage": worker.cpu_usage,
                    "memory_usage": worker.memory_usage,
                }
                for worker in runner.clients.values()
            ]
        else:
            fields["user_classes_count"] = dict(runner.user_classes_count)
            if isinstance(runner, WorkerRunner):
                fields["worker_index"] = runner.worker_index
        self.link.tell("state", host=self.environment.host, **fields)

    def tell_exceptions(self):
        runner = self.environment.runner
        if runner is None:
            return
        rows = list(runner.exceptions.values())
        seen = (len(rows), sum(row["count"] for row in rows))
        if seen == self._told_exceptions:
            return
        self._told_exceptions = seen
        told = [
            {
                "count": row["count"],
                "msg": row["msg"][:MAX_TEXT],
                "traceback": row["traceback"][:MAX_TEXT],
                "nodes": sorted(row["nodes"]),
            }
            for row in rows[:MAX_EXCEPTIONS]
        ]
        self.link.tell("exceptions", rows=told)

    def tell_lines(self):
        lines = self.lines.take()
        if lines:
            self.link.tell("log", lines=lines)
