"""Locust's statistics on the engine's: the same objects with the same attributes, whose numbers are the engine's.

`environment.stats` stays a `RequestStats`, its entries stay `StatsEntry`s; what they hold is asked for when it is read.
Response times are kept to a twentieth of a percent, not to two digits, and memory does not grow with time: the counts of
each second are those of the last minute.
"""

import functools
import time
from collections import OrderedDict

import locust.env
import locust.event
import locust.runners
import locust.stats as original
from locust.stats import CachedResponseTimes, StatsEntry, StatsError

from squall_locust import _engine

OriginalRequestStats = original.RequestStats
ORIGINAL_BUCKETS = original.bucket_response_time

# Called, without arguments, after statistics were cleared: snapshots count from 1 again then.
cleared = []


def _read(place):
    def get(self):
        return self._row()[place]

    def refuse(self, value):
        raise AttributeError("the numbers of environment.stats are the engine's: they can be read, not set")

    return property(get, refuse)


class EngineEntry(StatsEntry):
    """A name with its method, or all together (`Aggregated`)."""

    use_response_times_cache = True

    def __init__(self, stats, name, method, is_total=False):
        self.stats = stats
        self.name = name
        self.method = method
        self._is_total = is_total
        self._start_time = time.time()
        self._told = None
        self.response_times_cache = OrderedDict()
        self._cache_response_times(int(self._start_time))

    num_requests = _read(0)
    num_none_requests = _read(1)
    num_failures = _read(2)
    total_response_time = _read(3)
    min_response_time = _read(4)
    max_response_time = _read(5)
    total_content_length = _read(6)
    last_request_timestamp = _read(8)

    @property
    def start_time(self):
        return self._row()[7]

    def _row(self):
        engine = self.stats.engine
        row = engine.total() if self._is_total else engine.entry(self.method, self.name)
        return row or (0, 0, 0, 0, None, 0, 0, self._start_time, None)

    def _which(self):
        return (None, None) if self._is_total else (self.method, self.name)

    @property
    def response_times(self):
        buckets = original.bucket_response_time
        if buckets is ORIGINAL_BUCKETS:
            return self.stats.engine.response_times(*self._which())
        counts = {}
        for value, count in self.stats.engine.distribution(*self._which()):
            bucket = buckets(value)
            counts[bucket] = counts.get(bucket, 0) + count
        return counts

    @property
    def num_reqs_per_sec(self):
        return {second: n for second, n, _ in self.stats.engine.per_second(*self._which()) if n}

    @property
    def num_fail_per_sec(self):
        return {second: n for second, _, n in self.stats.engine.per_second(*self._which()) if n}

    def reset(self):
        raise NotImplementedError("one entry alone can't be reset: use environment.stats.reset_all()")

    def log(self, response_time, content_length):
        if self._is_total:
            raise NotImplementedError("use environment.stats.log_request()")
        self.stats.log_request(self.method, self.name, response_time, content_length)

    def log_error(self, error):
        if self._is_total:
            raise NotImplementedError("use environment.stats.log_error()")
        self.stats.log_error(self.method, self.name, error)

    def extend(self, other):
        raise NotImplementedError("an entry of environment.stats can't be extended")

    def get_response_time_percentile(self, percent):
        if original.bucket_response_time is not ORIGINAL_BUCKETS:
            return super().get_response_time_percentile(percent)
        return round(self.stats.engine.percentile(*self._which(), percent))

    @property
    def median_response_time(self):
        return self.get_response_time_percentile(0.5)

    def get_current_response_time_percentile(self, percent):
        # Locust notes the times of each second while requests come in; here it is done by whoever asks again and again.
        now = int(time.time())
        if now not in self.response_times_cache:
            self._cache_response_times(now)
        return super().get_current_response_time_percentile(percent)

    def _cache_response_times(self, t):
        row = self._row()
        times = self.response_times if row[0] else {}
        self.response_times_cache[t] = CachedResponseTimes(times, row[0], row[1])
        while len(self.response_times_cache) > original.CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW + 10:
            self.response_times_cache.popitem(last=False)

    def get_stripped_report(self):
        """What has changed since the last report, which is what a worker tells its master."""
        report = self.serialize()
        told, self._told = self._told, report.copy()
        if told is not None and told["start_time"] == report["start_time"]:
            for field in (
                "num_requests",
                "num_none_requests",
                "num_failures",
                "total_response_time",
                "total_content_length",
            ):
                report[field] -= told[field]
            for field in ("response_times", "num_reqs_per_sec", "num_fail_per_sec"):
                before = told[field]
                changes = {key: count - before.get(key, 0) for key, count in report[field].items()}
                report[field] = {key: count for key, count in changes.items() if count}
        return report


