#: Exceptions in a `catch_response` block: with a verdict the request counts and the exception goes on, without one it
#: does not count at all.
#: Compared: counts, exceptions, exit code.
from support.bounded import finish

from locust import HttpUser, SequentialTaskSet, task
from locust.exception import RescheduleTask


class Steps(SequentialTaskSet):
    @task
    def raised_without_verdict(self):
        with self.client.get("/get", name="without verdict", catch_response=True):
            raise ValueError("before any verdict")

    @task
    def raised_after_failure(self):
        with self.client.get("/get", name="after failure", catch_response=True) as response:
            response.failure("failed first")
            raise ValueError("after failure")

    @task
    def raised_after_success(self):
        with self.client.get("/status/500", name="after success", catch_response=True) as response:
            response.success()
            raise KeyError("after success")

    @task
    def rescheduled(self):
        with self.client.get("/get", name="rescheduled", catch_response=True):
            raise RescheduleTask()

    @task
    def end(self):
        finish(self)


class Raiser(HttpUser):
    tasks = [Steps]
