"""Users for the bench. One of the classes is chosen on the command line."""

import os
import time

from locust import FastHttpUser, HttpUser, constant, constant_throughput, task

PATH = os.environ.get("TARGET_PATH", "/v1/results")


class Checking:
    """As the users of most Locust files: a request, its status, and what its JSON says."""

    @task
    def results(self):
        with self.client.get(PATH, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
            elif response.json()["status"] != "ok":
                response.failure("another answer")


class HttpChecking(Checking, HttpUser):
    pass


class FastChecking(Checking, FastHttpUser):
    pass


class Resting:
    """One request in five seconds: what counts is what a user takes while it waits."""

    wait_time = constant(5)

    @task
    def results(self):
        self.client.get(PATH)


class HttpResting(Resting, HttpUser):
    pass


class FastResting(Resting, FastHttpUser):
    pass


class Working:
    """Twenty requests a second, and 100 us of Python after each, in which other users' answers come in."""

    wait_time = constant(0.05)

    @task
    def results(self):
        self.client.get(PATH)
        until = time.perf_counter() + 100e-6
        while time.perf_counter() < until:
            pass


class HttpWorking(Working, HttpUser):
    pass


class FastWorking(Working, FastHttpUser):
    pass


class HttpPaced(HttpUser):
    """Twenty requests a second."""

    wait_time = constant_throughput(20)

    @task
    def results(self):
        self.client.get(PATH)
