"""The engine under gevent: who waits is woken, who is killed leaves nothing behind, whatever becomes of hub and process."""

import os
import threading
import unittest

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, HttpUser
from support import Case
from squall_locust import hub


class Greenlets(Case):
    kinds = (HttpUser, FastHttpUser)

    def test_greenlets_wait_side_by_side(self):
        for kind in self.kinds:
            user = self.user(kind)
            answers = Pool(20).map(lambda n: user.client.get(f"/echo?{n}", name="/echo").json()["path"], range(100))
            self.assertEqual(answers, [f"/echo?{n}" for n in range(100)])

    def test_others_run_while_one_waits(self):
        user = self.user(HttpUser)
        waiting = gevent.spawn(user.client.get, "/never")
        for _ in range(50):
            gevent.sleep(0)
        self.assertFalse(waiting.dead)
        self.assertEqual(self.user(HttpUser).client.get("/").status_code, 200)
        waiting.kill()

    def test_who_is_killed_closes_the_connection_and_reports_nothing(self):
        for kind in self.kinds:
            user = self.user(kind)
            waiting = gevent.spawn(user.client.get, "/never")
            before = len(self.server.seen)
            self.eventually(lambda: len(self.server.seen) > before, "the request does not come")
            waiting.kill()
            self.assertTrue(waiting.dead)
            # A late answer would be taken for the next request's.
            self.assertEqual(user.client.get("/echo?next").json()["path"], "/echo?next")
            self.assertIsNone(self.environment.stats.engine.entry("GET", "/never"))

    def test_a_timeout_of_gevent_s_ends_a_request(self):
        for kind in self.kinds:
            user = self.user(kind)
            caught = False
            # FastHttpUser takes a gevent.Timeout for a failure of the request, as Locust has it.
            timeout = gevent.Timeout(0.05)
            try:
                with timeout:
                    response = user.client.get("/never")
                    caught = response.status_code == 0
            except gevent.Timeout as error:
                caught = error is timeout
            self.assertTrue(caught)
            self.assertEqual(user.client.get("/echo?next").json()["path"], "/echo?next")

    def test_an_exception_in_one_greenlet_is_no_other_s(self):
        user = self.user(HttpUser)

        def fail():
            user.client.get("/")
            raise ValueError("mine")

        failing = [gevent.spawn(fail) for _ in range(3)]
        working = [gevent.spawn(user.client.get, "/") for _ in range(3)]
        gevent.joinall(failing + working)
        self.assertTrue(all(isinstance(greenlet.exception, ValueError) for greenlet in failing))
        self.assertTrue(all(greenlet.value.status_code == 200 for greenlet in working))

    def test_threads_have_hubs_and_engines_of_their_own(self):
        seen = []

        def ask():
            client = self.user(HttpUser).client
            seen.extend(client.get("/").status_code for _ in range(3))

        pool = gevent.get_hub().threadpool
        for _ in range(3):
            pool.spawn(ask).get(timeout=10)
        self.assertEqual(seen, [200] * 9)
        self.assertEqual(self.user(HttpUser).client.get("/").status_code, 200)

    def test_a_thread_may_replace_its_hub(self):
        statuses = []

        def ask():
            for _ in range(2):
                statuses.append(self.user(HttpUser).client.get("/").status_code)
                gevent.get_hub().destroy(destroy_loop=True)

        gevent.get_hub().threadpool.spawn(ask).get(timeout=10)
        self.assertEqual(statuses, [200, 200])

    def test_a_fork_begins_anew_and_leaves_the_parent_s_connections_alone(self):
        user = self.user(HttpUser)
        self.assertEqual(user.client.get("/").status_code, 200)
        connections = self.server.connections
        reading, writing = os.pipe()
        child = gevent.fork()
        if not child:
            # No test's code may run on in the child.
            answer = b"?"
            try:
                self._limit.close()
                # The child would accept its own connection.
                self.server.stop_accepting()
                status = user.client.get("/echo?child").status_code
                answer = b"y" if status == 200 else b"n"
            finally:
                os.write(writing, answer)
                os._exit(0)
        os.close(writing)
        self.assertEqual(gevent.os.tp_read(reading, 1), b"y")
        os.close(reading)
        gevent.os.waitpid(child, 0)
        self.assertEqual(self.server.connections, connections + 1)
        self.assertEqual(user.client.get("/echo?parent").json()["path"], "/echo?parent")
        self.assertEqual(self.server.connections, connections + 1)

    def test_a_user_that_ends_closes_its_connections(self):
        user = self.user(HttpUser)
        user.client.get("/")
        self.assertEqual(self.server.n_closed, 0)
        user.client.close()
        self.eventually(lambda: self.server.n_closed == 1, "close() leaves the connection")
        user.client.get("/")
        del user
        import gc

        gc.collect()
        self.eventually(lambda: self.server.n_closed == 2, "the connection stays")

    def test_the_hub_is_watched_once(self):
        self.user(HttpUser).client.get("/")
        before = len(hub._watchers)
        self.user(FastHttpUser).client.get("/")
        self.assertEqual(len(hub._watchers), before)
        self.assertIs(hub.current, gevent.get_hub())


class Main(unittest.TestCase):
    def test_this_is_the_main_thread(self):
        # What is tested above is what run_single_user does: requests of the main greenlet.
        self.assertIs(threading.current_thread(), threading.main_thread())


if __name__ == "__main__":
    unittest.main()
