"""Users for the bench. One of the classes is chosen on the command line."""

import os
import time

from locust import FastHttpUser, HttpUser, constant, constant_throughput

PATH = os.environ.get("TARGET_PATH", "/v1/results")


def checked(user):
    """As the users of most Locust files: a request, its status, and what its JSON says."""
    with user.client.get(PATH, catch_response=True) as response:
        if response.status_code != 200:
            response.failure(f"status {response.status_code}")
        elif response.json()["status"] != "ok":
            response.failure("another answer")


def plain(user):
    user.client.get(PATH)


def worked(user):
    """A request and 100 us of Python, in which other users' answers come in."""
    user.client.get(PATH)
    until = time.perf_counter() + 100e-6
    while time.perf_counter() < until:
        pass


class HttpChecking(HttpUser):
    tasks = [checked]


class FastChecking(FastHttpUser):
    tasks = [checked]


class HttpResting(HttpUser):
    """One request in five seconds: what counts is what a user takes while it waits."""

    tasks = [plain]
    wait_time = constant(5)


class FastResting(FastHttpUser):
    tasks = [plain]
    wait_time = constant(5)


class HttpWorking(HttpUser):
    """Twenty requests a second."""

    tasks = [worked]
    wait_time = constant(0.05)


class FastWorking(FastHttpUser):
    tasks = [worked]
    wait_time = constant(0.05)


class HttpPaced(HttpUser):
    tasks = [plain]
    wait_time = constant_throughput(20)
