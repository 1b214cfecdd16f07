"""Statistics: what is told is counted, and is what Locust's objects show."""

import time
import unittest

from locust import FastHttpUser, HttpUser
from locust.exception import CatchResponseError
from locust.stats import CachedResponseTimes, StatsEntry, StatsError
from support import Case
from squall_locust import _engine, stats


class Stats(Case):
    def test_requests_of_all_kinds_are_counted(self):
        http, fast = self.user(HttpUser), self.user(FastHttpUser)
        for _ in range(3):
            http.client.get("/")
            fast.client.get("/", name="fast")
        fast.client.get("/status/404")
        http.client.get("/status/500", name="five")
        with http.client.post("/", catch_response=True) as response:
            response.failure("no good")
        self.environment.events.request.fire(
            request_type="X", name="own", response_time=None, response_length=7, exception=None, context={}
        )
        request_stats = self.environment.stats
        counts = {key: (entry.num_requests, entry.num_failures) for key, entry in request_stats.entries.items()}
        self.assertEqual(
            counts,
            {
                ("/", "GET"): (3, 0),
                ("fast", "GET"): (3, 0),
                ("/status/404", "GET"): (1, 1),
                ("five", "GET"): (1, 1),
                ("/", "POST"): (1, 1),
                ("own", "X"): (1, 0),
            },
        )
        total = request_stats.total
        self.assertEqual((total.num_requests, total.num_failures, total.num_none_requests), (10, 3, 1))
        self.assertAlmostEqual(total.fail_ratio, 0.3)
        self.assertEqual(total.total_content_length, 16 * 7 + 4 * 2 + 7)
        names = sorted(error.to_name() for error in request_stats.errors.values())
        self.assertEqual(
            names,
            [
                "GET /status/404: LocustBadStatusCode(code=404)",
                "GET five: HTTPError('500 Server Error: Something for url: five')",
                "POST /: no good",
            ],
        )
        self.assertIsInstance(next(e for e in request_stats.errors.values() if e.method == "POST").error, CatchResponseError)

    def test_numbers_are_locust_s(self):
        request_stats = self.environment.stats
        for milliseconds in (10, 20, 30, 40):
            request_stats.log_request("GET", "/a", milliseconds, 100)
        entry = request_stats.get("/a", "GET")
        self.assertIsInstance(entry, StatsEntry)
        self.assertEqual(entry.avg_response_time, 25)
        self.assertEqual((entry.min_response_time, entry.max_response_time), (10, 40))
        self.assertEqual(entry.median_response_time, 30)
        self.assertEqual(entry.get_response_time_percentile(0.95), 40)
        self.assertEqual(entry.response_times, {10: 1, 20: 1, 30: 1, 40: 1})
        self.assertEqual(entry.avg_content_length, 100)
        self.assertGreater(entry.last_request_timestamp, 0)
        self.assertEqual(sum(entry.num_reqs_per_sec.values()), 4)
        self.assertEqual(entry.to_dict()["num_requests"], 4)
        self.assertIn("/a", str(entry))
        total = request_stats.total
        total.response_times_cache[int(time.time()) - 10] = CachedResponseTimes({}, 0, 0)
        self.assertEqual(total.get_current_response_time_percentile(0.5), 30)

    def test_asking_for_an_entry_makes_it(self):
        request_stats = self.environment.stats
        self.assertEqual(request_stats.get("nothing", "GET").num_requests, 0)
        self.assertEqual(list(request_stats.entries), [("nothing", "GET")])
        request_stats.reset_all()
        self.assertEqual(request_stats.engine.keys(), [("GET", "nothing")])

    def test_the_numbers_of_another_process_are_taken_in(self):
        worker = _engine.Stats()
        worker.log("GET", "/a", 12.5, 7)
        worker.error("GET", "/a", "ValueError('x')")
        encoded = worker.snapshot()
        request_stats = self.environment.stats
        for _ in range(2):
            request_stats.engine.ingest("worker", encoded)
        entry = request_stats.entries[("/a", "GET")]
        self.assertEqual((entry.num_requests, entry.num_failures, entry.max_response_time), (1, 1, 12.5))
        self.assertEqual([error.occurrences for error in request_stats.errors.values()], [1])
        request_stats.engine.log_many("GET", "/a", [(20.0, 3)], 1, 40)
        self.assertEqual((request_stats.total.num_requests, request_stats.total.num_none_requests), (5, 1))
        self.assertEqual(request_stats.total.total_content_length, 47)
        self.assertRaises(RuntimeError, request_stats.engine.ingest, "worker", b"no snapshot")

    def test_names_that_are_no_text_are_counted(self):
        self.environment.events.request.fire(
            request_type="X", name=5, response_time=1, response_length=1.5, exception=None, context={}
        )
        self.assertEqual(self.environment.stats.get("5", "X").num_requests, 1)

    def test_reset_keeps_names_and_clear_does_not(self):
        calls = []
        stats.cleared.append(lambda: calls.append(1))
        request_stats = self.environment.stats
        request_stats.log_request("GET", "/a", 1, 1)
        request_stats.log_error("GET", "/a", ValueError("x"))
        request_stats.reset_all()
        self.assertEqual([entry.num_requests for entry in request_stats.entries.values()], [0])
        self.assertEqual((request_stats.errors, request_stats.total.num_requests), ({}, 0))
        request_stats.clear_all()
        self.assertEqual(dict(request_stats.entries), {})
        stats.cleared.pop()
        self.assertEqual(len(calls), 2)

    def test_a_worker_s_reports_hold_what_changed(self):
        request_stats = self.environment.stats
        request_stats.log_request("GET", "/a", 10, 1)
        request_stats.log_error("GET", "/a", "bad")
        first = request_stats.serialize_stats()[0]
        self.assertEqual((first["num_requests"], first["num_failures"], first["response_times"]), (1, 1, {10: 1}))
        self.assertEqual(request_stats.total.get_stripped_report()["num_requests"], 1)
        key = StatsError.create_key("GET", "/a", "bad")
        self.assertEqual(request_stats.serialize_errors()[key]["occurrences"], 1)
        request_stats.errors = {}
        self.assertEqual(request_stats.errors, {})
        request_stats.log_request("GET", "/a", 20, 1)
        second = request_stats.serialize_stats()[0]
        self.assertEqual((second["num_requests"], second["num_failures"], second["response_times"]), (1, 0, {20: 1}))

    def test_listeners_get_what_locust_gives_them(self):
        told = []
        self.environment.events.request.add_listener(lambda **arguments: told.append(arguments))
        user = self.user(HttpUser, context=lambda self: {"user": 1})
        response = user.client.get("/status/404", context={"own": 2}, name="n")
        fast = self.user(FastHttpUser).client.get("/")
        self.assertEqual(len(told), 2)
        fields = "context exception name request_type response response_length response_time start_time url".split()
        self.assertEqual(sorted(told[0]), fields)
        self.assertEqual(sorted(told[1]), fields)
        self.assertEqual((told[0]["context"], told[0]["name"]), ({"user": 1, "own": 2}, "n"))
        self.assertIs(told[0]["response"], response)
        self.assertIs(told[1]["response"], fast)
        self.assertEqual(told[0]["url"], f"{self.host}/status/404")
        self.assertEqual(repr(told[0]["exception"]), "HTTPError('404 Client Error: Something for url: n')")
        self.assertIsNone(told[1]["exception"])
        self.assertGreater(told[0]["response_time"], 0)
        self.assertEqual(self.environment.stats.total.num_requests, 2)

    def test_times_of_redirects_and_failures_are_the_exchanges_own(self):
        for kind in (HttpUser, FastHttpUser):
            self.environment.stats.clear_all()
            user = self.user(kind)
            told = []
            self.environment.events.request.add_listener(lambda response, response_time, **_: told.append(response_time))
            started = time.perf_counter()
            user.client.get("/redirect/2")
            user.client.get("/close")
            waited = (time.perf_counter() - started) * 1000
            self.assertEqual(len(told), 2)
            self.assertTrue(0 < told[0] and 0 < told[1] and sum(told) < waited, (told, waited))
            self.environment.events.request.remove_listener(self.environment.events.request._handlers[-1])

    def test_snapshots_come_out(self):
        engine = self.environment.stats.engine
        self.user(HttpUser).client.get("/")
        self.assertTrue(engine.snapshot(False).startswith(b"SQMS"))
        self.assertTrue(engine.snapshot(True).startswith(b"SQMS"))


if __name__ == "__main__":
    unittest.main()