class RequestStats(OriginalRequestStats):
    """`environment.stats`. `engine` is what counts."""

    def __init__(self, use_response_times_cache=True):
        self.use_response_times_cache = use_response_times_cache
        self.engine = _engine.Stats()
        self.history = []
        self._forget()

    def _forget(self):
        self._entries = _Entries(self)
        self._n_known = 0
        self._error_objects = {}
        self._errors_told = {}
        self.total = EngineEntry(self, "Aggregated", "", is_total=True)

    @property
    def entries(self):
        keys = self.engine.keys()
        for method, name in keys[self._n_known :]:
            self._entries[(name, method)]
        self._n_known = len(keys)
        return self._entries

    @property
    def errors(self):
        errors = {}
        for (method, name, text, count), (first, last) in zip(self.engine.errors(), self.engine.error_times()):
            count -= self._errors_told.get((method, name, text), 0)
            if count > 0:
                error = self._error_objects.get((method, name, text), text)
                key = StatsError.create_key(method, name, text)
                errors[key] = StatsError(method, name, error, count, first, last)
        return errors

    @errors.setter
    def errors(self, value):
        if value:
            raise AttributeError("the errors of environment.stats are the engine's: they can be read, not set")
        self._errors_told = {(method, name, text): count for method, name, text, count in self.engine.errors()}

    def log_request(self, method, name, response_time, content_length):
        try:
            self.engine.log(method, name, response_time, content_length)
        except TypeError:
            # Locust takes anything as a name, and any number as a length.
            self.engine.log(str(method), str(name), response_time, int(content_length))

    def log_error(self, method, name, error):
        text = StatsError.parse_error(error)
        method, name = str(method), str(name)
        self.engine.error(method, name, text)
        if not isinstance(error, str):
            self._error_objects.setdefault((method, name, text), error)

    def get(self, name, method):
        return self._entries[(name, method)]

    def reset_all(self):
        names = list(self.entries)
        self.clear_all()
        for key in names:
            self._entries[key]

    def clear_all(self):
        self.engine.clear()
        self.history = []
        self._forget()
        for listener in cleared:
            listener()


class _Entries(dict):
    def __init__(self, stats):
        super().__init__()
        self.request_stats = stats

    def __missing__(self, key):
        # Asking for an entry makes it, in Locust too.
        self.request_stats.engine.touch(str(key[1]), str(key[0]))
        entry = self[key] = EngineEntry(self.request_stats, key[0], key[1])
        return entry


class StatsListener:
    """What tells requests to `environment.stats`: stands where Locust's runner has a function of its own."""

    def __init__(self, environment):
        self.environment = environment

    def __call__(self, request_type, name, response_time, response_length, exception=None, **_kwargs):
        stats = self.environment.stats
        stats.log_request(request_type, name, response_time, response_length)
        if exception:
            stats.log_error(request_type, name, exception)


def _note_listeners(hook):
    """Whoever measures may tell the engine directly while nobody but its own listener would hear of it."""
    hook.engine = None
    if len(hook._handlers) == 1 and type(hook._handlers[0]) is StatsListener:
        stats = hook._handlers[0].environment.stats
        if type(stats) is RequestStats:
            hook.engine = stats.engine


def _follow_listeners(name):
    method = getattr(locust.event.EventHook, name)

    @functools.wraps(method)
    def following(self, handler):
        result = method(self, handler)
        _note_listeners(self)
        return result

    setattr(locust.event.EventHook, name, following)


def _listen_instead(runner_class):
    method = runner_class.__init__

    @functools.wraps(method)
    def init(self, environment, *args, **kwargs):
        hook = environment.events.request
        before = list(hook._handlers)
        method(self, environment, *args, **kwargs)
        for place, handler in enumerate(hook._handlers):
            if handler not in before and getattr(handler, "__qualname__", "") == ON_REQUEST:
                hook._handlers[place] = StatsListener(environment)
        _note_listeners(hook)

    runner_class.__init__ = init


ON_REQUEST = "Runner.__init__.<locals>.on_request"


def install():
    """Puts the engine's statistics under Locust's. Once, before an Environment is made."""
    if locust.env.RequestStats is RequestStats:
        return
    # Only an environment's own are the engine's: what a Locust file makes for itself is Locust's.
    locust.env.RequestStats = RequestStats
    locust.event.EventHook.engine = None
    _follow_listeners("add_listener")
    _follow_listeners("remove_listener")
    _listen_instead(locust.runners.Runner)
