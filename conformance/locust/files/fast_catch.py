#: `catch_response` with `FastHttpUser`.
#: Compared: counts, failures, exceptions.
from support.bounded import finish

from locust import FastHttpUser, SequentialTaskSet, task
from locust.exception import ResponseError


class Steps(SequentialTaskSet):
    @task
    def judged(self):
        with self.client.get("/get", name="untouched", catch_response=True):
            pass
        with self.client.get("/status/500", name="untouched 500", catch_response=True):
            pass
        with self.client.get("/status/404", name="forgiven", catch_response=True) as response:
            response.success()
        with self.client.get("/get", name="failed", catch_response=True) as response:
            response.failure("not as expected")
        with self.client.get("/get", name="failed by exception", catch_response=True) as response:
            response.failure(ValueError("of another kind"))
        with self.client.get("/get", name="last word", catch_response=True) as response:
            response.failure("first")
            response.success()
        with self.client.get("/get", name="raised", catch_response=True):
            raise ResponseError("raised in the block")

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
    def block_without_catch(self):
        with self.client.get("/get", name="block"):
            print("never printed")

    @task
    def failure_without_catch(self):
        self.client.get("/get", name="failure").failure("no")

    @task
    def end(self):
        finish(self)


class Judge(FastHttpUser):
    tasks = [Steps]
